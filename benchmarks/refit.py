"""What a second training on the validation slices too gives: mIOU at 0.5 before and after.

    python benchmarks/refit.py RUN:DATASET.toml[:TEST.toml ...] ... -o build/refit

RUN is a folder of `seget train`, begun from general, whose model is refitted with its own recipe
and seed. Prints a Markdown table: the test slices of DATASET.toml, and of each TEST.toml every
fourth slice of what it scores; tomograms that taught nothing are scored adapted, as `seget predict`
does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from seget.dataset import Dataset, read_dataset
from seget.metrics import mean_ignoring_absent
from seget.prediction import Options, open_reader, scorer
from seget.trained import Trained, general, load
from seget.training import Run, refit
from seget.training.validation import Validation, validate


def miou(trained: Trained, dataset: Dataset, every: int) -> float:
    """Return the mean mIOU at 0.5 over the structures, on every so many of the scored slices."""
    found = Validation({structure: {} for structure in trained.structures})
    for tomogram in dataset.tomograms:
        options = Options(engine="torch", invert=tomogram.invert)
        reader = open_reader(tomogram.image, trained, options)
        slices = list(tomogram.slices("scored", trained.structures))[::every]
        scoring = scorer(trained, reader, options)
        one = (tomogram, reader, slices)
        found += validate(scoring, trained.structures, [one], "scored")
    return mean_ignoring_absent(own for own in found.mious().values() if own is not None)[0]


def main() -> None:
    """Refit each run; print its rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="RUN:DATASET.toml[:TEST.toml ...]")
    parser.add_argument("-o", "--out", type=Path, required=True)
    asked = parser.parse_args()
    print("| run | | test slices | others |\n|---|---|---|---|")
    for number, named in enumerate(asked.runs):
        path, *datasets = named.split(":")
        first, own = load(Path(path)), read_dataset(Path(datasets[0]))
        run = Run(asked.out / str(number), first.provenance["seed"], start=general(), resume=True)
        again = refit(own, first.structures, first.recipe, run, first)
        others = [read_dataset(Path(other)) for other in datasets[1:]]
        for name, model in (("first", first), ("refit", again)):
            of_others = ", ".join(f"{miou(model, other, 4):.4f}" for other in others)
            print(f"| {path} | {name} | {miou(model, own, 1):.4f} | {of_others} |", flush=True)


if __name__ == "__main__":
    main()
