"""A few kills of `make torture`: one of each verb, at random moments, in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Slices: OME-Zarr stores eight at a time, so that a kill may fall before, between and after.
FEW = ("--kills", "5", "--no-faults", "--slices", "10")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_every_verb_survives_being_killed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.torture", *FEW],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kills, 0 faults: 0 wrong" in done.stdout
