"""SegET as printed against ours: both networks, equal time, side by side, on VNC and on a phantom.

    SEGET_DATA=/path/to/data python benchmarks/variants.py -o build/variants --minutes 13
    ... --minutes 5 --at-once 8 --device cuda

Trains `seget` and `seget_printed` with two seeds on the mitochondria of $SEGET_DATA/vnc (the recipe
modern) and jointly on the five structures of the phantom of seed 0 (binning=1, patch_px=256,
weight_cap=20), `--at-once` of the eight runs at a time, each for the same minutes. Validation
slices choose checkpoint and threshold; the table is of the test slices. Runs that are there are not
made again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean

from seget import files
from seget.dataset import read_dataset
from seget.device import choose_device
from seget.phantom import PRESETS, simulate
from seget.prediction import Options, Scorer, TorchEngine, open_reader
from seget.trained import load
from seget.training import read_log
from seget.training.validation import validate

NETWORKS, SEEDS = ("seget", "seget_printed"), (0, 1)
SETTINGS = {"vnc": (), "phantom": ("binning=1", "patch_px=256", "weight_cap=20")}


def write_datasets(out: Path) -> dict[str, Path]:
    """Write both datasets, and the phantom if it is not there."""
    vnc = Path(os.environ["SEGET_DATA"]).resolve() / "vnc"
    files.write_text(
        out / "vnc.toml",
        f'name = "vnc"\nholdout = "block"\n[[tomogram]]\nimage = "{vnc}/tomogram.mrc"\n'
        f'[tomogram.masks]\nmitochondria = "{vnc}/mitochondria.mrc"\n',
    )
    cell = out / "cell"
    if not (cell / "dataset.toml").is_file():
        phantom = simulate(PRESETS["small"])
        files.write(cell / "tomogram.mrc", phantom.tomogram)
        for name, mask in phantom.masks.items():
            files.write(cell / f"{name}.mrc", mask)
        files.write_text(cell / "dataset.toml", phantom.dataset_toml)
    return {"vnc": out / "vnc.toml", "phantom": cell / "dataset.toml"}


def train(dataset: Path, folder: Path, network: str, seed: int, asked: argparse.Namespace) -> None:
    """Train one run in a process of its own."""
    if (folder / "result.json").is_file():
        return
    settings = [f"network={network}", *SETTINGS["phantom" if "cell" in dataset.parts else "vnc"]]
    words = ["-o", str(folder), "--joint", "--from", "scratch", "--seed", str(seed), "--resume"]
    words += ["--max-minutes", str(asked.minutes), "--device", asked.device]
    words += [word for setting in settings for word in ("--set", setting)]
    subprocess.run([sys.executable, "-m", "seget", "train", str(dataset), *words], check=True)


def judge(dataset: Path, folder: Path) -> dict[str, float]:
    """Score a run's model on the test slices, or read its score."""
    result = folder / "result.json"
    if not result.is_file():
        trained, read = load(folder), read_dataset(dataset)
        scorer = Scorer.of(
            TorchEngine(trained.scoring_network, choose_device()), trained.architecture
        )
        test = [(t, open_reader(t.image, trained, Options()), t.split.test) for t in read.tomograms]
        scored = validate(scorer, trained.structures, [(t, r, list(z)) for t, r, z in test], "test")
        tuned = [h.counts_at(trained.thresholds[s]).miou for s, h in scored.histograms.items()]
        row = {
            "steps": read_log(folder)[-1]["step"],
            "validation": fmean(trained.provenance["validation_miou"].values()),
            "test": scored.miou,
            "at threshold": fmean(tuned),
            **{s: h.counts_at(0.5).miou for s, h in scored.histograms.items()},
        }
        result.write_text(json.dumps(row, indent=1))
    row = json.loads(result.read_text())
    return row


def main() -> None:
    """Train, score, print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=13)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    datasets = write_datasets(asked.out)
    runs = [(d, n, s) for s in SEEDS for d in datasets for n in NETWORKS]
    folder = {run: asked.out / "runs" / "-".join(map(str, run)) for run in runs}
    with ThreadPoolExecutor(asked.at_once) as pool:
        list(pool.map(lambda r: train(datasets[r[0]], folder[r], r[1], r[2], asked), runs))
    print("| data | network | seed | steps | validation mIOU | test mIOU | at the threshold |")
    print("|---|---|---|---|---|---|---|")
    for run in sorted(runs):
        row = judge(datasets[run[0]], folder[run])
        numbers = (f"{row[key]:.4f}" for key in ("validation", "test", "at threshold"))
        print(f"| {' | '.join([*map(str, run), str(int(row['steps'])), *numbers])} |")


if __name__ == "__main__":
    main()
