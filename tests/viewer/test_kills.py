"""Killed while painting or training, napari comes back with every stroke that is two seconds old.

SEGET_KILLS=30 make test-viewer ARGS="-k kill" is the long run; its figures are in
build/viewer_kills.json.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from napari_here import why_no_window
from seget import files
from seget.dataset import read_dataset
from seget.viewer.session import open_session, runs
from seget.volume import Volume

KILLS = int(os.environ.get("SEGET_KILLS", "2"))
TESTS = Path(__file__).parents[1]
SHAPE = (24, 256, 256)
OLD_S = 2.0


@pytest.mark.skipif(bool(why_no_window()), reason=why_no_window())
@pytest.mark.timeout(60 + 60 * KILLS)
def test_no_stroke_is_lost_to_a_kill(tmp_path: Path) -> None:
    grey = np.random.default_rng(3).integers(0, 256, SHAPE).astype(np.uint8)
    tomogram, log = tmp_path / "cell.mrc", tmp_path / "strokes.jsonl"
    files.write(tomogram, Volume(grey, (2.0, 2.0, 2.0)))
    random = np.random.default_rng(7)
    found: dict[str, Any] = {"kills": 0, "strokes": 0, "lost": 0, "newest_lost_s": 0.0}
    for number in range(KILLS):
        killed_at = _killed(tomogram, log, float(random.uniform(1, 6)), train=number % 3 == 1)
        strokes = [json.loads(line) for line in log.read_text().splitlines()]
        lost = _lost(tomogram, strokes)
        found["kills"] += 1
        found["strokes"] = len(strokes)
        old = [one for one in lost if killed_at - one["t"] > OLD_S]
        found["lost"] += len(old)
        newest = max((killed_at - one["t"] for one in lost), default=0.0)
        found["newest_lost_s"] = max(found["newest_lost_s"], newest)
        assert not old, f"kill {number}: {old}"
        kept = [one for one in strokes if one not in lost]
        log.write_text("".join(json.dumps(one) + "\n" for one in kept))
    build = TESTS.parent / "build"
    build.mkdir(exist_ok=True)
    files.write_json(build / "viewer_kills.json", found)


def _killed(tomogram: Path, log: Path, seconds: float, train: bool) -> float:
    """Let a viewer paint for so long after its first stroke, kill it; return when."""
    before = len(log.read_text().splitlines()) if log.exists() else 0
    command = [sys.executable, "-W", "ignore", str(TESTS / "napari_painter.py")]
    flags = ["--train"] if train else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    process = subprocess.Popen([*command, str(tomogram), str(log), *flags], env=environment)
    try:
        end = time.monotonic() + 90
        while not log.exists() or len(log.read_text().splitlines()) <= before:
            assert process.poll() is None, "the painter ended by itself"
            assert time.monotonic() < end, "the painter painted nothing"
            time.sleep(0.02)
        time.sleep(seconds)
    finally:
        process.kill()
        process.wait()
    killed_at = time.time()
    if train:
        _end_training(tomogram)
    return killed_at


def _end_training(tomogram: Path) -> None:
    """The training lives on: end it, as nobody waits for it."""
    job = runs.last_job(open_session(tomogram))
    if job is None or not job.said:  # killed before it began
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(job.said["pid"])
        process.kill()
        process.wait(10)


def _lost(tomogram: Path, strokes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the strokes that are not there; fail if a file is not whole."""
    session = open_session(tomogram)
    for path in session.folder.rglob("*.tif"):
        if not path.name.startswith("."):
            assert files.read(path).slice(0).shape == SHAPE[1:]
    if session.state.order:
        read = read_dataset(session.dataset)
        for name, mask in read.tomograms[0].masks.items():
            value = next(one.value for one in session.structures if one.name == name)
            for z in mask.annotated:
                assert np.array_equal(mask.slice(z), session.drawing.labels[z] == value)
    labels = session.drawing.labels
    return [one for one in strokes if labels[one["z"], one["y"], one["x"]] != one["value"]]
