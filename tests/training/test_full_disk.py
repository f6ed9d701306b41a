"""A disk that is full costs a sentence, and nothing of what stood there."""

from __future__ import annotations

import errno
import resource
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seget.dataset import Dataset, read_dataset
from seget.errors import RunError
from seget.listener import Listener
from seget.trained import load
from seget.training import Run, kept_steps, read_log, train
from training_runs import assert_same_run, short

# Log, model and one checkpoint of a SegET fit, and no second checkpoint.
ROOM_MB = 90


@pytest.fixture
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM_MB}m", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system may be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def assert_stands(folder: Path, step: int) -> None:
    """One epoch's log, model and checkpoint are whole, and nothing half-written lies beside."""
    assert len(read_log(folder)) == 1
    assert load(folder).provenance["step"] == step
    assert kept_steps(folder) == [step]
    assert not list(folder.rglob("*.part"))


def test_a_full_disk_keeps_what_was_finished(
    dataset: Dataset, tmp_path: Path, small_disk: Path
) -> None:
    run = Run(small_disk / "run")
    with pytest.raises(RunError, match=r"No space left .* are kept: .* go on with --resume"):
        train(dataset, ("rods",), short(), run)
    assert kept_steps(run.folder) == [3]
    assert not list(run.folder.rglob("*.part"))
    # The second epoch's row and perhaps its model stand: the checkpoint before them counts.
    subprocess.run(["mount", "-o", f"remount,size={4 * ROOM_MB}m", str(small_disk)], check=True)
    train(dataset, ("rods",), short(), replace(run, resume=True))
    train(dataset, ("rods",), short(), Run(tmp_path / "whole"))
    assert_same_run(tmp_path / "whole", run.folder)


class Narrows(Listener):
    """Lets no file grow beyond a size once an epoch is over: its limit in bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def epoch(self, row: dict[str, float]) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, resource.RLIM_INFINITY))


@pytest.mark.parametrize("limit", [10, 20_000_000])
def test_a_file_that_may_not_grow_is_the_same(dataset: Dataset, tmp_path: Path, limit: int) -> None:
    """The log fails, or the checkpoint after 20 of its 47 MB; the model may be the new one."""
    if resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY:
        pytest.skip("files are limited already")
    run = Run(tmp_path / "run")
    try:
        with pytest.raises(RunError, match=r"File too large") as error:
            train(dataset, ("rods",), short(), run, Narrows(limit))
    finally:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert isinstance(error.value.__cause__, OSError)
    assert error.value.__cause__.errno == errno.EFBIG
    assert kept_steps(run.folder) == [3]
    assert len(read_log(run.folder)) == (1 if limit == 10 else 2)
    assert load(run.folder).provenance["step"] in (3, 6)
    assert not list(run.folder.rglob("*.part"))
