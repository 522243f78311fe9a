"""`make chaos`: random faults by a seed; fails unless every job ended once, with one effect."""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / "build" / "chaos"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, help="as printed by an earlier run")
    parser.add_argument("--jobs", type=int, default=1000, help="%(default)s")
    parser.add_argument("--limit", type=float, default=170.0, help="seconds until it is given up (%(default)s)")
    arguments = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed
    print(f"chaos: --seed {seed} --jobs {arguments.jobs}", flush=True)
    begun = time.monotonic()

    from infra.local.children import Output, preparation_commands
    from infra.local.supervisor import Stack

    shutil.rmtree(STATE, ignore_errors=True)
    (STATE / "logs").mkdir(parents=True)
    with (STATE / "logs" / "stack").open("w") as log:
        migrate = preparation_commands()[:1]
        with Stack(STATE, output=Output(log), commands=(), preparations=migrate) as stack:
            os.environ.update(stack.environment)
            import django

            django.setup()
            from tests.chaos.run import Chaos

            failures = Chaos(seed, arguments.jobs, arguments.limit, STATE / "logs").run()
    for failure in failures:
        print(f"FAILED: {failure}")
    print(f"{'FAILED' if failures else 'held'}, {time.monotonic() - begun:.0f} s; logs in {STATE / 'logs'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
