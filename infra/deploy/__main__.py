"""python -m infra.deploy sha256:... --prefix academy-m [--dry-run]: one image for every service, migration first."""

from __future__ import annotations

import argparse
import sys

import boto3

from infra.deploy.release import SERVICES, DeployFailed, Release


def main() -> int:
    """Run one release; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    parser.add_argument("digest", help="of the image, in the repository that the services use")
    parser.add_argument("--prefix", required=True, help="the cluster: academy-s, academy-m, academy-l")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done; nothing is changed")
    parser.add_argument("--service", action="append", choices=SERVICES, help="only this one (default: all, in order)")
    parser.add_argument("--without-migration", action="store_true", help="for going back: docs/runbook/bad-deploy.md")
    options = parser.parse_args()
    try:
        Release(
            ecs=boto3.client("ecs"),
            events=boto3.client("events"),
            prefix=options.prefix,
            digest=options.digest,
            say=lambda line: print(line, flush=True),
            services=tuple(options.service or SERVICES),
            is_dry=options.dry_run,
            has_migration=not options.without_migration,
        ).run()
    except DeployFailed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    print("dry run: nothing was changed" if options.dry_run else "every service runs the release")
    return 0


if __name__ == "__main__":
    sys.exit(main())
