"""``make check-deep``: generated requests over the API schema by people of two academies; fails on what it finds.

Fails: a 5xx, a value of the other academy in an answer, a content type the schema does not have, a statement on a
tenant table without its tenant. Only reported: statuses and bodies that are not as the schema says.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from random import Random

SEEDS = 1_000_000


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.deep", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, help="as printed by an earlier run")
    parser.add_argument("--examples", type=int, default=25, help="random cases for each operation (%(default)s)")
    parser.add_argument("--only", default="", help="operations whose id contains this")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    seed = Random(secrets.randbits(64)).randrange(SEEDS) if arguments.seed is None else arguments.seed
    print(f"check-deep: --seed {seed} --examples {arguments.examples}", flush=True)
    begun = time.monotonic()

    import tests.environment  # noqa: F401  makes the database, and the environment that settings are read from

    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings"
    from academy.wsgi import application
    from tests.deep.run import run

    findings = run(application, seed=seed, examples=arguments.examples, only=arguments.only)
    print(f"{len(findings)} findings, {time.monotonic() - begun:.0f} s")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
