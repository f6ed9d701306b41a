"""What several views and models give: mIOU, calibration error, and whether spread tells errors.

    python benchmarks/ensembles.py TRAINED_ON.toml:TEST.toml:RUN:RUN ...

The models of a group, of the same structures, are calibrated on the validation slices of
TRAINED_ON.toml and scored on TEST.toml: one alone (the mean over all of them), in four views, their
logits averaged, and both. Then the area under the risk-coverage curve, lower is better: pixels are
taken in by their certainty, and the share of wrong labels among those taken in is averaged over all
coverages; by the score alone (1 - |2 p - 1|), by the spread (the deviation over views and models),
and by their sum. Prints two Markdown tables.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from calibration import fitted, held_out, scorer
from scipy.special import expit, logit

from seget.calibration import calibration_error
from seget.dataset import Dataset, read_dataset
from seget.metrics import Histogram
from seget.prediction.doubt import _scores_of_view
from seget.prediction.engine import VIEWS
from seget.trained import Trained, load

WAYS = ("one model", "four views", "all models", "all models, four views")
RANKS = ("score", "spread", "sum")
LEVELS = 255


def area(uncertainty: np.ndarray, wrong: np.ndarray) -> float:
    """Return the area under the risk-coverage curve; pixels of one level come in at random."""
    level = np.rint(uncertainty * LEVELS).astype(np.int64)
    pixels = np.bincount(level, minlength=LEVELS + 1)
    errors = np.bincount(level, weights=wrong, minlength=LEVELS + 1)
    total = before = missed = 0.0
    for number, bad in zip(pixels.tolist(), errors.tolist(), strict=True):
        if number:
            rate = bad / number
            total += rate * number
            if before:
                total += (missed - rate * before) * np.log((before + number) / before)
            before, missed = before + number, missed + bad
    return total / before


class Sums:
    """What is gathered of a structure under each way: scores, and areas slice by slice."""

    def __init__(self) -> None:
        self.histograms = {way: Histogram.empty() for way in WAYS}
        self.areas: dict[tuple[str, str], list[float]] = {}

    def take(self, way: str, stack: np.ndarray, truth: np.ndarray, labelled: np.ndarray) -> None:
        """Take in the probabilities `(models, views, y, x)` of a slice under a way."""
        clipped = np.clip(stack, 0.25 / 127, 1 - 0.25 / 127)
        mean = expit(logit(clipped.mean(axis=1)).mean(axis=0))
        score = np.rint(127 * mean).astype(np.uint8)
        self.histograms[way] += Histogram.of(score, truth, labelled)
        if way == WAYS[0]:
            return
        wrong = ((mean > 0.5) != truth)[labelled]
        doubt = 1 - np.abs(2 * mean - 1)
        spread = np.minimum(1, 2 * stack.reshape(-1, *mean.shape).std(axis=0))
        for rank, values in zip(RANKS, (doubt, spread, (doubt + spread) / 2), strict=True):
            self.areas.setdefault((way, rank), []).append(area(values[labelled], wrong))


def measured(models: Sequence[Trained], dataset: Dataset) -> dict[str, Sums]:
    """Return what is gathered of each structure on the test slices."""
    structures = models[0].structures
    found = {s: Sums() for s in structures}
    scorers = [scorer(model) for model in models]
    for tomogram, reader, slices in held_out(models[0], dataset, "scored"):
        for z in slices:
            pixels = reader.read(z)
            seen = [[_scores_of_view(s, pixels, *v) for v in VIEWS[:4]] for s in scorers]
            stack = np.stack([[reader.restore(z, v) for v in views] for views in seen]) / 127
            for at, structure in enumerate(structures):
                mask = tomogram.mask_of(structure, z, "scored")
                if mask is None:
                    continue
                truth, labelled = mask.slice(z), mask.labelled(z)
                known = np.ones(truth.shape, bool) if labelled is None else labelled
                own, sums = stack[:, :, at], found[structure]
                for one in own:
                    sums.take(WAYS[0], one[None, :1], truth, known)
                    sums.take(WAYS[1], one[None], truth, known)
                sums.take(WAYS[2], own[:, :1], truth, known)
                sums.take(WAYS[3], own, truth, known)
    return found


def main() -> None:
    """Measure each group."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="+", metavar="TRAINED_ON.toml:TEST.toml:RUN:RUN")
    groups = [text.split(":") for text in parser.parse_args().groups]
    results = []
    for train, test, *runs in groups:
        read = read_dataset(Path(train))
        models = [fitted(load(Path(run)), read)[1] for run in runs]
        for structure, sums in measured(models, read_dataset(Path(test))).items():
            results.append((Path(runs[0]).name, structure, sums))
    print("mIOU at 0.5, and calibration error\n")
    print(f"| runs | structure | {' | '.join(WAYS)} |\n|---|---|{'---|' * len(WAYS)}")
    for run, structure, sums in results:
        own = [sums.histograms[way] for way in WAYS]
        cells = [f"{h.counts_at(0.5).miou:.4f}, {calibration_error(h):.4f}" for h in own]
        print(f"| {run} | {structure} | {' | '.join(cells)} |")
    print("\narea under the risk-coverage curve, x 1000: by score, by spread, by their sum\n")
    print(f"| runs | structure | {' | '.join(WAYS[1:])} |\n|---|---|{'---|' * len(WAYS[1:])}")
    for run, structure, sums in results:
        cells = [
            ", ".join(f"{1000 * np.mean(sums.areas[way, rank]):.3f}" for rank in RANKS)
            for way in WAYS[1:]
        ]
        print(f"| {run} | {structure} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
