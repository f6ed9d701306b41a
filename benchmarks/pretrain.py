"""Make the weights that trainings begin from: one SegET, taught by simulated cells of all kinds.

    python benchmarks/pretrain.py -o build/pretrain --minutes 90
    python benchmarks/pretrain.py -o build/pretrain --minutes 6 --batch 16 --device cuda
    ... --steps 5000 --batch 8 --first-seed 20000 --from general

Draws `--cells` random phantoms (seed after seed, the last few to judge by) into OUT/cells, trains
one network with an output a structure on their own pixel sizes, and writes OUT/general: weights in
half precision and model.json. The same command goes on where it was stopped: cells that are there
are not drawn again, and the training goes on from its checkpoint. With SEGET_DATA the model is
tried, without any training, on the real microtubules of $SEGET_DATA/et-microtubules.

Half an hour on 2 cores draws and teaches 4000 steps of 4 patches; a GPU does more in minutes.
"""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import tifffile

from seget import files, machine
from seget.dataset import read_dataset
from seget.listener import Listener
from seget.phantom import ALL_STRUCTURES, randomised, simulate
from seget.prediction import Options, predict
from seget.recipes import modern
from seget.trained import Trained, general, weights_sha256
from seget.training import Run, train
from seget.volume import Volume

# The demo's cells are seeds 0 and 1 of the clean phantom; no seed below is used here.
FIRST_SEED = 10_000
JUDGES = 6  # cells that only judge
JUDGED = (3, 8)  # slices of theirs
SHAPE = (12, 512, 512)
# No two of the cells are alike: nothing to keep the center from learning by heart.
SETTINGS = ("binning=1", "patch_px=256", "weight_cap=20", "center_dropout=0")
# Real patches with drawn tubes; in 0_ the tube is hard to see under its mask (NOTES.txt).
MICROTUBULES = ("0_0_30_47_25", "3_0_25_54_25", "4_0_55_98_25", "5_0_28_54_25")


class Progress(Listener):
    """Prints each epoch and each sentence."""

    def note(self, text: str) -> None:
        """Print a sentence."""
        print(text, flush=True)

    def epoch(self, row: dict[str, float]) -> None:
        """Print an epoch's step, loss and validation mIOU."""
        print(f"step {row['step']:.0f} loss {row['loss']:.4f} miou {row['miou']:.4f}", flush=True)


def draw(seed: int, folder: Path) -> Path:
    """Write one random cell, unless it is there; no voxel size, so that none is resampled."""
    place = folder / f"{seed}"
    if not (place / "scene.json").is_file():
        cell = simulate(randomised(seed, SHAPE, ALL_STRUCTURES))
        files.write(place / "tomogram.mrc", Volume(cell.tomogram.data))
        for name, mask in cell.masks.items():
            files.write(place / f"{name}.mrc", Volume(mask.data))
        files.write_json(place / "scene.json", cell.scene["settings"])
    return place


def write_dataset(cells: list[Path], path: Path) -> None:
    """Write the dataset.toml: all cells teach but the last ones, which judge by two slices each.

    A structure that a cell does not show is left out there: a dataset takes no empty mask.
    """
    lines = ['name = "phantoms"']
    for number, cell in enumerate(cells):
        judges = number >= len(cells) - JUDGES
        slices = JUDGED if judges else range(SHAPE[0])
        holdout = f"{{ validation = {list(JUDGED)} }}" if judges else '"none"'
        lines += ["[[tomogram]]", f'image = "{cell.resolve()}/tomogram.mrc"']
        lines += [f'name = "cell{cell.name}"', f"slices = {list(slices)}", f"holdout = {holdout}"]
        lines += ["[tomogram.masks]"]
        for name in ALL_STRUCTURES:
            mask = files.read(cell / f"{name}.mrc")
            if any(mask.slice(z).any() for z in slices):
                lines.append(f'{name} = "{cell.resolve()}/{name}.mrc"')
    files.write_text(path, "\n".join(lines) + "\n")


def real_microtubules(trained: Trained, data: Path) -> dict[str, float]:
    """Return the foreground Dice at 0.5 on real patches that no training saw."""
    scores = {}
    for name in MICROTUBULES:
        image, mask = (
            tifffile.imread(data / "et-microtubules" / "patches" / f"{name}{end}.tif")
            for end in ("", "_mask")
        )
        found = predict(Volume(image), trained, Options())["microtubules"].data >= 64
        drawn = mask > 0
        scores[name] = float(2 * (found & drawn).sum() / max(1, found.sum() + drawn.sum()))
    return scores


def main() -> None:
    """Draw, train, write the model and its card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--steps", type=int, help="instead: a multiple of the steps of an epoch")
    parser.add_argument("--cells", type=int, default=60)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--from", dest="begin", choices=("scratch", "general"), default="scratch")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--draw-only", action="store_true")
    asked = parser.parse_args()
    machine.keep_freed_memory()
    seeds = range(asked.first_seed, asked.first_seed + asked.cells)
    with ProcessPoolExecutor(asked.workers) as pool:
        cells = list(pool.map(draw, seeds, [asked.out / "cells"] * asked.cells))
    write_dataset(cells, asked.out / "dataset.toml")
    if asked.draw_only:
        return
    dataset = read_dataset(asked.out / "dataset.toml")
    recipe = modern().override([*SETTINGS, f"batch_size={asked.batch}", *asked.set])
    if asked.steps:
        recipe = recipe.override([f"epochs={asked.steps // recipe.steps_per_epoch}"])
    start = general() if asked.begin == "general" else None
    run = Run(
        asked.out / "run",
        device=asked.device,
        max_minutes=None if asked.steps else asked.minutes,
        start=start,
        resume=True,
    )
    trained = train(dataset, tuple(ALL_STRUCTURES), recipe, run, Progress())
    card = {
        "data": [],  # it has learnt from no tomogram of a user, and is adapted to each
        "begun_from": start and weights_sha256(start.network),
        "taught_by": f"{asked.cells - JUDGES} random phantoms of {SHAPE} voxels",
        "seeds": [seeds.start, seeds.stop - 1],
        "steps": trained.provenance["step"],
        "patches_a_step": asked.batch,
        "validation_miou": trained.provenance["validation_miou"],
    }
    if "SEGET_DATA" in os.environ:
        card["real_microtubules_dice"] = real_microtubules(trained, Path(os.environ["SEGET_DATA"]))
    replace(trained, provenance=card).save(asked.out / "general", half=True)
    print(json.dumps(card, indent=1))


if __name__ == "__main__":
    main()
