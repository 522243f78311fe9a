"""What breaks the job pipeline for the fault tests, `make chaos` and the queue benchmark, and what they break it with.

Proxies in front of SQS, S3 and PostgreSQL; real worker processes with compressed times; kinds of job with an effect
that can be counted. A Django app of the tests only: `tests.faults.settings` installs it.
"""
