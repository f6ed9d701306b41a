"""Which numbers of the modern recipe matter: train with and without each, score the test part.

    python benchmarks/trials.py DATASET.toml STRUCTURE -o build/trials [--seeds 0] [--only NAME,...]
    ... life.toml centriole,golgi,granules -o build/life --only base,muon --steps 1000 \
        --from general --set binning=1 --set patch_px=256

Several structures are trained jointly, and their means are shown. Every trial takes the same number
of optimiser steps, so that a busy machine changes no score. Finished trials are read back from OUT,
not run again. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import fmean
from typing import Any

from seget import machine
from seget.dataset import Dataset, read_dataset
from seget.device import choose_device
from seget.prediction import Options, Scorer, TorchEngine, open_reader
from seget.recipes import modern
from seget.trained import general
from seget.training import Run, train
from seget.training.validation import validate

TRIALS: dict[str, list[str]] = {
    "base": [],
    "binning=2": ["binning=2", "patch_px=512"],
    "binning=1": ["binning=1", "patch_px=256"],
    "no flips": ["flips=false"],
    "no warp": ["warp=0"],
    "no grey; no noise": ["grey=0", "noise=0"],
    "no augmentation": ["flips=false", "warp=0", "grey=0", "noise=0"],
    "flips only": ["flips=true", "warp=0", "grey=0", "noise=0"],
    "mild": ["flips=true", "warp=0.25", "grey=0.1", "noise=0.05"],
    "no averaging": ["average=none"],
    "average=0.98": ["average=0.98"],
    "weight_cap=20": ["weight_cap=20"],
    "weight_cap=2000": ["weight_cap=2000"],
    "foreground_share=0": ["foreground_share=0"],
    "learning_rate=1e-3": ["learning_rate=1e-3"],
    "learning_rate=6e-3": ["learning_rate=6e-3"],
    "no warm-up": ["warmup=0"],
    "no deep supervision": ["deep_supervision=0"],
    "deep_supervision=1": ["deep_supervision=1"],
    "no center dropout": ["center_dropout=0"],
    "center_dropout=0.5": ["center_dropout=0.5"],
    "muon": ["optimiser=muon"],
    "unet": ["network=unet"],
    "unet and muon": ["network=unet", "optimiser=muon"],
    "constant rate": ["schedule=keras", "decay=0", "learning_rate=1e-3"],
}


def trial(dataset: Dataset, name: str, seed: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Train and score one trial, or read it back."""
    structures = tuple(asked.structure.split(","))
    place = asked.out / "-".join(structures) / "-".join([asked.begin, str(asked.steps), *asked.set])
    folder = place / name.replace(" ", "-") / f"seed{seed}"
    result = folder / "result.json"
    if result.is_file():
        read: dict[str, Any] = json.loads(result.read_text())
        return read
    length = [f"epochs={-(-asked.steps // 50)}", "steps_per_epoch=50"]
    recipe = modern().override([*length, *asked.set, *TRIALS[name]])
    start = general() if asked.begin == "general" else None
    started = time.monotonic()
    trained = train(
        dataset, structures, recipe, Run(folder, seed=seed, start=start, overwrite=True)
    )
    minutes = (time.monotonic() - started) / 60
    scorer = Scorer.of(TorchEngine(trained.scoring_network, choose_device()), trained.architecture)
    test = [
        (t, open_reader(t.image, trained, Options(invert=t.invert)), list(t.split.scored()[1]))
        for t in dataset.tomograms
        if t.split.test
    ]
    scored = validate(scorer, trained.structures, test, "scored")
    counts = [scored.histograms[s].counts_at(0.5) for s in structures]
    chosen = [scored.histograms[s].counts_at(trained.thresholds[s]) for s in structures]
    row = {
        "validation": fmean(trained.provenance["validation_miou"][s] for s in structures),
        "test": scored.miou,
        "test_iou": fmean(c.iou for c in counts),
        "test_at_threshold": fmean(c.miou for c in chosen),
        "minutes": minutes,
        "each": {s: c.miou for s, c in zip(structures, counts, strict=True)},
    }
    result.write_text(json.dumps(row, indent=1))
    return row


def main() -> None:
    """Run the trials and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("structure")
    parser.add_argument("-o", "--out", type=Path, default=Path("build/trials"))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--only", default=",".join(TRIALS), help="some of: " + "; ".join(TRIALS))
    parser.add_argument("--steps", type=int, default=250)  # about three minutes on two cores
    parser.add_argument("--from", dest="begin", choices=("scratch", "general"), default="scratch")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    machine.keep_freed_memory()  # as `seget train` does
    dataset = read_dataset(options.dataset)
    print(
        "| trial | seed | validation mIOU | test mIOU | at threshold | foreground IoU | minutes |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in [name.strip() for name in options.only.split(",")]:
        for seed in map(int, options.seeds.split(",")):
            row = trial(dataset, name, seed, options)
            print(
                f"| {name} | {seed} | {row['validation']:.4f} | {row['test']:.4f} "
                f"| {row['test_at_threshold']:.4f} | {row['test_iou']:.4f} "
                f"| {row['minutes']:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
