"""What three annotated slices are worth, from scratch and begun from the model that is shipped.

    SEGET_DATA=/path/to/data python benchmarks/few_slices.py vnc -o build/few --steps 150
    ... epfl -o build/few --steps 150,600 --slices 3,8 --seeds 0,1 --starts scratch,general
    ... vnc -o build/few --steps 150 --set learning_rate=0.001
    ... vnc epfl -o build/few --curves docs/few-slices.png

`vnc`: mitochondria of $SEGET_DATA/vnc, slices out of 0 to 12, tested on 16 to 19. `epfl`: four
structures jointly of $SEGET_DATA/epfl, slices out of 0 to 33, tested on the five slices of another
block of tissue. `phantom`: the five structures of an unseen simulated cell (seed 1), slices out of
0 to 15, tested on 20 to 23. No slice validates: the last weights, at 0.5, are scored. Prints a
Markdown table; runs that are there are not made again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from seget import files, machine
from seget.configuration import configured
from seget.dataset import read_dataset
from seget.device import choose_device
from seget.phantom import Settings, simulate
from seget.prediction import Options, Scorer, TorchEngine, open_reader
from seget.trained import Trained, general, load
from seget.training import Run, train
from seget.training.validation import validate

EPFL = ("mitochondria", "psd", "vesicles", "membranes")
CHOSEN = {  # slices that one annotates first, in this order
    "vnc": (2, 6, 10, 4, 8, 0, 12, 1, 3, 5, 7, 9, 11),
    "epfl": (2, 9, 16, 5, 13, 24, 30, 19),
    "phantom": (3, 8, 13, 5, 11, 1, 15, 9),
}
TITLES = {
    "vnc": "VNC, mitochondria",
    "epfl": "EPFL, four structures",
    "phantom": "simulated cell, five structures",
}
# What --curves trains: over slices with so many steps, over steps with so many slices.
CURVE_SLICES, CURVE_STEPS = (1, 2, 3, 5, 8, 13), 150
CURVE_LENGTHS, CURVE_NUMBER = (25, 50, 100, 150, 300, 600), 3
TEST = {"vnc": (16, 17, 18, 19), "epfl": (0, 1, 2, 3, 4), "phantom": (20, 21, 22, 23)}


def toml(image: Path, masks: dict[str, Path], slices: Sequence[int], holdout: str) -> str:
    """Return a dataset of one tomogram."""
    lines = [f"holdout = {holdout}", "[[tomogram]]", f'image = "{image}"']
    lines += [f"slices = {sorted(slices)}", "[tomogram.masks]"]
    return "\n".join([*lines, *(f'{name} = "{path}"' for name, path in masks.items())]) + "\n"


def datasets(data: str, slices: Sequence[int], out: Path) -> tuple[Path, Path]:
    """Write the dataset to learn from and the one to be tested on."""
    source = Path(os.environ.get("SEGET_DATA", ".")).resolve() / data
    place = (out / data).resolve()
    if data == "vnc":
        names = {"train": "tomogram", "test": "tomogram"}
        masks = {"train": {"mitochondria": source / "mitochondria.mrc"}}
        masks["test"] = masks["train"]
    elif data == "epfl":
        source = unpacked(source, place)
        names = {"train": "train_tomogram", "test": "test_tomogram"}
        masks = {p: {s: source / f"{p}_{s}.mrc" for s in EPFL} for p in names}
    else:
        source = place
        cell = simulate(Settings(seed=1))
        files.write(source / "tomogram.mrc", cell.tomogram)
        for name, mask in cell.masks.items():
            files.write(source / f"{name}.mrc", mask)
        names = {"train": "tomogram", "test": "tomogram"}
        masks = {p: {s: source / f"{s}.mrc" for s in cell.masks} for p in names}
    paths = place / f"train{len(slices)}.toml", place / "test.toml"
    for path, part, chosen in zip(paths, names, (slices, TEST[data]), strict=True):
        files.write_text(path, toml(source / f"{names[part]}.mrc", masks[part], chosen, '"none"'))
    return paths


def unpacked(source: Path, place: Path) -> Path:
    """Return a folder with the MRC files of a folder of which some are gzipped."""
    place.mkdir(parents=True, exist_ok=True)
    for path in source.glob("*.mrc"):
        if not (place / path.name).exists():
            (place / path.name).symlink_to(path)
    for path in source.glob("*.mrc.gz"):
        if not (place / path.stem).is_file():
            (place / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    return place


def score(trained: Trained, dataset: Path) -> dict[str, float]:
    """Return the mIOU at 0.5 and at the best threshold on the test slices, by structure."""
    scorer = Scorer.of(TorchEngine(trained.scoring_network, choose_device()), trained.architecture)
    test = [
        (t, open_reader(t.image, trained, Options()), list(t.split.train))
        for t in read_dataset(dataset).tomograms
    ]
    found = validate(scorer, trained.structures, test, "train")
    at_half = {s: found.counts(s).miou for s in trained.structures}
    best = [h.counts_at(h.best_threshold()).miou for h in found.histograms.values()]
    return {"mean": found.miou, "best threshold": fmean(best), **at_half}


@dataclass(frozen=True)
class Job:
    """One training: on which slices, how long, begun from what."""

    data: str
    slices: int
    steps: int
    start: str
    seed: int
    settings: tuple[str, ...] = ()

    def run(self, out: Path) -> dict[str, object]:
        """Train and score, unless it is done; return what the table shows."""
        machine.keep_freed_memory()
        label = "-".join([Path(self.start).name, *self.settings]).replace("=", "")
        folder = out / self.data / f"{label}-{self.slices}-{self.steps}-{self.seed}"
        result = folder / "result.json"
        if not result.is_file():
            paths = datasets(self.data, CHOSEN[self.data][: self.slices], out)
            read = read_dataset(paths[0])
            length = [f"steps_per_epoch={self.steps}", "epochs=1"]
            recipe, _ = configured(
                read, read.structures, [*length, *self.settings], scratch=self.start == "scratch"
            )
            run = Run(folder, seed=self.seed, start=self.begin(), overwrite=True)
            trained = train(read, read.structures, recipe, run)
            files.write_json(result, score(trained, paths[1]))
        return asdict(self) | json.loads(result.read_text())

    def begin(self) -> Trained | None:
        """Return the model to begin from."""
        if self.start == "scratch":
            return None
        return general() if self.start == "general" else load(Path(self.start))


def jobs(asked: argparse.Namespace) -> list[Job]:
    """Return the trainings asked for; those of the figure with --curves."""
    pairs = [(n, s) for n in asked.slices for s in asked.steps]
    if asked.curves:
        pairs = [(n, CURVE_STEPS) for n in CURVE_SLICES]
        pairs += [(CURVE_NUMBER, s) for s in CURVE_LENGTHS if s != CURVE_STEPS]
    return [
        Job(data, number, steps, start, seed, tuple(asked.set))
        for data in asked.data
        for number, steps in pairs
        for start in asked.starts.split(",")
        for seed in asked.seeds
        if number <= len(CHOSEN[data])
    ]


def draw(rows: list[dict[str, object]], path: Path) -> None:
    """Draw mIOU over slices and over steps, a row of panels a data set, from rows of --curves."""
    names = list(dict.fromkeys(row["data"] for row in rows))
    figure, axes = plt.subplots(
        len(names),
        2,
        figsize=(8, 3 * len(names)),
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for (left, right), name in zip(axes, names, strict=True):
        own = [row for row in rows if row["data"] == name]
        _panel(left, [r for r in own if r["steps"] == CURVE_STEPS], "slices")
        _panel(right, [r for r in own if r["slices"] == CURVE_NUMBER], "steps")
        left.set(
            ylabel=f"{TITLES[name]}\nmIOU at 0.5", xlabel=f"annotated slices, {CURVE_STEPS} steps"
        )
        right.set(xlabel=f"steps, {CURVE_NUMBER} annotated slices", xscale="log")
        left.set_xticks([n for n in CURVE_SLICES if n <= len(CHOSEN[name])])
        right.set_xticks(CURVE_LENGTHS, labels=map(str, CURVE_LENGTHS), minor=False)
        right.xaxis.minorticks_off()
    axes[0][0].legend()
    figure.savefig(path, dpi=110)


def _panel(axis: Axes, rows: list[dict[str, object]], over: str) -> None:
    """Draw a line a start: the mean over the seeds, and each seed as a dot."""
    for start, colour in (("general", "tab:blue"), ("scratch", "tab:orange")):
        own = [row for row in rows if row["start"] == start]
        where = sorted({row[over] for row in own})
        means = [fmean(row["mean"] for row in own if row[over] == x) for x in where]
        axis.plot(where, means, color=colour, label=f"from {start}")
        axis.plot([row[over] for row in own], [row["mean"] for row in own], ".", color=colour)
    axis.grid(alpha=0.3)


def line(row: dict[str, object], each: Sequence[str]) -> str:
    """Return a line of the Markdown table."""
    words = [row["data"], Path(row["start"]).name, row["slices"], row["steps"], row["seed"]]
    words += [
        " ".join(row["settings"]) or "-",
        f"{row['mean']:.4f}",
        f"{row['best threshold']:.4f}",
    ]
    return f"| {' | '.join(map(str, words))} | {', '.join(f'{row[s]:.3f}' for s in each)} |"


def main() -> None:
    """Train each run that is not there, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=list(TEST), nargs="+")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--slices", default="3", type=_numbers)
    parser.add_argument("--steps", default="150", type=_numbers)
    parser.add_argument("--seeds", default="0,1", type=_numbers)
    parser.add_argument("--starts", default="scratch,general", help="or folders of models")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--curves", type=Path, metavar="PNG", help="run and draw the figure")
    parser.add_argument("--at-once", type=int, default=1, help="trainings side by side")
    asked = parser.parse_args()
    print("| data | start | slices | steps | seed | settings | test mIOU | best threshold | each |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    todo = jobs(asked)
    for job in {(job.data, job.slices): job for job in todo}.values():  # before several write them
        datasets(job.data, CHOSEN[job.data][: job.slices], asked.out)
    rows = []
    with ProcessPoolExecutor(asked.at_once, multiprocessing.get_context("spawn")) as pool:
        for row in pool.map(Job.run, todo, [asked.out] * len(todo)):
            rows.append(row)
            known = {field.name for field in fields(Job)} | {"mean", "best threshold"}
            print(line(row, [key for key in row if key not in known]), flush=True)
    if asked.curves:
        files.write_text(
            asked.curves.with_suffix(".json"), "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n"
        )
        draw(rows, asked.curves)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
