"""What statistics of the tomogram are worth to a network, by their share and by their windows.

    python benchmarks/adaptation.py MODEL:DATASET.toml ...
    python benchmarks/adaptation.py MODEL:DATASET.toml ... --window-px 256 --part validation

Each tomogram of DATASET.toml has its test slices scored, or all if it holds none out, by MODEL with
shares of 0, 0.25 ... 1 of the statistics of that tomogram. Prints a Markdown table of the mIOU at
0.5, the mean over the structures that both know.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
from calibration import held_out, scorer

from seget.dataset import read_dataset
from seget.device import choose_device
from seget.metrics import Counts
from seget.prediction.adaptation import WINDOW_PX, WINDOWS, with_statistics_of
from seget.prediction.sampling import content_windows
from seget.trained import Trained, load
from seget.training.held_out import HeldOut
from seget.training.validation import validate

SHARES = "0,0.25,0.5,0.75,1"


def miou(
    trained: Trained, slices: Sequence[HeldOut], part: str, share: float, edge_px: int
) -> float:
    """Return the mean mIOU at 0.5 over the structures, each tomogram by its own statistics."""
    counts: dict[str, Counts] = {s: Counts() for s in trained.structures}
    for one in slices:
        windows = np.stack(content_windows(one[1], WINDOWS, edge_px, edge_px))
        network = with_statistics_of(trained.network, [windows], choose_device(), share)
        own = replace(trained, network=network)
        found = validate(scorer(own), own.structures, [one], part)
        counts = {s: counts[s] + found.counts(s) for s in counts}
    return fmean(one.miou for one in counts.values() if one.tp + one.fn)


def main() -> None:
    """Print a row a model and dataset."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="+", metavar="MODEL:DATASET.toml")
    parser.add_argument("--window-px", type=int, default=WINDOW_PX)
    parser.add_argument("--part", default="scored", help="scored (the default), or validation")
    parser.add_argument("--shares", default=SHARES)
    asked = parser.parse_args()
    shares = [float(share) for share in asked.shares.split(",")]
    print(f"| model, slices | {' | '.join(map(str, shares))} |\n|---|" + "---|" * len(shares))
    for pair in asked.pairs:
        model, _, path = pair.rpartition(":")
        trained = load(model)
        slices = held_out(trained, read_dataset(Path(path)), asked.part)
        numbers = [miou(trained, slices, asked.part, share, asked.window_px) for share in shares]
        print(f"| {pair} | {' | '.join(f'{one:.4f}' for one in numbers)} |", flush=True)


if __name__ == "__main__":
    main()
