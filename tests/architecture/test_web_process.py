"""The web process stays light: it loads no image library and no array library, and serves a request without them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HEAVY = [
    "cv2",
    "numpy",
    "scipy",
    "skimage",
    "pypdfium2",
    "pillow_heif",
    "zxingcpp",
    "av",
    "workers",
    "infra",
    "tests",
]
MAX_RSS_MIB = 200.0
PROBE = f"""
import json, sys
from academy.wsgi import application
from django.urls import get_resolver
get_resolver().url_patterns
from academy.jobs.backend import job_kinds
assert job_kinds()
started = []
body = b"".join(application(
    {{"REQUEST_METHOD": "GET", "PATH_INFO": "/health", "SERVER_NAME": "x", "SERVER_PORT": "80",
      "wsgi.url_scheme": "http", "wsgi.input": sys.stdin.buffer}},
    lambda status, headers: started.append(status)))
rss = next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]
print(json.dumps({{"loaded": [name for name in {HEAVY!r} if name in sys.modules], "rss_mib": int(rss) / 1024,
                  "answer": started[0]}}))
"""


def test_the_web_process_loads_nothing_heavy(record_property: Any) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["answer"] == "200 OK"
    assert found["loaded"] == []
    assert found["rss_mib"] < MAX_RSS_MIB
    record_property("covered", ("MiB of memory in a web process that has loaded every URL", round(found["rss_mib"])))


def test_the_service_of_streams_loads_nothing_heavy() -> None:
    probe = f"import sys, academy.asgi; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
