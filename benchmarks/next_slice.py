"""How fast accuracy grows with the annotated slices, chosen by `seget next`, evenly or at random.

    SEGET_DATA=/path/to/data python benchmarks/next_slice.py vnc -o build/next
    ... epfl -o build/next --steps 300 --most 8 --seeds 0,1 --ways next,even,random
    ... phantom -o build/try --steps 2 --most 2 --seeds 0

Each model begins from `general` and is trained `--steps` steps on 1, 2, ... slices; data, test
slices and scores are those of few_slices.py. `next` begins with the middle slice and adds the one
that the model trained so far asks for; `even` spreads anew for each number; `random` adds in an
order drawn from the seed, which is that of the training too. Each cell (way, number, seed) leaves a
JSON and is not made again; cells of the same slices and seed share a training. Prints a Markdown
table: test mIOU at 0.5 and at the best threshold, mean and range over the seeds. Slices
of epfl after 19 are not neighbours in the tissue; `next` takes them for such.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import fmean

import numpy as np
from few_slices import TEST, datasets, score

from seget import files, machine
from seget.configuration import configured
from seget.dataset import Dataset, read_dataset
from seget.prediction import next_slices
from seget.trained import Trained, general, load
from seget.training import Run, train

POOL = {"vnc": range(13), "epfl": range(34), "phantom": range(16)}  # slices that can be chosen
WAYS = ("next", "even", "random")


def trained_on(data: str, slices: list[int], seed: int, asked: argparse.Namespace) -> Path:
    """Train on some slices and score, unless it is done; return the folder of the run."""
    name = "-".join(map(str, sorted(slices)))
    folder = asked.out / data / f"{asked.steps}-{seed}" / name
    result = folder / "result.json"
    if not result.is_file():
        read, test = opened(data, slices, asked.out)
        length = [f"steps_per_epoch={asked.steps}", "epochs=1"]
        recipe, _ = configured(read, read.structures, [*length, *asked.set])
        run = Run(folder, seed=seed, start=general(), overwrite=True)
        trained = train(read, read.structures, recipe, run)
        files.write_json(result, {"slices": sorted(slices), **score(trained, test)})
    return folder


def opened(data: str, slices: list[int], out: Path) -> tuple[Dataset, Path]:
    """Return the dataset in which these slices are annotated, and the path of the test dataset."""
    learnt, test = datasets(data, slices, out)
    return read_dataset(learnt), test


def following(
    data: str, slices: list[int], trained: Trained, asked: argparse.Namespace
) -> tuple[int, str]:
    """Return the slice that a model trained on `slices` asks for, and its reason."""
    read, _ = opened(data, slices, asked.out)
    left = [z for z in POOL[data] if z not in slices]
    (best,) = next_slices(read, [trained], slices=left)
    return best.z, best.reason


def evenly(pool: range, number: int) -> list[int]:
    """Return slices in the middles of that many equal parts of the pool.

    >>> evenly(range(13), 1), evenly(range(13), 4)
    ([6], [1, 4, 8, 11])
    """
    return [pool[int((part + 0.5) * len(pool) / number)] for part in range(number)]


def cell(
    data: str, way: str, number: int, seed: int, asked: argparse.Namespace
) -> dict[str, object]:
    """Return a cell: its slices, its scores, and of `next` the reason of its last slice."""
    path = asked.out / data / f"{asked.steps}-{seed}" / f"{way}-{number}.json"
    if path.is_file():
        return json.loads(path.read_text())
    reason = ""
    if way == "random":
        order = np.random.default_rng(seed).permutation(len(POOL[data]))
        slices = [POOL[data][at] for at in order[:number]]
    elif way == "even" or number == 1:
        slices = evenly(POOL[data], number)
    else:
        before = [int(z) for z in cell(data, way, number - 1, seed, asked)["slices"]]
        trained = load(trained_on(data, before, seed, asked))
        z, reason = following(data, before, trained, asked)
        slices = [*before, z]
    run = trained_on(data, slices, seed, asked)
    scores = json.loads((run / "result.json").read_text())
    found = scores | {"slices": slices, "reason": reason}
    files.write_json(path, found)
    return found


def row(way: str, number: int, cells: list[dict[str, object]]) -> str:
    """Return a line of the table: a way and a number of slices, over the seeds."""
    shown = []
    for key in ("mean", "best threshold"):
        values = [float(one[key]) for one in cells]
        shown.append(f"{fmean(values):.4f} ({min(values):.4f} to {max(values):.4f})")
    slices = "; ".join(", ".join(map(str, one["slices"])) for one in cells)
    return f"| {way} | {number} | {' | '.join(shown)} | {slices} |"


def main() -> None:
    """Train each cell that is not there, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=list(TEST))
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=8, help="number of slices to grow to")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    asked = parser.parse_args()
    asked.out = asked.out / "-".join(["next", *asked.set]).replace("=", "")
    machine.keep_freed_memory()
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    print("| slices by | number | test mIOU | at the best threshold | slices, by seed |")
    print("|---|---|---|---|---|", flush=True)
    for number in range(1, asked.most + 1):
        for way in asked.ways.split(","):
            cells = [cell(asked.data, way, number, seed, asked) for seed in seeds]
            print(row(way, number, cells), flush=True)


if __name__ == "__main__":
    main()
