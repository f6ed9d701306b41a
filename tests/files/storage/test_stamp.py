"""Whether an input is still what it was: a file, or a folder of slices that outputs go into."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.errors import RunError
from seget.files import Stamp
from seget.volume import Volume


def test_a_file_that_changes_or_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    path.write_bytes(b"voxels")
    stamp = Stamp.of(path)
    stamp.check()
    assert Stamp.of(path) == stamp
    os.utime(path, ns=(0, 0))
    with pytest.raises(RunError, match="it changed while it was being read"):
        stamp.check()
    path.unlink()
    with pytest.raises(RunError, match="cannot be reached any more"):
        stamp.check()
    with pytest.raises(RunError, match="cannot be reached any more"):
        Stamp.of(path)


def test_a_file_that_was_cut_short_is_not_touched(tmp_path: Path) -> None:
    """Touching it would end this process, and with it the test."""
    path = tmp_path / "a.mrc"
    data = np.random.default_rng(0).integers(0, 255, (8, 128, 128), np.uint8)
    files.write(path, Volume(data))
    volume = files.read(path)
    watched = Stamp.of(path).watched(volume)
    np.testing.assert_array_equal(watched.slice(3), data[3])
    assert watched.fingerprint(full=True) == volume.fingerprint(full=True)
    os.truncate(path, 2048)
    with pytest.raises(RunError, match="it changed while it was being read"):
        watched.slice(7)


def test_a_folder_is_its_slices_and_not_what_is_written_into_it(tmp_path: Path) -> None:
    for name in ("0.tif", "1.tif"):
        (tmp_path / name).write_bytes(b"slice")
    stamp = Stamp.of(tmp_path)
    (tmp_path / ".scores.mrc.part").write_bytes(b"hidden")
    assert Stamp.of(tmp_path) == stamp
    (tmp_path / "out").mkdir()
    (tmp_path / "scores.mrc").write_bytes(b"whole")
    stamp.check()
    (tmp_path / "1.tif").write_bytes(b"another slice")
    with pytest.raises(RunError, match="it changed while it was being read"):
        stamp.check()
    (tmp_path / "1.tif").unlink()
    with pytest.raises(RunError, match="cannot be reached any more"):
        stamp.check()
