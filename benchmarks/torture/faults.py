"""Full disks, read-only folders, inputs that go away or change, a second process.

fault -> one sentence, and afterwards the undisturbed result

Each fault is real: disks are small mounted ones, and where nothing may be mounted they are left out
and said to be.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.torture.data import Case
from benchmarks.torture.kills import fingerprint
from benchmarks.torture.process import Outcome, Process, run

# Two runs with two checkpoints of 35 MB each fit.
DISK_KB = 256 * 1024


@dataclass(frozen=True)
class Verdict:
    """What a fault led to: the sentence, and what is wrong with it or with the work after it."""

    name: str
    sentence: str
    fault: str = ""


@contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[Path | None]:
    """Mount a disk of a size for a moment; None where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    found = shutil.which("mount")
    mounted = found and subprocess.run(words, capture_output=True, check=False).returncode == 0
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def judge(name: str, outcome: Outcome, mended: Outcome, got: object, wanted: object) -> Verdict:
    """Say whether a fault was one sentence, and whether the same command then did its work."""
    lines = outcome.said.strip().splitlines()
    sentence = lines[-1] if lines else "(nothing)"
    if outcome.code not in (1, 2) or not outcome.is_one_sentence:
        return Verdict(name, sentence, f"exit code {outcome.code}, no sentence")
    if mended.code != 0:
        return Verdict(name, sentence, f"then exit code {mended.code}: {mended.said[-300:]}")
    return Verdict(name, sentence, "" if got == wanted else "then another result")


def full_disk(case: Case, folder: Path, name: str, free_kilobytes: int) -> Verdict | None:
    """Run with so much space, then with enough."""
    with disk(folder / "disk", DISK_KB) as small:
        if small is None:
            return None
        ballast = small / "ballast"
        ballast.write_bytes(bytes((DISK_KB - free_kilobytes) * 1024))
        outcome = run(case.command(small), folder / "log.txt")
        ballast.unlink()
        mended = run(case.command(small, taken_up=True), folder / "log.txt")
        got = fingerprint(small / case.out)
    return judge(name, outcome, mended, got, fingerprint(folder / "whole" / case.out))


def read_only(case: Case, folder: Path) -> Verdict | None:
    """Write to a disk that takes nothing, then to the same one when it does."""
    with disk(folder / "disk", DISK_KB) as small:
        if small is None:
            return None
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        outcome = run(case.command(small), folder / "log.txt")
        subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
        mended = run(case.command(small, taken_up=True), folder / "log.txt")
        got = fingerprint(small / case.out)
    name = f"{case.name}: read-only target"
    return judge(name, outcome, mended, got, fingerprint(folder / "whole" / case.out))


def input_that(verb: str, case: Case, folder: Path, spoil: Callable[[Path], None]) -> Verdict:
    """Let the tomogram change or go away while it is read; bring it back, and run again."""
    tomogram = folder / "tomogram.mrc"
    aside, trial = folder / "aside.mrc", folder / "trial"
    shutil.copy2(tomogram, aside)
    shutil.rmtree(trial, ignore_errors=True)
    process = Process(case.command(trial), folder / "log.txt")
    while not list(trial.glob("*/.*.journal")):  # until it has begun
        time.sleep(0.005)
    spoil(tomogram)
    outcome = process.wait()
    os.replace(aside, tomogram)
    mended = run(case.command(trial, taken_up=True), folder / "log.txt")
    got, wanted = fingerprint(trial / case.out), fingerprint(folder / "whole" / case.out)
    return judge(f"{case.name}: input that {verb}", outcome, mended, got, wanted)


def second_process(case: Case, folder: Path) -> Verdict:
    """Start a command twice; the first must not be disturbed."""
    trial = folder / "trial"
    shutil.rmtree(trial, ignore_errors=True)
    first = Process(case.command(trial), folder / "log.txt")
    while not list(trial.rglob(".*.lock")):
        time.sleep(0.002)
    second = run(case.command(trial, taken_up=True), folder / "second.txt")
    ended = first.wait()
    got, wanted = fingerprint(trial / case.out), fingerprint(folder / "whole" / case.out)
    return judge(f"{case.name}: second process", second, ended, got, wanted)
