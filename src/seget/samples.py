"""Training patches: chosen, cut, augmented, stacked.

Dataset + structures + Recipe + seed -> step number -> Batch

A batch is a function of the seed and the step alone, so a run that is taken up again sees what it
would have seen. It never touches the network, and reads only the patches that it returns.
Paper: section 3.1 (patches) and 3.2 (copies of positive patches).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seget import patches
from seget.augmentation import augment
from seget.dataset import Dataset, Tomogram
from seget.errors import InputError
from seget.recipes import Recipe
from seget.volume import Normalisation, normalisation

Pixels = npt.NDArray[np.float32]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Patch:
    """A place to cut: tomogram and slice by number, and the corner in pixels."""

    tomogram: int
    z: int
    y: int
    x: int


@dataclass(frozen=True)
class Batch:
    """`image` (b, 1, p, p) normalised, float32; `target` and `labelled` (b, k, p, p), bool."""

    image: Tensor
    target: Tensor
    labelled: Tensor


class Samples:
    """The training patches of a dataset, by step.

    Raises
    ------
    InputError
        A structure has no foreground on any training slice, or nothing else; a tomogram is
        constant.
    """

    def __init__(
        self, dataset: Dataset, structures: tuple[str, ...], recipe: Recipe, seed: int
    ) -> None:
        self.tomograms = dataset.tomograms
        self.structures = structures
        self.recipe = recipe
        self.seed = seed
        self.normalise = [_contrast(t) for t in self.tomograms]
        smallest = min(min(t.image.shape[1:]) for t in self.tomograms)
        self.patch_px = min(recipe.patch_px, max(16, smallest // 16 * 16))
        self._places = [self._foreground_slices(s, dataset) for s in structures]
        self._grid = self._paper_grid() if recipe.steps_per_epoch is None else []

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch: every patch once in the paper's, a fixed number otherwise."""
        return self.recipe.steps_per_epoch or -(-len(self._grid) // self.recipe.batch_size)

    def batch(self, step: int) -> Batch:
        """Return the batch of a step (0-based)."""
        rng = np.random.default_rng([self.seed, step])
        chosen = self._from_grid(step) if self._grid else self._sampled(step, rng)
        # A warp needs surroundings to bend in from; of what an eighth does not cover (corners that
        # are turned in), no pixel is labelled.
        margin = self.patch_px // 8 if self.recipe.warp else 0
        cut = [augment(self._cut(p, margin), self.recipe, margin, rng) for p in chosen]
        stacked = [torch.from_numpy(np.stack(part)) for part in zip(*cut, strict=True)]
        return Batch(*stacked)

    def _foreground_slices(self, structure: str, dataset: Dataset) -> list[tuple[int, int, int]]:
        """Return (tomogram, slice, foreground pixels) of the training slices that hold any."""
        places = [
            (i, z, tomogram.masks[structure].foreground_px[z])
            for i, tomogram in enumerate(self.tomograms)
            if structure in tomogram.masks
            for z in tomogram.split.train
            if tomogram.masks[structure].foreground_px[z]
        ]
        if not places:
            raise InputError(
                f"{dataset.path}: {structure} has no foreground on any training slice; "
                "annotate one, or choose another holdout."
            )
        labelled_px = sum(
            len(tomogram.split.train) * math.prod(tomogram.image.shape[1:])
            for tomogram in self.tomograms
            if structure in tomogram.masks
        )
        if sum(pixels for _, _, pixels in places) == labelled_px:
            raise InputError(
                f"{dataset.path}: {structure} fills every training slice and leaves nothing to "
                "tell it from; check which value of its mask is foreground, or annotate slices "
                "that show something else too."
            )
        return places

    def _paper_grid(self) -> list[Patch]:
        """Every patch of every training slice, positive ones `positive_copies` times (3.2)."""
        grid = []
        for i, tomogram in enumerate(self.tomograms):
            corners = patches.corners(
                tomogram.image.shape[1:], self.patch_px, self.recipe.stride_px
            )
            for z in tomogram.split.train:
                masks = [m.slice(z) for s, m in tomogram.masks.items() if s in self.structures]
                for y, x in corners:
                    positive = any(
                        m[y : y + self.patch_px, x : x + self.patch_px].any() for m in masks
                    )
                    copies = self.recipe.positive_copies if positive else 1
                    grid += [Patch(i, z, y, x)] * copies
        return grid

    def _from_grid(self, step: int) -> list[Patch]:
        epoch, place = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng([self.seed, epoch, 1]).permutation(len(self._grid))
        size = self.recipe.batch_size
        return [self._grid[i] for i in order[place * size : (place + 1) * size]]

    def _sampled(self, step: int, rng: np.random.Generator) -> list[Patch]:
        """Draw a batch: a share of it holds foreground, of the structures in turn."""
        size = self.recipe.batch_size
        chosen = []
        for i in range(step * size, (step + 1) * size):
            structure = i % len(self.structures)
            if rng.random() < self.recipe.foreground_share:
                chosen.append(self._on_foreground(structure, rng))
            else:
                chosen.append(self._anywhere(structure, rng))
        return chosen

    def _on_foreground(self, structure: int, rng: np.random.Generator) -> Patch:
        """Draw a patch that holds a foreground pixel, drawn evenly from all of them."""
        places = self._places[structure]
        count = np.array([n for _, _, n in places], dtype=np.float64)
        tomogram, z, _ = places[int(rng.choice(len(places), p=count / count.sum()))]
        mask = self.tomograms[tomogram].masks[self.structures[structure]].slice(z)
        pixel = int(rng.choice(np.flatnonzero(mask)))
        # The pixel lies anywhere in the patch: centred, the network could learn the place.
        corner = [
            int(np.clip(at - rng.integers(self.patch_px), 0, max(0, extent - self.patch_px)))
            for at, extent in zip(divmod(pixel, mask.shape[1]), mask.shape, strict=True)
        ]
        return Patch(tomogram, z, corner[0], corner[1])

    def _anywhere(self, structure: int, rng: np.random.Generator) -> Patch:
        """Draw a patch evenly from the training slices that have a mask of the structure."""
        slices = [
            (i, z)
            for i, tomogram in enumerate(self.tomograms)
            if self.structures[structure] in tomogram.masks
            for z in tomogram.split.train
        ]
        tomogram, z = slices[int(rng.integers(len(slices)))]
        _, height, width = self.tomograms[tomogram].image.shape
        y = int(rng.integers(max(1, height - self.patch_px + 1)))
        x = int(rng.integers(max(1, width - self.patch_px + 1)))
        return Patch(tomogram, z, y, x)

    def _cut(self, patch: Patch, margin: int) -> tuple[Pixels, Masks, Masks]:
        """Return image (1, q, q), target and labelled (k, q, q), q = patch + 2 margins.

        What lies outside the slice is 0 in the image and unlabelled.
        """
        tomogram = self.tomograms[patch.tomogram]
        size = self.patch_px + 2 * margin
        y, x = patch.y - margin, patch.x - margin
        _, height, width = tomogram.image.shape
        inside = (
            slice(max(y, 0), min(y + size, height)),
            slice(max(x, 0), min(x + size, width)),
        )
        place = (
            slice(inside[0].start - y, inside[0].stop - y),
            slice(inside[1].start - x, inside[1].stop - x),
        )
        image = np.zeros((1, size, size), np.float32)
        target = np.zeros((len(self.structures), size, size), np.bool_)
        labelled = np.zeros_like(target)
        grey = tomogram.image.data[patch.z][inside]
        image[0][place] = self.normalise[patch.tomogram](np.asarray(grey))
        for k, structure in enumerate(self.structures):
            if structure in tomogram.masks:
                target[k][place] = tomogram.masks[structure].slice(patch.z)[inside]
                labelled[k][place] = True
        return image, target, labelled


def _contrast(tomogram: Tomogram) -> Normalisation:
    """Return how a tomogram is normalised, refused where there is nothing to see in it."""
    found = normalisation(tomogram.image)
    if found.std == 0:
        raise InputError(
            f"{tomogram.image.path or tomogram.name}: all sampled voxels are {found.mean:g}, "
            "wanted an image to learn from; check that the file was written to its end."
        )
    return found


def foreground_fraction(tomogram: Tomogram, structure: str, slices: tuple[int, ...]) -> float:
    """Share of foreground among the pixels of some slices; 0 where there is no mask."""
    if structure not in tomogram.masks or not slices:
        return 0.0
    foreground = sum(tomogram.masks[structure].foreground_px[z] for z in slices)
    _, height, width = tomogram.image.shape
    return foreground / (len(slices) * height * width)
