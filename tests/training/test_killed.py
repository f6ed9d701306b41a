"""`seget train` in a process of its own, killed at moments that nobody chose."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from seget.dataset import read_dataset
from seget.errors import RunError
from seget.recipes import modern
from seget.trained import general
from seget.training import Run, kept_steps, train
from training_runs import assert_same_run

SETTINGS = ["patch_px=32", "batch_size=2", "epochs=3", "steps_per_epoch=5"]
PATIENCE_S = 60


def command(dataset: Path, folder: Path, *options: str) -> Sequence[str]:
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    start = [sys.executable, "-c", "from seget.cli import main; main()", "train", str(dataset)]
    return [*start, "-s", "rods", "-o", str(folder), "--resume", *settings, *options]


def begin(dataset: Path, folder: Path) -> subprocess.Popen[str]:
    """Start or resume a run; return its process when it has made and kept two further steps."""
    before = (kept_steps(folder) or [0])[-1]
    # A checkpoint a step: most kills then fall into the writing of one.
    running = subprocess.Popen(
        command(dataset, folder, "--checkpoint-minutes", "0"),
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + PATIENCE_S
    while (kept_steps(folder) or [0])[-1] < before + 2:
        assert running.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.005)
    return running


def test_a_killed_run_goes_on_to_the_same_weights(small_dataset: Path, tmp_path: Path) -> None:
    """Twice killed, once asked to end: what comes out is the undisturbed run's, bit for bit."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    chosen = ["deep_supervision=0", "weight_interpolation=true"]  # as the command chooses
    recipe = modern().override([*SETTINGS, *chosen])
    moments = random.Random(5)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        running = begin(small_dataset, killed)
        time.sleep(moments.uniform(0, 0.1))
        if number == signal.SIGTERM:
            running.send_signal(signal.SIGSTOP)  # it holds its folder, and makes no steps meanwhile
            with pytest.raises(RunError, match="another process of seget"):
                train(
                    read_dataset(small_dataset),
                    ("rods",),
                    recipe,
                    Run(killed, resume=True, start=general()),
                )
            running.send_signal(signal.SIGCONT)
        running.send_signal(number)
        _, said = running.communicate(timeout=PATIENCE_S)
        if number == signal.SIGTERM:
            assert running.returncode == 1
            assert f"step {kept_steps(killed)[-1]} is kept; the same command with --resume" in said
        else:
            assert running.returncode == -signal.SIGKILL, "it was killed in the middle"
    subprocess.run(command(small_dataset, killed), check=True, capture_output=True)
    train(read_dataset(small_dataset), ("rods",), recipe, Run(whole, start=general()))
    assert kept_steps(killed)[-1] == 15
    assert_same_run(whole, killed)
    assert not list(killed.rglob("*.part"))
