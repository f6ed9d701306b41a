"""Two processes, one output."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.errors import RunError
from seget.volume import Volume

HOLD = """
import sys, time
from seget import files
with files.only_one(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_told_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunError, match="another process of seget"), files.only_one(tmp_path):
            pass
    finally:
        holder.kill()
        holder.communicate()
    started = time.monotonic()
    with files.only_one(tmp_path):
        assert time.monotonic() - started < 5
    assert not list(tmp_path.iterdir())


def test_two_writers_of_one_volume(tmp_path: Path) -> None:
    like = Volume(np.zeros((2, 3, 4), np.uint8))
    with files.create(tmp_path / "a.mrc", like, np.uint8) as writer:
        writer[0] = np.ones((3, 4), np.uint8)
        with pytest.raises(RunError, match=r"a\.mrc: another process"):
            files.write(tmp_path / "a.mrc", like)
        files.write(tmp_path / "b.mrc", like)
    assert np.asarray(files.read(tmp_path / "a.mrc").data)[0].all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mrc", "b.mrc"]
