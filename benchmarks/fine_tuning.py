"""What differs in a short training begun from `general`: trials, most of which did not help.

    SEGET_DATA=/path/to/data python benchmarks/fine_tuning.py cells -o build/fine --at-once 4
    ... vnc epfl -o build/fine --trials base,keep,self --steps 150 --seeds 0,1

`cells`: the demo's cell (seed 0), scored on its own test slices and on four unseen cells (seeds 1
to 4), 300 steps. `vnc` and `epfl`: three slices as in few_slices.py, 150 steps. Prints a Markdown
table of mIOU at 0.5, a line a trial and seed. Trials that are there are not made again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from few_slices import CHOSEN, datasets, score
from fine_tuning_trials import TRIALS, SecondOpinion, Trial
from next_slice import POOL
from torch import Tensor
from torch.nn import BatchNorm2d
from torch.nn import functional as F

from seget import files, machine
from seget.configuration import configured
from seget.dataset import Dataset, read_dataset
from seget.device import choose_device
from seget.losses import segmentation_loss
from seget.phantom import Settings, simulate
from seget.prediction import Options, Scorer, TorchEngine, open_reader, score_slices
from seget.samples import Batch, Samples
from seget.threads import made_ahead
from seget.trained import Trained, general
from seget.training.initial_weights import initial_weights
from seget.training.state import State
from seget.volume import Volume

CELLS = range(5)  # the first one teaches
LENGTH = {"cells": 300, "vnc": 150, "epfl": 150}


class FineTuning:
    """One training from general, step by step as `seget.training` takes it, but for the trial."""

    def __init__(self, dataset: Dataset, trial: Trial, steps: int, seed: int) -> None:
        self.dataset, self.trial, self.steps, self.seed = dataset, trial, steps, seed
        self.own = dataset.structures
        length = [f"steps_per_epoch={steps}", "epochs=1"]
        self.recipe, _ = configured(dataset, self.own, [*length, *trial.settings])
        self.begin, self.device = general(), choose_device()
        more = [s for s in self.begin.structures if s not in self.own] if trial.keep else []
        self.structures = (*self.own, *more)
        self.samples = Samples(dataset, self.own, self.recipe, seed)
        self.state = State(self.recipe, len(self.structures), seed, self.device, self._weights())
        self.network = self.state.network
        self.anchor = [p.detach().clone() for p in self.network.parameters()]
        self.teacher = general().network.to(self.device.torch).eval()
        self.frozen = [getattr(self._inner(), part) for part in trial.freeze]
        for parameter in (p for part in self.frozen for p in part.parameters()):
            parameter.requires_grad_(False)

    def run(self, folder: Path) -> Trained:
        """Take all steps; return the averaged weights."""
        for batch in self._batches(folder):
            self.state.begin_step(self.state.step / self.steps)
            self._set_modes()
            if self.trial.keep or self.trial.pull:
                self.state.gradients.forget()
                self._loss(batch).backward()
            else:
                self.state.gradients.take(batch)
            self.state.optimiser.step()
            self.state._update_average()
            self.state.step += 1
        trained = self._trained()
        if not self.trial.second_opinion:
            return trained
        known = self.begin.structures
        rows = {i: known.index(s) for i, s in enumerate(self.own) if s in known}
        network = SecondOpinion(trained.network, rows, self.recipe.binning).eval()
        return replace(trained, network=network.to(self.device.torch))

    def _weights(self) -> dict[str, Tensor]:
        architecture = self.begin.architecture.of(self.recipe, len(self.structures))
        return initial_weights(architecture, self.structures, self.seed, self.begin).tensors

    def _inner(self) -> torch.nn.Module:
        return self.network.network if self.recipe.binning > 1 else self.network

    def _set_modes(self) -> None:
        self.network.train()
        for part in self.frozen:
            part.eval()
        for module in self.network.modules() if self.trial.known_norm else ():
            if isinstance(module, BatchNorm2d):
                module.eval()

    def _loss(self, batch: Batch) -> Tensor:
        """Return equation 1 with the trial's terms: of all features, without the levels' losses."""
        image, target, labelled = (
            self.device.take(part).float() for part in (batch.image, batch.target, batch.labelled)
        )
        with self.device.autocast():
            logits = self.network(image)
        own = len(self.own)
        loss = segmentation_loss(logits[:, :own], target, labelled, self.recipe.weight_cap)
        if self.trial.keep:
            wanted = torch.sigmoid(self._taught(image))
            others = F.binary_cross_entropy_with_logits(logits[:, own:].float(), wanted)
            loss = loss + self.trial.keep * others
        if self.trial.pull:
            pairs = zip(self.network.parameters(), self.anchor, strict=True)
            loss = loss + self.trial.pull * sum((p - a).square().sum() for p, a in pairs)
        return loss

    @torch.no_grad()
    def _taught(self, image: Tensor) -> Tensor:
        """Return general's logits of the structures that are not taught."""
        binning = self.recipe.binning
        with self.device.autocast():
            logits = self.teacher(F.avg_pool2d(image, binning)).float()
        rows = [self.begin.structures.index(s) for s in self.structures[len(self.own) :]]
        return F.interpolate(logits[:, rows], scale_factor=binning, mode="bilinear")

    def _trained(self) -> Trained:
        halves = dict.fromkeys(self.structures, 0.5)
        average = self.state.average.eval()
        return Trained(average, self.structures, self.recipe, halves, self.samples.pixel_nm)

    def _batches(self, folder: Path) -> Iterator[Batch]:
        if not self.trial.self_taught:
            yield from made_ahead(self.samples.batch, range(self.steps), self.device.idle_cores)
            return
        cuts = [0, int(0.4 * self.steps), int(0.7 * self.steps), self.steps]
        for part, (first, last) in enumerate(pairwise(cuts)):
            samples = self.samples
            if part:
                path = self._labelled_by_itself(folder / f"self{part}")
                samples = Samples(read_dataset(path), self.own, self.recipe, self.seed)
            yield from made_ahead(samples.batch, range(first, last), self.device.idle_cores)

    def _labelled_by_itself(self, folder: Path) -> Path:
        """Write a dataset whose other slices carry confident predictions, the rest ignored."""
        trained, lines = self._trained(), ['holdout = "none"']
        scorer = Scorer.of(TorchEngine(trained.network, self.device), trained.architecture)
        for tomogram in self.dataset.tomograms:
            image = tomogram.image
            pool = [*POOL["vnc" if image.shape[0] == 20 else "epfl"]]
            labels = {s: np.full(image.shape, 255, np.uint8) for s in tomogram.masks}
            other = [z for z in pool if z not in tomogram.annotated]
            reader = open_reader(image, trained, Options(invert=tomogram.invert))
            for z, scores in score_slices(reader, scorer, other):
                for structure, score_map in zip(trained.structures, scores, strict=True):
                    sure = np.where(score_map >= 115, 1, np.where(score_map <= 12, 0, 255))
                    labels[structure][z] = sure
            lines += ["[[tomogram]]", f'image = "{image.path}"', f"slices = {pool}"]
            lines += ["[tomogram.masks]"]
            for structure, mask in tomogram.masks.items():
                path = folder.resolve() / f"{structure}.mrc"
                for z in mask.annotated:
                    labels[structure][z] = mask.slice(z)
                files.write(path, Volume(labels[structure], image.voxel_size_nm))
                lines.append(f'{structure} = {{ file = "{path}", value = 1, ignore = 255 }}')
        files.write_text(folder / "dataset.toml", "\n".join(lines) + "\n")
        return folder / "dataset.toml"


def learnt_and_tests(data: str, out: Path) -> tuple[Path, dict[str, Path]]:
    """Return the dataset to learn from and those to be tested on, written if need be."""
    if data != "cells":
        learnt, test = datasets(data, CHOSEN[data][:3], out)
        return learnt, {"test": test}
    tests = {}
    for seed in CELLS:
        place = (out / "cells" / str(seed)).resolve()
        if not (place / "tomogram.mrc").is_file():
            cell = simulate(Settings(seed=seed))
            for name, mask in cell.masks.items():
                files.write(place / f"{name}.mrc", mask)
            files.write(place / "tomogram.mrc", cell.tomogram)
        drawn = [path for path in sorted(place.glob("*.mrc")) if path.stem != "tomogram"]
        masks = "\n".join(f'{path.stem} = "{path}"' for path in drawn)
        head = f'[[tomogram]]\nimage = "{place}/tomogram.mrc"\n'
        chosen = [*range(20, 24)] if seed == 0 else [2, 7, 12, 17, 22]
        for name, slices in (("learn", [*range(16)]), ("test", chosen)):
            text = f'holdout = "none"\n{head}slices = {slices}\n[tomogram.masks]\n{masks}\n'
            files.write_text(place / f"{name}.toml", text)
        tests["test slices" if seed == 0 else f"cell {seed}"] = place / "test.toml"
    return (out / "cells" / "0").resolve() / "learn.toml", tests


def run(data: str, name: str, steps: int, seed: int, out: Path) -> dict[str, float]:
    """Train and score one trial, unless it is done."""
    machine.keep_freed_memory()
    folder = out / data / f"{name}-{steps}-{seed}"
    result = folder / "result.json"
    if not result.is_file():
        learnt, tests = learnt_and_tests(data, out)
        trained = FineTuning(read_dataset(learnt), TRIALS[name], steps, seed).run(folder)
        scores = {test: score(trained, path)["mean"] for test, path in tests.items()}
        files.write_json(result, scores)
    return json.loads(result.read_text())


def main() -> None:
    """Run the trials that are not there, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=list(LENGTH), nargs="+")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--trials", default=",".join(TRIALS))
    parser.add_argument("--steps", type=int, help="else 300 for cells, 150 for others")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--at-once", type=int, default=1, help="trainings side by side")
    asked = parser.parse_args()
    wanted = [
        (data, name, asked.steps or LENGTH[data], int(seed), asked.out)
        for data in asked.data
        for name in asked.trials.split(",")
        for seed in asked.seeds.split(",")
    ]
    for data in asked.data:  # before several write them
        learnt_and_tests(data, asked.out)
    print("| data | trial | steps | seed | mIOU at 0.5 | unseen cells |\n|---|---|---|---|---|---|")
    with ProcessPoolExecutor(asked.at_once, multiprocessing.get_context("spawn")) as pool:
        for job, scores in zip(wanted, pool.map(run, *_columns(wanted)), strict=True):
            first, *unseen = scores.values()
            mean = f"{fmean(unseen):.3f}" if unseen else "-"
            print(f"| {' | '.join(map(str, job[:4]))} | {first:.4f} | {mean} |", flush=True)


def _columns(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return list(zip(*rows, strict=True))


if __name__ == "__main__":
    main()
