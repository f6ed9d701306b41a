"""The process that predicts: what goes wrong in it is a sentence, and it begins anew."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from napari_here import why_no_window
from seget.viewer.worker import Worker

# It imports torch, which takes seconds: make test-viewer runs it.
pytestmark = pytest.mark.skipif(bool(why_no_window()), reason=why_no_window())


def _answer(worker: Worker, number: int, most_s: float = 90) -> dict[str, Any]:
    end = time.monotonic() + most_s
    while time.monotonic() < end:
        for answer in worker.poll():
            if answer["id"] == number:
                return answer
        time.sleep(0.05)
    raise AssertionError("no answer came")


def test_a_fault_and_a_death_are_sentences(tmp_path: Path) -> None:
    worker = Worker()
    missing = str(tmp_path / "runs" / "001")
    request = {"tomogram": str(tmp_path / "cell.mrc"), "invert": False, "model": missing}
    said = _answer(worker, worker.ask("predict", z=0, out=str(tmp_path / "0.npy"), **request))
    assert missing in said["error"]
    assert not worker.is_busy

    number = worker.ask("warm", **{**request, "model": None})
    assert worker._process is not None
    os.kill(worker._process.pid, signal.SIGKILL)
    said = _answer(worker, number)
    assert said.get("ended") or "press again" in said["error"]
    number = worker.ask("warm", **{**request, "model": None})
    assert _answer(worker, number)["ended"]
    worker.close()
