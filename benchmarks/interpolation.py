"""What a model gains on its way back to the weights that its training began from.

    seget train DATASET.toml -o RUN --joint --set weight_interpolation=false
    python benchmarks/interpolation.py RUN:DATASET.toml ... [--tests TEST.toml ...]

RUN began from general. Prints a Markdown table: at each share of the trained weights the mIOU at
0.5 on the validation slices and on the test slices, and with --tests the mean over the test slices
of other datasets, or all of theirs if they hold none out. Scores of the validation slices, which
choose, are not calibrated; the others are, by the validation slices, as in a model that is saved.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from calibration import fitted, held_out, scorer

from seget.dataset import Dataset, read_dataset
from seget.trained import Trained, general, load
from seget.training.initial_weights import initial_weights
from seget.training.interpolation import SHARES
from seget.training.validation import validate


def ways(trained: Trained) -> Iterator[tuple[float, Trained]]:
    """Yield (share, model) from the trained weights to a third of the way from general."""
    begin = initial_weights(trained.architecture, trained.structures, 0, general())
    own = {name: tensor.clone() for name, tensor in trained.network.state_dict().items()}
    for share in (1.0, *SHARES, 0.3):
        trained.network.load_state_dict(begin.towards(own, share))
        yield share, trained


def miou(trained: Trained, dataset: Dataset, part: str) -> float:
    """Return the mean mIOU at 0.5 over the structures."""
    slices = held_out(trained, dataset, part)
    return validate(scorer(trained), trained.structures, slices, part).miou


def main() -> None:
    """Print a row a share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="RUN:DATASET.toml")
    parser.add_argument("--tests", type=Path, nargs="*", default=[], metavar="TEST.toml")
    asked = parser.parse_args()
    unseen = [read_dataset(path) for path in asked.tests]
    parts = ["validation", "test"] + ["unseen"] * bool(unseen)
    for named in asked.models:
        model, _, path = named.rpartition(":")
        dataset = read_dataset(Path(path))
        print(f"\n{model}\n\n| share | {' | '.join(parts)} |")
        print("|---|" + "---|" * len(parts))
        for share, trained in ways(load(model)):
            raw, calibrated = fitted(trained, dataset)
            found = [miou(raw, dataset, "validation"), miou(calibrated, dataset, "scored")]
            if unseen:
                found.append(fmean(miou(calibrated, one, "scored") for one in unseen))
            print(f"| {share} | " + " | ".join(f"{m:.4f}" for m in found) + " |", flush=True)


if __name__ == "__main__":
    main()
