"""A few kills of `make torture`: one of each verb, at random moments, in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_every_verb_survives_being_killed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.torture", "--kills", "5", "--no-faults"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kills, 0 faults: 0 wrong" in done.stdout
