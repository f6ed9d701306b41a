"""What a threshold nearer to 0.5 than the best of the validation slices costs on the test slices.

    python benchmarks/thresholds.py MODEL:DATASET.toml ... [--views 8]

MODEL is a folder that `seget train` wrote. Prints a Markdown table: the mIOU on the test slices at
the threshold nearest to 0.5 that on the validation slices is within a tolerance of the best.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import fmean

from calibration import held_out, scorer

from seget.dataset import read_dataset
from seget.metrics import Histogram
from seget.trained import load
from seget.training.validation import validate

TOLERANCES = (0.0, 0.0005, 0.001, 0.002, 0.005, 1.0)


def histograms(
    model: Path, dataset: Path, views: int
) -> tuple[dict[str, Histogram], dict[str, Histogram]]:
    """Return the scores of a model on the validation slices, and on the test slices."""
    trained, read = load(model), read_dataset(dataset)
    scoring = scorer(trained, views)
    validation, test = (
        validate(scoring, trained.structures, held_out(trained, read, part), part).histograms
        for part in ("validation", "scored")
    )
    return validation, test


def main() -> None:
    """Print a row a model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL:DATASET.toml")
    parser.add_argument("--views", type=int, default=1, choices=(1, 4, 8))
    asked = parser.parse_args()
    print(f"| tolerance | {' | '.join(map(str, TOLERANCES[:-1]))} | threshold 0.5 |")
    print("|---|" + "---|" * len(TOLERANCES))
    for named in asked.models:
        model, _, dataset = named.rpartition(":")
        validation, test = histograms(Path(model), Path(dataset), asked.views)
        means, thresholds = [], []
        for tolerance in TOLERANCES:
            chosen = {s: h.best_threshold(tolerance) for s, h in validation.items()}
            means.append(fmean(test[s].counts_at(chosen[s]).miou for s in test))
            thresholds.append(" ".join(f"{t:.2f}" for t in chosen.values()))
        print(f"| {model} | " + " | ".join(f"{m:.4f}" for m in means) + " |")
        print(f"| {', '.join(validation)} | " + " | ".join(thresholds) + " |", flush=True)


if __name__ == "__main__":
    main()
