"""Patches cut and augmented on the device, from training slices that it holds.

plan of a batch -> places, numbers, noise (host memory) -> Batch (device)

It gives the numbers of `Samples.batch` to rounding: the same random draws, carried out by other
hands. `batch` takes no decision on the host and has fixed shapes, so a CUDA graph can record it.
It never reads a file in the thread that feeds the device: `prepare` does, in others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seget.augmentation import GAMMA_ENDS, KNOTS, View, basis, gamma_step, slopes
from seget.device import Device
from seget.patches import share
from seget.samples import Batch, PatchPlace, Samples

# A pixel's masks are bits of one number: structure k has bit 2k where it is, 2k + 1 where it is
# labelled.
MOST_STRUCTURES = 15
# Columns of `numbers`, before the knots: cosine, sine, the six of `_turn`, and grey values.
COLUMNS = 12
SHARE_OF_FREE = 0.4  # of the device's memory, for slices

Key = tuple[str, int, int]  # "image" or "masks", tomogram, slice


@dataclass(frozen=True)
class Prepared:
    """What a batch needs from the host: tensors to copy, and slices that are new to the device."""

    step: int
    tensors: dict[str, Tensor]
    slices: dict[Key, npt.NDArray[np.generic]] = field(default_factory=dict)


class DevicePatches:
    """Training slices on the device, and the batches that are cut from them there.

    Parameters
    ----------
    samples
        Chooses the patches and draws how they are augmented.
    device
        What holds the slices: float32 grey values and int32 masks.
    """

    def __init__(self, samples: Samples, device: Device) -> None:
        self.samples = samples
        self._on = device.torch
        sizes = _sizes(samples)
        self._places: dict[Key, slice] = {}
        ends = {"image": 0, "masks": 0}
        for key, pixels in sizes.items():
            self._places[key] = slice(ends[key[0]], ends[key[0]] + pixels)
            ends[key[0]] += pixels
        self._held = {
            "image": torch.zeros(ends["image"], device=self._on),
            "masks": torch.zeros(ends["masks"], dtype=torch.int32, device=self._on),
        }
        self._known: set[Key] = set()
        self._waiting: dict[Key, npt.NDArray[np.generic]] = {}
        self._locks: defaultdict[Key, Lock] = defaultdict(Lock)
        size = samples.patch_px
        axis = torch.arange(size, device=self._on, dtype=torch.float32)
        self._rows, self._columns = axis[:, None], axis[None, :]
        self._basis = torch.from_numpy(basis(size)).to(self._on)
        step = gamma_step(size)
        seen = self.samples.readers[0].channels * len(range(0, size, step)) ** 2
        ends_at = np.percentile(np.arange(seen), GAMMA_ENDS, method="nearest")
        self._gamma = step, int(ends_at[0]), int(ends_at[1])
        self._shifts = 2 * torch.arange(len(samples.structures), device=self._on)[:, None, None]

    @staticmethod
    def fit(samples: Samples, device: Device) -> bool:
        """Whether the device has room for all training slices."""
        wanted = 4 * sum(_sizes(samples).values())
        few = len(samples.structures) <= MOST_STRUCTURES
        return few and wanted <= SHARE_OF_FREE * device.free_bytes()

    def shapes(self) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
        """Return shape and type of the tensors of a full batch."""
        recipe, channels = self.samples.recipe, self.samples.readers[0].channels
        count, size = len(share(recipe.batch_size, *self.samples.part)), self.samples.patch_px
        shapes: dict[str, tuple[tuple[int, ...], torch.dtype]] = {
            "places": ((count, channels + 5), torch.int64),
            "numbers": ((count, COLUMNS + 2 * KNOTS**2), torch.float32),
        }
        if recipe.noise:
            shapes["noise"] = (count, channels, size, size), torch.float32
        return shapes | shape_of_kept(self.samples, count)

    def prepare(self, step: int, into: Mapping[str, Tensor]) -> Prepared:
        """Write what the batch of a step needs into host memory, in any thread."""
        noise = into["noise"].numpy() if "noise" in into else None
        plan = self.samples.plan(step, noise)
        count = len(plan.places)
        tensors = {name: tensor[:count] for name, tensor in into.items()}
        if plan.kept is not None:
            tensors["kept"].copy_(torch.from_numpy(plan.kept))
        needed: set[Key] = set()
        for i, (place, view) in enumerate(zip(plan.places, plan.views, strict=True)):
            keys = self._keys(place)
            needed |= set(keys)
            reader = self.samples.readers[place.tomogram]
            starts = [self._places[key].start for key in keys]
            row = [*starts, *reader.shape[1:], place.y, place.x]
            tensors["places"][i] = torch.tensor(row)
            tensors["numbers"][i] = torch.from_numpy(_numbers(view, self.samples.patch_px))
        return Prepared(step, tensors, {key: self._new(key) for key in needed - self._known})

    def take(self, prepared: Prepared) -> None:
        """Copy the slices that are new to the device."""
        for key, pixels in prepared.slices.items():
            if key not in self._known:
                self._held[key[0]][self._places[key]] = torch.from_numpy(pixels).to(self._on)
                self._known.add(key)
            self._waiting.pop(key, None)

    def batch(self, given: Mapping[str, Tensor]) -> Batch:
        """Return the batch, from the tensors of `prepare` on the device."""
        places, numbers = given["places"], given["numbers"]
        y, x = self._sources(numbers[:, :, None, None])
        channels = self.samples.readers[0].channels
        starts, mask_start, frame = places.tensor_split([channels, channels + 1], dim=1)
        area = _Area(frame, self.samples)
        if self.samples.recipe.warp:
            image = area.interpolate(self._held["image"], starts, y, x)
        else:
            image = area.look_up(self._held["image"], starts, y, x)
        bits = area.look_up(self._held["masks"], mask_start, y, x)
        target = ((bits >> self._shifts) & 1).bool()
        labelled = ((bits >> (self._shifts + 1)) & 1).bool()
        image = self._grey(image, numbers[:, :, None, None])
        if "noise" in given:
            image = given["noise"] * numbers[:, 11, None, None, None] + image
        return Batch(image, target, labelled, given.get("kept"))

    def _sources(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Return where each pixel comes from in its cut, in px: `(b, p, p)` each."""
        cosine, sine, *turn = numbers[:, :8].unbind(1)
        y = turn[0] * self._rows + turn[1] * self._columns + turn[2]
        x = turn[3] * self._rows + turn[4] * self._columns + turn[5]
        margin = self.samples.margin
        if not self.samples.recipe.warp:
            return y + margin, x + margin
        size = self.samples.patch_px
        knots = numbers[:, COLUMNS:, 0, 0].view(-1, 2, KNOTS, KNOTS)
        bent = self._basis @ knots @ self._basis.T
        turned = (y * size + x).long().flatten(1)[:, None].expand(-1, 2, -1)
        down, right = bent.flatten(2).gather(2, turned).view(-1, 2, size, size).unbind(1)
        middle = (size - 1) / 2
        y, x = y - middle, x - middle
        return (
            margin + (cosine * y - sine * x + down + middle),
            margin + (sine * y + cosine * x + right + middle),
        )

    def _grey(self, image: Tensor, numbers: Tensor) -> Tensor:
        """Return the image with other contrast, gamma and brightness; see `augmentation.grey`."""
        if not self.samples.recipe.grey:
            return image
        step, low_at, high_at = self._gamma
        ordered = image[:, :, ::step, ::step].flatten(1).sort(dim=1).values
        low, high = (ordered[:, at, None, None, None] for at in (low_at, high_at))
        span = high - low
        unit = ((image - low) / span.clamp(min=1e-30)).clamp(0, 1)
        contrast, gamma, brightness = (numbers[:, at, None] for at in (8, 9, 10))
        bent = (unit**gamma - unit) * span + image  # a span of 0 changes nothing
        return bent * contrast + brightness

    def _keys(self, place: PatchPlace) -> list[Key]:
        """Return the slices of a patch: those of its channels, then its masks."""
        slices = self.samples.readers[place.tomogram].neighbours(place.z)
        images: list[Key] = [("image", place.tomogram, z) for z in slices]
        return [*images, ("masks", place.tomogram, place.z)]

    def _new(self, key: Key) -> npt.NDArray[np.generic]:
        """Return a slice that is not on the device yet; several threads share what one has read."""
        with self._locks[key]:
            if key not in self._waiting:
                self._waiting[key] = self._read(key)
            return self._waiting[key]

    def _read(self, key: Key) -> npt.NDArray[np.generic]:
        kind, number, z = key
        reader = self.samples.readers[number]
        if kind == "image":
            return np.ascontiguousarray(reader.plane(z)).reshape(-1)
        shape = (len(self.samples.structures), *reader.shape[1:])
        target, labelled = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        self.samples.masks(number, z, None, (target, labelled))
        bits = np.zeros(shape[1:], np.int32)
        for k in range(shape[0]):
            bits |= target[k].astype(np.int32) << 2 * k
            bits |= labelled[k].astype(np.int32) << (2 * k + 1)
        return bits.reshape(-1)


class _Area:
    """Looks up pixels of cuts in slices that lie one after another in memory.

    A pixel outside the slice, or outside the cut (patch and margin), is 0.
    """

    def __init__(self, frame: Tensor, samples: Samples) -> None:
        self._height, self._width, top, left = frame[:, :, None, None].unbind(1)
        self._top, self._left = top - samples.margin, left - samples.margin
        self._size = samples.patch_px + 2 * samples.margin

    def look_up(self, held: Tensor, starts: Tensor, y: Tensor, x: Tensor) -> Tensor:
        """Return the nearest pixels `(b, c, p, p)` of `starts` `(b, c)`, at y and x `(b, p, p)`."""
        # The same arithmetic as on the host: there the cut has a border of one pixel, too.
        y, x = ((part.clamp(-1, self._size) + 1 + 0.5).long() - 1 for part in (y, x))
        return self._at(held, starts, y, x)

    def interpolate(self, held: Tensor, starts: Tensor, y: Tensor, x: Tensor) -> Tensor:
        """Return pixels `(b, c, p, p)`, bilinearly between their neighbours."""
        y, x = (part.clamp(-1, self._size) + 1 for part in (y, x))
        low_y, low_x = y.floor(), x.floor()
        part_y, part_x = (y - low_y)[:, None], (x - low_x)[:, None]
        at_y, at_x = low_y.long() - 1, low_x.long() - 1
        top = self._at(held, starts, at_y, at_x) * (1 - part_x)
        top = top + self._at(held, starts, at_y, at_x + 1) * part_x
        bottom = self._at(held, starts, at_y + 1, at_x) * (1 - part_x)
        bottom = bottom + self._at(held, starts, at_y + 1, at_x + 1) * part_x
        return top * (1 - part_y) + bottom * part_y

    def _at(self, held: Tensor, starts: Tensor, y: Tensor, x: Tensor) -> Tensor:
        row, column = y + self._top, x + self._left
        inside = (y >= 0) & (y < self._size) & (x >= 0) & (x < self._size)
        inside &= (row >= 0) & (row < self._height) & (column >= 0) & (column < self._width)
        within = (row * self._width + column) * inside
        return held.take(starts[:, :, None, None] + within[:, None]) * inside[:, None]


def shape_of_kept(samples: Samples, count: int) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Return shape and type of `Batch.kept` of so many patches, if their batches have it."""
    if not samples.center_channels:
        return {}
    return {"kept": ((count, samples.center_channels), torch.float32)}


def _sizes(samples: Samples) -> dict[Key, int]:
    """Return the pixels of each slice that training may read."""
    sizes: dict[Key, int] = {}
    for i, (tomogram, reader) in enumerate(zip(samples.tomograms, samples.readers, strict=True)):
        pixels = reader.shape[1] * reader.shape[2]
        for z in tomogram.slices("train", samples.structures):
            sizes["masks", i, z] = pixels
            for neighbour in reader.neighbours(z):
                sizes["image", i, neighbour] = pixels
    return sizes


def _numbers(view: View, size: int) -> npt.NDArray[np.float32]:
    """Return a view as the row of numbers that `DevicePatches` reads."""
    cosine, sine = slopes(view)
    grey = [1.0 if view.contrast is None else view.contrast, view.gamma, view.brightness]
    row = [cosine, sine, *_turn(view, size), *grey, view.sigma]
    knots = np.zeros(2 * KNOTS**2) if view.knots is None else view.knots.reshape(-1)
    return np.concatenate([row, knots]).astype(np.float32)


def _turn(view: View, size: int) -> tuple[int, ...]:
    """Return a, b, c, d, e, f: pixel (i, j) comes from (a i + b j + c, d i + e j + f)."""
    last = size - 1
    rows = [(1, 0, 0), (0, 1, 0), (-1, 0, last), (0, -1, last)][view.turns]
    columns = [(0, 1, 0), (-1, 0, last), (0, -1, last), (1, 0, 0)][view.turns]
    if view.mirror:  # j becomes last - j
        rows, columns = ((a, -b, c + b * last) for a, b, c in (rows, columns))
    return (*rows, *columns)
