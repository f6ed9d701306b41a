"""Commands that are killed at random moments until their work is done all the same.

case -> kills survived, whether the result is the undisturbed one

The result is compared byte by byte, but for the times and paths that every run writes anew.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.torture.data import Case
from benchmarks.torture.process import KILLED, Process, run

# Kills of one trial; after them the command is left to end.
KILLS_A_TRIAL = 4
# What says when, where or for how long.
TIMES = {"time", "minutes", "elapsed_s", "validation_s", "file", "tomogram", "path"}


@dataclass
class Survival:
    """What became of one case.

    Attributes
    ----------
    kills
        Processes killed while they worked.
    trials
        Outputs that were brought to their end.
    faults
        A sentence for each output that is not the undisturbed one.
    """

    name: str
    seconds: float
    kills: int = 0
    trials: int = 0
    faults: list[str] = field(default_factory=list)


def survive(case: Case, folder: Path, kills: int, seed: int) -> Survival:
    """Kill a case so often; each trial's end must be what the undisturbed run gives."""
    log = folder / "log.txt"
    undisturbed = run(case.command(folder / "whole"), log)
    if undisturbed.code != 0:
        raise RuntimeError(f"{case.name}: fails even undisturbed: {undisturbed.said}")
    wanted = fingerprint(folder / "whole" / case.out)
    found = Survival(case.name, undisturbed.seconds)
    moments = random.Random(f"{case.name} {seed}")
    while found.kills < kills:
        trial = folder / "trial"
        shutil.rmtree(trial, ignore_errors=True)
        found.kills += _kill_until_tired(
            case, trial, log, moments, min(KILLS_A_TRIAL, kills - found.kills), found.seconds
        )
        ended = run(case.command(trial, taken_up=True), log)
        found.trials += 1
        if ended.code != 0:
            found.faults.append(f"exit code {ended.code}: {ended.said.strip()[-300:]}")
        elif (got := fingerprint(trial / case.out)) != wanted:
            odd = sorted(
                name for name in got.keys() | wanted.keys() if got.get(name) != wanted.get(name)
            )
            found.faults.append(f"not as undisturbed: {', '.join(odd)}")
    return found


def _kill_until_tired(
    case: Case, trial: Path, log: Path, moments: random.Random, most: int, seconds: float
) -> int:
    """Start a command again and again and kill it; return how often it was at work when killed."""
    kills = 0
    while kills < most:
        process = Process(case.command(trial, taken_up=True), log)
        if process.wait_at_most(moments.uniform(0.02, 1.05) * seconds) is not None:
            return kills  # it was quicker
        process.kill()
        kills += process.wait().code == KILLED
    return kills


def fingerprint(output: Path) -> dict[str, str]:
    """Return a hash of each file of an output, hidden ones too: nothing may be left behind."""
    beside = output.parent.glob(f"*{output.stem}*") if output.suffix else [output]
    found = [path for each in beside for path in ([each] if each.is_file() else each.rglob("*"))]
    return {
        str(path.relative_to(output.parent)): hashlib.sha256(_timeless(path)).hexdigest()
        for path in found
        if path.is_file() and path.suffix != ".png"  # the curves have seconds on their axis
    }


def _timeless(path: Path) -> bytes:
    if path.suffix == ".json":
        return json.dumps(_without_times(json.loads(path.read_bytes()))).encode()
    if path.suffix == ".csv":
        rows = csv.DictReader(io.StringIO(path.read_text()))
        return json.dumps([_without_times(row) for row in rows]).encode()
    if path.parent.name == "checkpoints":
        return _tensors(path)
    return path.read_bytes()


def _tensors(path: Path) -> bytes:
    """Return the tensors of a checkpoint: its plain numbers hold the seconds of the run."""
    content = path.read_bytes()
    return content[8 + int.from_bytes(content[:8], "little") :]


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k not in TIMES}
    return [_without_times(v) for v in value] if isinstance(value, list) else value
