"""The product on AWS, as CDK stacks. Of an environment of its own: see `make check-infra`."""
