"""How the web processes run: gunicorn --config infra/gunicorn_conf.py academy.wsgi

Set by the environment: WEB_BIND (address:port), WEB_CONCURRENCY (processes; a container's share of a machine is not
visible to it, so a deployment names it).
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

bind = os.environ.get("WEB_BIND", "0.0.0.0:8000")  # in a container: the load balancer is the way in

# Synchronous, one per core: the requests are short and busy with Python, and threads cost such work half its speed.
worker_class = "sync"
workers = int(os.environ.get("WEB_CONCURRENCY") or len(os.sched_getaffinity(0)))

# Each worker imports the application for itself, so that none inherits another's connections to PostgreSQL or S3
# over a fork; with one process per core the memory that sharing would save is small.
preload_app = False

timeout = 30  # seconds for one request; the database gives up on a statement before that (roles.sql)
graceful_timeout = 25  # seconds to finish at SIGTERM: ECS sends SIGKILL after 30
# Then a fresh process, so that a slow leak never gets old: half an hour's work at the least, as its place is empty for
# the four seconds in which the next one imports the application.
max_requests = 50_000
max_requests_jitter = 10_000  # not all of them at once

# The heartbeat of a worker is a file; on a disk that stalls it would be taken for dead.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn makes a private file in it
control_socket_disable = True  # it would want a folder in a home that a read-only container doesn't have

# Each process counts in a file of this folder; their parent adds up and answers Prometheus at METRICS_BIND.
if os.environ.get("METRICS_BIND"):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="metrics-")


def when_ready(server: Any) -> None:  # noqa: ARG001  gunicorn's signature
    if os.environ.get("METRICS_BIND"):
        from academy.metrics.process import serve_metrics

        serve_metrics(os.environ["METRICS_BIND"], of_folder=os.environ["PROMETHEUS_MULTIPROC_DIR"])


def on_exit(server: Any) -> None:  # noqa: ARG001  gunicorn's signature
    if os.environ.get("METRICS_BIND"):
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def pre_fork(server: Any, worker: Any) -> None:
    """Give the new process the lowest place that no living one has: it counts on in the file of who had it."""
    taken = {other.metrics_slot for other in server.WORKERS.values()}
    worker.metrics_slot = min(set(range(len(taken) + 1)) - taken)
    os.environ["METRICS_SLOT"] = str(worker.metrics_slot)


def worker_exit(server: Any, worker: Any) -> None:  # noqa: ARG001  gunicorn's signature
    from academy.traces.exporting import stop_tracing

    stop_tracing()


accesslog = None  # the load balancer logs requests; the application logs what it knows about them
errorlog = "-"
