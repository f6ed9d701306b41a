"""Every kill and every fault, in turn; the table that docs/reliability.md shows.

    python -m benchmarks.torture [--kills 200] [--seed 0] [--slices 24] [--faults | --no-faults]

Exits 1 if a single result is not the undisturbed one. Writes build/torture.json.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: many small runs, not one large

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.torture import data, faults
from benchmarks.torture.data import Case
from benchmarks.torture.faults import Verdict
from benchmarks.torture.kills import survive

# Imported once, here; what is forked has them.
ROOMS = ("dataset", "evaluation", "files", "prediction", "trained", "training", "cli.progress")


def main() -> int:
    """Kill, starve and mislead; print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--slices", type=int, default=data.SLICES)
    parser.add_argument("--faults", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    for room in ROOMS:
        import_module(f"seget.{room}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        folder = Path(name)
        data.make(folder, options.slices)
        cases = data.cases(folder)
        survivals, left = [], options.kills
        print(f"{'case':18}{'kills':>8}{'outputs':>10}{'faults':>8}{'undisturbed':>14}", flush=True)
        for number, case in enumerate(cases):
            kills = left // (len(cases) - number)
            left -= kills
            survivals.append(survive(case, folder, kills, options.seed))
            each = survivals[-1]
            row = f"{each.name:18}{each.kills:8}{each.trials:10}{len(each.faults):8}"
            print(f"{row}{each.seconds:12.2f} s", flush=True)
            for sentence in each.faults:
                print(f"  {sentence}", flush=True)
        verdicts = _faults(cases, folder) if options.faults else []
        for verdict in verdicts:
            how = f"fails: {verdict.fault}" if verdict.fault else "holds"
            print(f"{verdict.name:42}{how}\n    {verdict.sentence}", flush=True)
    wrong = sum(len(each.faults) for each in survivals) + sum(bool(v.fault) for v in verdicts)
    kills = sum(each.kills for each in survivals)
    minutes = (time.monotonic() - started) / 60
    print(f"{kills} kills, {len(verdicts)} faults: {wrong} wrong, {minutes:.1f} minutes")
    report = {"kills": [asdict(s) for s in survivals], "faults": [asdict(v) for v in verdicts]}
    Path("build").mkdir(exist_ok=True)
    Path("build/torture.json").write_text(json.dumps(report, indent=1) + "\n")
    return 1 if wrong else 0


def _faults(cases: list[Case], folder: Path) -> list[Verdict]:
    by_name = {case.name: case for case in cases}
    train, predict, segment = by_name["train"], by_name["predict"], by_name["segment"]
    tried = [
        faults.full_disk(train, folder, "train: full disk", 60_000),
        faults.full_disk(predict, folder, "predict: full disk, seen before the work", 500),
        faults.full_disk(segment, folder, "segment: full disk, seen before the work", 900),
        faults.read_only(train, folder),
        faults.read_only(segment, folder),
        faults.input_that("vanishes", segment, folder, Path.unlink),
        faults.input_that("changes", segment, folder, _grow),
        faults.input_that("is cut short", segment, folder, _cut),
        faults.second_process(train, folder),
        faults.second_process(segment, folder),
    ]
    return [verdict for verdict in tried if verdict is not None]


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _cut(path: Path) -> None:
    os.truncate(path, 1024 + 4096)


if __name__ == "__main__":
    raise SystemExit(main())
