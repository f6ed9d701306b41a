"""Chooses, cuts, augments and stacks the patches of a step.

Dataset + structures + Recipe + seed -> step number -> Plan -> Batch

A batch depends on the seed and the step alone, so a resumed run gets the batches that it would have
got. It never runs the network, and reads only the patches that it returns.
Paper: section 3.1 (patches) and 3.2 (copies of positive patches).
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from seget import patches
from seget.augmentation import augment, draw
from seget.dataset import Dataset, Mask
from seget.errors import InputError
from seget.networks import Architecture
from seget.recipes import Recipe
from seget.samples.batch import Batch, Masks, PatchPlace, Pixels, Plan
from seget.slices import SliceReader
from seget.spacing import common_pixel_nm, common_slice_nm
from seget.volume import Box


class Samples:
    """The training patches of a dataset, by step.

    All tomograms are read at one pixel size: the recipe's, or the median of their own.

    Attributes
    ----------
    readers
        A reader for each tomogram.
    pixel_nm
        `(y, x)` pixel size of the patches; None if no tomogram states its own.
    slice_nm
        Distance between a patch's slice and the next that the network sees too; None if it sees
        none, or no tomogram states it.
    part
        `(number, of)`: the part of each batch that is made here (see `patches.share`).
    center_channels
        Features of the network's center, where the recipe leaves some out; else 0.

    Raises
    ------
    InputError
        A structure has no foreground on the training slices, or no background; a tomogram is empty,
        or its pixel size is too far from the others.
    """

    def __init__(
        self, dataset: Dataset, structures: tuple[str, ...], recipe: Recipe, seed: int
    ) -> None:
        self.part = 0, 1
        self.tomograms = dataset.tomograms
        self.structures = structures
        self.recipe = recipe
        self.seed = seed
        images = [tomogram.image for tomogram in self.tomograms]
        self.pixel_nm = common_pixel_nm(images, recipe.pixel_nm)
        self.slice_nm = common_slice_nm(images) if recipe.context else None
        self.readers = [
            SliceReader.of(
                t.image, self.pixel_nm, recipe.context, slice_nm=self.slice_nm, invert=t.invert
            )
            for t in self.tomograms
        ]
        smallest = min(min(reader.shape[1:]) for reader in self.readers)
        self.patch_px = min(recipe.patch_px, max(16, smallest // 16 * 16))
        center = Architecture.of(recipe, len(structures)).center_channels
        self.center_channels = center if recipe.center_dropout else 0
        self._labelled = [self._labelled_slices(structure) for structure in structures]
        self._places = [self._foreground_slices(k, dataset) for k in range(len(structures))]
        self._grid = self._paper_grid() if recipe.steps_per_epoch is None else []

    def notes(self) -> list[str]:
        """Return sentences for people on how each tomogram is read."""
        return [
            f"{tomogram.name}: {note}"
            for tomogram, reader in zip(self.tomograms, self.readers, strict=True)
            for note in reader.notes(tomogram.slices("train", self.structures))
        ]

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch: every patch once in the paper's, a fixed number otherwise."""
        return self.recipe.steps_per_epoch or -(-len(self._grid) // self.recipe.batch_size)

    @property
    def margin(self) -> int:
        """Pixels that are cut around a patch, since a warp reads beyond it.

        Pixels that come from farther out (corners of a rotated patch) are unlabelled.
        """
        return self.patch_px // 8 if self.recipe.warp else 0

    def batch(self, step: int) -> Batch:
        """Return the batch of a step (0-based)."""
        plan = self.plan(step)
        cut = [
            augment(self._cut(place, self.margin), view, self.margin)
            for place, view in zip(plan.places, plan.views, strict=True)
        ]
        image, target, labelled = (
            torch.from_numpy(np.stack(part)) for part in zip(*cut, strict=True)
        )
        kept = None if plan.kept is None else torch.from_numpy(plan.kept)
        return Batch(image, target, labelled, kept)

    def plan(self, step: int, noise: Pixels | None = None) -> Plan:
        """Draw what the batch of a step is made of; nothing is cut.

        `noise` is an array `(b, c, p, p)` for the noise of its patches; None: a new one for each.
        """
        rng = np.random.default_rng([self.seed, step])
        places = self._from_grid(step) if self._grid else self._sampled(step, rng)
        shape = (self.readers[0].channels, self.patch_px, self.patch_px)
        own, views = patches.share(len(places), *self.part), []
        for i in range(len(places)):  # those of other processes are drawn, too: one generator
            into = noise[i - own.start] if noise is not None and i in own else None
            views.append(draw(shape, self.recipe, rng, into))
        kept = self.kept(len(places), rng)
        kept = kept if kept is None else kept[own.start : own.stop]
        return Plan([places[i] for i in own], [views[i] for i in own], kept)

    def kept(self, count: int, rng: np.random.Generator) -> Pixels | None:
        """Draw which of the center's features each patch keeps, as factors `(count, channels)`.

        Those that are kept are enlarged as much as others are missing, so that their sum is about
        that of prediction, where none is (Srivastava et al. 2014; whole channels as in Tompson et
        al. 2015). Drawn last: nothing else of a batch depends on it.
        """
        if not self.center_channels:
            return None
        left_out = self.recipe.center_dropout
        drawn = rng.random((count, self.center_channels)) >= left_out
        return (drawn / (1 - left_out)).astype(np.float32)

    def count(self, step: int) -> int:
        """Return the number of patches of a step: fewer in the last one of the paper's epoch."""
        size, before = self.recipe.batch_size, step % self.steps_per_epoch * self.recipe.batch_size
        return min(size, len(self._grid) - before) if self._grid else size

    def _foreground_slices(self, number: int, dataset: Dataset) -> list[tuple[int, int, int]]:
        """Return (tomogram, slice, foreground pixels) of the training slices with foreground."""
        structure = self.structures[number]
        places = [
            (i, z, foreground_px)
            for i, z, _ in self._labelled[number]
            if (foreground_px := self.tomograms[i].masks[structure].foreground_px[z])
        ]
        if not places:
            raise InputError(
                f"{dataset.path}: {structure} has no foreground on any training slice; "
                "annotate one, or choose another holdout."
            )
        labelled_px = sum(pixels for _, _, pixels in self._labelled[number])
        if sum(pixels for _, _, pixels in places) == labelled_px:
            raise InputError(
                f"{dataset.path}: {structure} fills every training slice and leaves nothing to "
                "tell it from; check which value of its mask is foreground, or annotate slices "
                "that show something else too."
            )
        return places

    def _labelled_slices(self, structure: str) -> list[tuple[int, int, int]]:
        """Return (tomogram, slice, labelled pixels) of the training slices."""
        return [
            (i, z, tomogram.masks[structure].labelled_px[z])
            for i, tomogram in enumerate(self.tomograms)
            if structure in tomogram.masks
            for z in tomogram.masks[structure].split.train
        ]

    def _paper_grid(self) -> list[PatchPlace]:
        """Every patch of the training slices, `positive_copies` times with foreground (3.2).

        A patch in which no pixel is annotated for any of the structures is left out.
        """
        grid = []
        for i, (tomogram, reader) in enumerate(zip(self.tomograms, self.readers, strict=True)):
            shape = reader.shape[1], reader.shape[2]
            corners = patches.corners(shape, self.patch_px, self.recipe.stride_px)
            for z in tomogram.slices("train", self.structures):
                masks = [
                    mask
                    for structure in self.structures
                    if (mask := tomogram.mask_of(structure, z, "train")) is not None
                ]
                drawn = [reader.on_grid(partial(mask.box, z)) for mask in masks]
                seen = [_labelled(mask, reader, z) for mask in masks]
                for y, x in corners:
                    patch = slice(y, y + self.patch_px), slice(x, x + self.patch_px)
                    if seen and not any(s is None or s[patch].any() for s in seen):
                        continue
                    positive = any(m[patch].any() for m in drawn)
                    copies = self.recipe.positive_copies if positive else 1
                    grid += [PatchPlace(i, z, y, x)] * copies
        return grid

    def _from_grid(self, step: int) -> list[PatchPlace]:
        epoch, place = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng([self.seed, epoch, 1]).permutation(len(self._grid))
        size = self.recipe.batch_size
        return [self._grid[i] for i in order[place * size : (place + 1) * size]]

    def _sampled(self, step: int, rng: np.random.Generator) -> list[PatchPlace]:
        """Draw the patches of a batch, for each structure in turn.

        With probability `foreground_share` a patch holds foreground, else it is anywhere.
        """
        size = self.recipe.batch_size
        chosen = []
        for i in range(step * size, (step + 1) * size):
            structure = i % len(self.structures)
            if rng.random() < self.recipe.foreground_share:
                chosen.append(self._on_foreground(structure, rng))
            else:
                chosen.append(self._anywhere(structure, rng))
        return chosen

    def _on_foreground(self, structure: int, rng: np.random.Generator) -> PatchPlace:
        """Draw a foreground pixel, all alike probable, and a patch that holds it."""
        places = self._places[structure]
        count = np.array([n for _, _, n in places], dtype=np.float64)
        tomogram, z, _ = places[int(rng.choice(len(places), p=count / count.sum()))]
        pixel = self.tomograms[tomogram].masks[self.structures[structure]].draw(z, rng)
        return self._around(tomogram, z, pixel, rng)

    def _around(
        self, tomogram: int, z: int, pixel: tuple[int, int], rng: np.random.Generator
    ) -> PatchPlace:
        """Draw a patch that holds a pixel `(y, x)` of the tomogram."""
        reader = self.readers[tomogram]
        # The pixel may be anywhere in the patch: were it the centre, the network could learn that.
        corner = [
            int(np.clip(at - rng.integers(self.patch_px), 0, max(0, extent - self.patch_px)))
            for at, extent in zip(reader.to_grid(*pixel), reader.shape[1:], strict=True)
        ]
        return PatchPlace(tomogram, z, corner[0], corner[1])

    def _anywhere(self, structure: int, rng: np.random.Generator) -> PatchPlace:
        """Draw a patch anywhere on the training slices that have a mask of the structure.

        Where parts of them were not looked at, it holds a labelled pixel, all alike probable.
        """
        name, slices = self.structures[structure], self._labelled[structure]
        if not all(self.tomograms[i].masks[name].is_labelled_all_over(z) for i, z, _ in slices):
            count = np.array([n for _, _, n in slices], dtype=np.float64)
            tomogram, z, _ = slices[int(rng.choice(len(slices), p=count / count.sum()))]
            pixel = self.tomograms[tomogram].masks[name].draw(z, rng, labelled=True)
            return self._around(tomogram, z, pixel, rng)
        tomogram, z, _ = slices[int(rng.integers(len(slices)))]
        _, height, width = self.readers[tomogram].shape
        y = int(rng.integers(max(1, height - self.patch_px + 1)))
        x = int(rng.integers(max(1, width - self.patch_px + 1)))
        return PatchPlace(tomogram, z, y, x)

    def _cut(self, patch: PatchPlace, margin: int) -> tuple[Pixels, Masks, Masks]:
        """Return image (c, q, q), target and labelled (k, q, q), q = patch_px + 2 * margin.

        Outside the slice and in padding the image is 0 and `labelled` False; so it is where a
        structure is not annotated, or held out.
        """
        reader = self.readers[patch.tomogram]
        size = self.patch_px + 2 * margin
        read, place = patches.overlap(patch.y - margin, patch.x - margin, size, reader.shape)
        image = np.zeros((reader.channels, size, size), np.float32)
        target = np.zeros((len(self.structures), size, size), np.bool_)
        labelled = np.zeros_like(target)
        image[:, *place] = reader.read(patch.z, read)
        self.masks(patch.tomogram, patch.z, read, (target[:, *place], labelled[:, *place]))
        return image, target, labelled

    def masks(self, number: int, z: int, box: Box | None, into: tuple[Masks, Masks]) -> None:
        """Write target and labelled `(k, y, x)` of a box of a slice into arrays of zeros."""
        tomogram, reader = self.tomograms[number], self.readers[number]
        content = reader.content(z, box)
        for k, structure in enumerate(self.structures):
            mask = tomogram.mask_of(structure, z, "train")
            if mask is not None:
                target, labelled = into[0][k], into[1][k]
                target[:] = reader.on_grid(partial(mask.box, z), box)
                labelled[:] = True if content is None else content
                seen = _labelled(mask, reader, z, box)
                if seen is not None:
                    labelled &= seen


def _labelled(mask: Mask, reader: SliceReader, z: int, box: Box | None = None) -> Masks | None:
    """Return where a slice is labelled, on the network's grid; None if it is everywhere."""
    if mask.is_labelled_all_over(z):
        return None
    return reader.on_grid(partial(mask.labelled_box, z), box)
