"""What a threshold nearer to 0.5 than the best of the validation slices costs on the test slices.

    python benchmarks/thresholds.py MODEL:DATASET.toml[:TEST.toml ...] ... [--views 8]

MODEL is a folder that `seget train` wrote; the test slices are those of DATASET.toml, or of each
TEST.toml, of which all slices are if it holds none out. Prints a Markdown table: the mIOU on the
test slices at the threshold nearest to 0.5 that on the validation slices is within a tolerance of
the best, or that `chosen_threshold` chooses. Calibrations are fitted anew; tomograms that taught
nothing are scored adapted, as `seget predict` does.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from calibration import held_out

from seget.calibration import SPREAD
from seget.dataset import Dataset, read_dataset
from seget.metrics import Histogram
from seget.prediction import Options, scorer
from seget.trained import Trained, load
from seget.training.thresholds import Slice, chosen_threshold, total
from seget.training.validation import Validation, validate

TOLERANCES = (0.0, 0.0005, 0.001, 0.002, 0.005)


def scored(trained: Trained, dataset: Dataset, part: str, views: int) -> Validation:
    """Return the scores of the slices of a part, from which calibrations can be fitted."""
    spread = replace(trained, calibration=dict.fromkeys(trained.structures, SPREAD))
    found = Validation({structure: {} for structure in trained.structures}, SPREAD)
    for one in held_out(spread, dataset, part):
        scoring = scorer(spread, one[1], Options(engine="torch", views=views))
        found += validate(scoring, trained.structures, [one], part, SPREAD)
    return found


def rules(slices: Mapping[Slice, Histogram]) -> dict[str, float]:
    """Return the threshold that each rule chooses for a structure."""
    whole = total(slices.values())
    found = {f"{tolerance:g}": whole.best_threshold(tolerance) for tolerance in TOLERANCES}
    return found | {"a standard error": chosen_threshold(slices), "threshold 0.5": 0.5}


def main() -> None:
    """Print a row a model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL:DATASET.toml[:TEST.toml ...]")
    parser.add_argument("--views", type=int, default=1, choices=(1, 4, 8))
    asked = parser.parse_args()
    names = list(rules({}))
    print(f"| tolerance | {' | '.join(names)} |\n|---|" + "---|" * len(names))
    for named in asked.models:
        model, *datasets = named.split(":")
        trained, own = load(Path(model)), read_dataset(Path(datasets[0]))
        validation = scored(trained, own, "validation", asked.views)
        calibrations = validation.calibrations()
        chosen = {s: rules(of) for s, of in validation.under(calibrations).slices.items()}
        tests = [
            scored(trained, one, "scored", asked.views).under(calibrations).histograms
            for one in [read_dataset(Path(path)) for path in datasets[1:]] or [own]
        ]
        whole = {s: total(test[s] for test in tests) for s in trained.structures}
        given = {s: histogram for s, histogram in whole.items() if histogram.foreground.any()}
        means = [fmean(h.counts_at(chosen[s][n]).miou for s, h in given.items()) for n in names]
        print(f"| {model} | " + " | ".join(f"{mean:.4f}" for mean in means) + " |")
        cells = (" ".join(f"{chosen[s][name]:.2f}" for s in given) for name in names)
        print(f"| {', '.join(given)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
