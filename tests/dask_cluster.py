"""A real Dask cluster on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def local_cluster(workers: int, processes: bool = True, **more: object) -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    # Its logs tell of killed workers what the tests want.
    with distributed.LocalCluster(
        n_workers=workers,
        **{"threads_per_worker": 1, "dashboard_address": ":0", "protocol": "tcp"} | more,
        processes=processes,
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster.scheduler_address
