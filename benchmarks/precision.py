"""What an engine and a precision cost in accuracy, on a trained model and masks.

    python benchmarks/precision.py MODEL TOMOGRAM MASK STRUCTURE SLICE...

A line an engine and precision: mIOU at 0.5, the same at the model's threshold, the share of pixels
whose label at 0.5 is that of torch in float32, how far scores are from its on average, and the
milliseconds of a slice.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from seget import files
from seget.metrics import count
from seget.prediction import Options, open_reader
from seget.prediction.predict import scorer
from seget.trained import load
from seget.volume import FULL_SCORE

CASES = (
    ("torch", "float32"),
    ("torch", "bf16"),
    ("openvino", "float32"),
    ("openvino", "bf16"),
    ("openvino", "int8"),
)


def main() -> None:
    """Print the table."""
    model, tomogram, mask, structure, *numbers = sys.argv[1:]
    trained, volume = load(Path(model)), files.read(Path(tomogram))
    slices = [int(number) for number in numbers]
    truth = np.stack([np.asarray(files.read(Path(mask)).slice(z)) > 0 for z in slices])
    output, threshold = trained.structures.index(structure), trained.thresholds[structure]
    reader = open_reader(volume, trained, Options())
    pixels = [reader.read(z) for z in slices]
    exact = None
    print(
        f"{'':18}{'mIOU':>8}{'at':>6}{'mIOU':>8}{'same labels':>14}{'scores off by':>15}{'ms':>7}"
    )
    for engine, precision in CASES:
        scoring = scorer(trained, reader, Options("cpu", engine=engine, precision=precision))
        scoring.scores(pixels[0])
        scores, seconds = [], []
        for one in pixels:
            started = perf_counter()
            scores.append(scoring.scores(one)[output].astype(int))
            seconds.append(perf_counter() - started)
        found = np.stack(scores)
        exact = found if exact is None else exact
        half = FULL_SCORE / 2
        same = np.mean((found > half) == (exact > half))
        off = np.abs(found - exact).mean() / FULL_SCORE
        mious = [count(found > t * FULL_SCORE, truth).miou for t in (0.5, threshold)]
        print(
            f"{engine:9}{precision:9}{mious[0]:8.4f}{threshold:6.2f}{mious[1]:8.4f}"
            f"{same:13.3%}{off:15.5f}{median(seconds) * 1000:8.0f}"
        )


if __name__ == "__main__":
    main()
