"""Where the numbers of a process are kept and how they are read: on a port of their own, on no academy's host.

A worker's are in its memory. Web processes come and go, so theirs are in files of a folder that they share
(``PROMETHEUS_MULTIPROC_DIR``), a file per place among the processes (``METRICS_SLOT``) and not per process: a process
that takes the place of another counts on in its file, and the folder does not grow.
"""

from __future__ import annotations

import os
from typing import Final
from wsgiref.simple_server import WSGIServer

import prometheus_client.values
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
SLOT_VARIABLE: Final = "METRICS_SLOT"

if FOLDER_VARIABLE in os.environ:
    # Before the first metric is made, which this module is imported for.
    prometheus_client.values.ValueClass = prometheus_client.values.MultiProcessValue(  # type: ignore[no-untyped-call]
        process_identifier=lambda: os.environ.get(SLOT_VARIABLE, "0")
    )


def address_of(bind: str) -> tuple[str, int]:
    """The host and the port of "host:port". Raises ``ValueError``."""
    host, separator, port = bind.rpartition(":")
    if not separator or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{bind!r} is not host:port")
    return host.strip("[]"), int(port)


def serve_metrics(bind: str, *, of_folder: str | None = None) -> WSGIServer:
    """Answer ``GET /metrics`` at ``bind`` ("host:port") from a thread; the sums over ``of_folder`` where it is given.

    Raises ``ValueError`` and ``OSError``.
    """
    host, port = address_of(bind)
    registry = REGISTRY
    if of_folder is not None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=of_folder)  # type: ignore[no-untyped-call]
    server, _thread = start_http_server(port, addr=host, registry=registry)
    return server


def watch(collector: Collector) -> None:
    """Ask ``collector`` at each reading of this process's metrics."""
    REGISTRY.register(collector)
