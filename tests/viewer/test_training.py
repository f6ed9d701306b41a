"""A training that is stopped goes on where it was, and lives on without whoever began it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_here import why_no_window
from seget.viewer.session import open_session, runs
from seget.viewer.session.jobs import LINES, Job

pytestmark = [
    # It needs no window, but a minute: make test-viewer runs it.
    pytest.mark.skipif(bool(why_no_window()), reason=why_no_window()),
    pytest.mark.timeout(400),
]


def _wait(job: Job, until: Callable[[], bool], most_s: float = 180) -> None:
    end = time.monotonic() + most_s
    while not until():
        assert time.monotonic() < end, job.poll()
        assert not job.poll().error, job.progress.error
        time.sleep(0.1)


def test_stop_keeps_and_train_goes_on(tomogram: Path, truth: dict[str, Any]) -> None:
    session = open_session(tomogram)
    for name, drawn in truth.items():
        value = session.add(name).value
        for z in (1, 3):
            session.drawing.labels[z][drawn[z]] = value
            session.take_strokes([z])
            session.set_complete(z, value, True)
    job = runs.train(session, list(truth), 1.0, runs.GENERAL)
    _wait(job, lambda: (job.progress.share or 0) > 0.1)
    job.stop()
    _wait(job, lambda: not job.is_running)
    stopped = job.poll().share or 0
    assert not runs.is_finished(job)
    told = (job.folder / LINES).stat().st_size

    again = runs.train(session, list(truth), 1.0, runs.GENERAL)
    assert again.folder == job.folder
    assert "--resume" in again.said["command"]
    found = runs.last_job(open_session(tomogram))  # as another viewer would
    assert found is not None
    assert found.is_running
    _wait(found, lambda: len([s for s, _ in found.progress.losses if s > stopped]) > 3)
    lines = (job.folder / LINES).read_bytes()[told:].decode().splitlines()
    shares = [json.loads(line)["share"] for line in lines if line.startswith('{"share"')]
    assert min(shares) > stopped / 2, "not from the beginning"
    found.stop()
    _wait(found, lambda: not again.is_running)
