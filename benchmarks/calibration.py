"""What calibration changes: calibration error, mIOU at 0.5 and at the threshold, fused labels.

    python benchmarks/calibration.py RUN:TRAINED_ON.toml:TEST.toml ...

Temperatures, biases and thresholds are fitted anew on the validation slices of TRAINED_ON.toml, so
that models of before calibration can be measured; TEST.toml is scored on its test part, or on all
of its slices if it holds none out. Prints two Markdown tables.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from seget.calibration import SPREAD, calibration_error, calibration_error_of_foreground
from seget.dataset import Dataset, read_dataset
from seget.device import choose_device
from seget.fusion import fuse
from seget.metrics import Counts, Histogram, count
from seget.prediction import Options, Scorer, TorchEngine, open_reader, score_slices
from seget.prediction.scorer import Effort
from seget.trained import Trained, load
from seget.training.held_out import HeldOut
from seget.training.validation import validate


def scorer(trained: Trained, views: int = 1) -> Scorer:
    """Return a scorer of whole slices."""
    engine = TorchEngine(trained.scoring_network, choose_device())
    return Scorer.of(engine, trained.architecture, Effort(views=views))


def held_out(trained: Trained, dataset: Dataset, part: str) -> list[HeldOut]:
    """Return the slices of a part, with what reads them."""
    return [
        (t, open_reader(t.image, trained, Options(invert=t.invert)), list(slices))
        for t in dataset.tomograms
        if (slices := t.slices(part, trained.structures))
    ]


def fitted(trained: Trained, dataset: Dataset) -> tuple[Trained, Trained]:
    """Return the model as it was before calibration, and calibrated; thresholds chosen for each."""
    spread = replace(trained, calibration=dict.fromkeys(trained.structures, SPREAD))
    slices = held_out(trained, dataset, "validation")
    found = validate(scorer(spread), trained.structures, slices, scored_by=SPREAD)
    calibration = found.calibrations()
    raw = replace(trained, calibration={}, thresholds=found.under({}).thresholds())
    thresholds = found.under(calibration).thresholds()
    return raw, replace(trained, calibration=calibration, thresholds=thresholds)


def tested(trained: Trained, dataset: Dataset) -> tuple[dict[str, Histogram], dict[str, Counts]]:
    """Return the histogram of scores and the counts of fused labels of each structure."""
    structures = trained.structures
    histograms = {s: Histogram.empty() for s in structures}
    labels = {s: Counts() for s in structures}
    for tomogram, reader, slices in held_out(trained, dataset, "scored"):
        for z, scores in score_slices(reader, scorer(trained), slices):
            named = dict(zip(structures, scores, strict=True))
            fused = fuse(named, trained.thresholds)
            for value, structure in enumerate(structures, start=1):
                mask = tomogram.mask_of(structure, z, "scored")
                if mask is None:
                    continue
                truth, labelled = mask.slice(z), mask.labelled(z)
                histograms[structure] += Histogram.of(named[structure], truth, labelled)
                labels[structure] += count(fused == value, truth, labelled)
    return histograms, labels


def main() -> None:
    """Measure each run before and after."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="RUN:TRAINED_ON.toml:TEST.toml")
    asked = parser.parse_args()
    print(
        "| run, test | structure | temperature, bias | calibration error before, after | "
        "of the foreground before, after | "
        "mIOU at 0.5 before, after | at the threshold before, after | threshold before, after | "
        "labels before, after |\n|---|---|---|---|---|---|---|---|---|"
    )
    for text in asked.runs:
        run, train, test = map(Path, text.split(":"))
        pair = fitted(load(run), read_dataset(train))
        dataset = read_dataset(test)
        results = [tested(one, dataset) for one in pair]
        means: list[tuple[float, ...]] = []
        for structure in pair[0].structures:
            numbers = []
            for model, (histograms, labels) in zip(pair, results, strict=True):
                own, threshold = histograms[structure], model.thresholds[structure]
                numbers.append(
                    (
                        calibration_error(own),
                        calibration_error_of_foreground(own),
                        own.counts_at(0.5).miou,
                        own.counts_at(threshold).miou,
                        threshold,
                        labels[structure].miou,
                    )
                )
            means.append(tuple(v for pair_ in zip(*numbers, strict=True) for v in pair_))
            own = pair[1].calibration.get(structure)
            words = f"{own.temperature:.2f}, {own.bias:+.2f}" if own else "-"
            print_row(f"{run.name}, {test.parent.name}/{test.stem}", structure, words, means[-1])
        mean = tuple(float(np.nanmean(values)) for values in zip(*means, strict=True))
        print_row("", "**mean**", "", mean)


def print_row(run: str, structure: str, words: str, numbers: tuple[float, ...]) -> None:
    """Print a line of the table: pairs of numbers, before and after."""
    pairs = [f"{a:.4f}, {b:.4f}" for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
    print(f"| {run} | {structure} | {words} | {' | '.join(pairs)} |", flush=True)


if __name__ == "__main__":
    main()
