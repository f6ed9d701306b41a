"""What three annotated slices are worth, from scratch and begun from the model that is shipped.

    SEGET_DATA=/path/to/data python benchmarks/few_slices.py vnc -o build/few --steps 150
    ... epfl -o build/few --steps 150,600 --slices 3,8 --seeds 0,1 --starts scratch,general
    ... vnc -o build/few --steps 150 --set learning_rate=0.001

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
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

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
    scorer = Scorer.of(TorchEngine(trained.network, choose_device()), trained.architecture)
    test = [
        (t, open_reader(t.image, trained, Options()), list(t.split.train))
        for t in read_dataset(dataset).tomograms
    ]
    found = validate(scorer, trained.structures, test, "train")
    at_half = {s: found.counts(s).miou for s in trained.structures}
    best = [h.counts_at(h.best_threshold()).miou for h in found.histograms.values()]
    return {"mean": found.miou, "best threshold": fmean(best), **at_half}


def main() -> None:
    """Train each run that is not there, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=list(TEST))
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--slices", default="3")
    parser.add_argument("--steps", default="150")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--starts", default="scratch,general", help="or folders of models")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    asked = parser.parse_args()
    machine.keep_freed_memory()
    print("| start | slices | steps | seed | settings | test mIOU | at the best threshold | each |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for number in map(int, asked.slices.split(",")):
        paths = datasets(asked.data, CHOSEN[asked.data][:number], asked.out)
        read = read_dataset(paths[0])
        for steps in map(int, asked.steps.split(",")):
            for start in asked.starts.split(","):
                for seed in map(int, asked.seeds.split(",")):
                    label = "-".join([Path(start).name, *asked.set]).replace("=", "")
                    folder = asked.out / asked.data / f"{label}-{number}-{steps}-{seed}"
                    result = folder / "result.json"
                    if not result.is_file():
                        length = [f"steps_per_epoch={steps}", "epochs=1"]
                        recipe, _ = configured(read, read.structures, [*length, *asked.set])
                        begin = {"scratch": lambda: None, "general": general}.get(
                            start, lambda start=start: load(start)
                        )()
                        run = Run(folder, seed=seed, start=begin, overwrite=True)
                        trained = train(read, read.structures, recipe, run)
                        result.write_text(json.dumps(score(trained, paths[1])))
                    row = json.loads(result.read_text())
                    each = ", ".join(f"{v:.3f}" for k, v in list(row.items())[2:])
                    words = (start, number, steps, seed, " ".join(asked.set) or "-")
                    print(
                        f"| {' | '.join(map(str, words))} | {row['mean']:.4f} "
                        f"| {row['best threshold']:.4f} | {each} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
