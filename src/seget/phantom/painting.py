"""Paints a scene on voxels: density (stain) and labels.

things (nm) -> density, labels and membranes (z, y, x)

It never places anything, and never holds more than these volumes and one block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from seget.phantom import organelles
from seget.phantom.golgi import golgi
from seget.phantom.ink import Block, Floats, Ink
from seget.phantom.noise import lattice_noise
from seget.phantom.placing import Thing
from seget.phantom.settings import Settings
from seget.phantom.shapes import centriole, cleft, cleft_depth, granule, microtubule, sphere
from seget.phantom.structures import ALL_STRUCTURES, MEMBRANES
from seget.phantom.tissue import tissue

Labels = npt.NDArray[np.uint8]
Slices = tuple[slice, slice, slice]
Progress = Callable[[float], None]

PAINTERS: Mapping[str, Callable[..., Ink | None]] = {
    "sphere": sphere,
    "cleft": cleft,
    "microtubule": microtubule,
    "centriole": centriole,
    "granule": granule,
    "golgi": golgi,
    "vesicle": organelles.vesicle,
    "ribosome": organelles.ribosome,
    "mitochondrion": organelles.mitochondrion,
    "reticulum": organelles.reticulum,
    "tubule": organelles.tubule,
    "filament": organelles.filament,
    "nucleus": organelles.nucleus,
    "gold": organelles.gold,
    "tissue": tissue,
}

BLOCK_PX = 64
# Texture of the cytoplasm: lattice spacing in nm -> deviation of the logarithm of the density. From
# fine to coarse: proteins, their complexes, clusters and filaments, regions.
GRAINS = {6.0: 0.26, 11.0: 0.22, 38.0: 0.16, 150.0: 0.12}
# Unevenness of the stain: lattice spacing in nm, and relative deviation.
STAIN_NM, STAIN_STRENGTH = 600.0, 0.10
FINE_NM, FINE_STRENGTH = 7.0, 0.12
MIDDLE_NM, MIDDLE_STRENGTH = 22.0, 0.11


class Canvas:
    """Density, labels and membranes of one field, and the blocks that things are painted in."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        voxel_nm: float,
        step_nm: tuple[float, float, float] | None = None,
        *,
        membranes: bool = False,
    ) -> None:
        self.voxel_nm = voxel_nm
        self.step_nm = step_nm or (voxel_nm,) * 3
        self.density: Floats = np.zeros(shape, dtype=np.float32)
        self.labels: Labels = np.zeros(shape, dtype=np.uint8)
        self.membranes: Labels | None = np.zeros(shape, dtype=np.uint8) if membranes else None

    def axis_nm(self, axis: int, part: slice = slice(None)) -> Floats:
        """Centres of the voxels along one axis in nm: the first lies half a voxel in."""
        numbers = np.arange(self.density.shape[axis], dtype=np.float32)[part]
        return (numbers + np.float32(0.5)) * np.float32(self.step_nm[axis])

    @property
    def extent_nm(self) -> tuple[float, float, float]:
        """`(z, y, x)` edges of the canvas in nm."""
        z, y, x = (size * step for size, step in zip(self.density.shape, self.step_nm, strict=True))
        return z, y, x

    def blocks(self, low: Sequence[float], high: Sequence[float]) -> Iterator[tuple[Slices, Block]]:
        """Blocks of at most 64 voxels an edge that tile the box from `low` to `high` nm."""
        spans = []
        for axis, size in enumerate(self.density.shape):
            first = max(0, int(np.floor(low[axis] / self.step_nm[axis])))
            last = min(size, int(np.ceil(high[axis] / self.step_nm[axis])))
            spans.append([slice(i, min(i + BLOCK_PX, last)) for i in range(first, last, BLOCK_PX)])
        for z in spans[0]:
            for y in spans[1]:
                for x in spans[2]:
                    block = Block(
                        self.axis_nm(0, z)[:, None, None],
                        self.axis_nm(1, y)[None, :, None],
                        self.axis_nm(2, x)[None, None, :],
                        self.voxel_nm,
                    )
                    yield (z, y, x), block

    def paint(self, thing: Thing, stained: float = 1.0) -> None:
        """Paint one thing over what is there, its stain times `stained`.

        Its mask replaces masks painted before; a thing without a mask erases them where it covers
        more than half of a voxel.
        """
        painter = PAINTERS[thing.kind]
        label = ALL_STRUCTURES.index(thing.structure) + 1 if thing.structure else 0
        for where, block in self.blocks(thing.low, thing.high):
            ink = painter(block, **thing.geometry)
            if ink is None:
                continue
            density = self.density[where]
            density *= 1 - ink.cover
            density += ink.stain if stained == 1 else ink.stain * np.float32(stained)
            hidden = ink.cover > 0.5
            if ink.inside is not None and label:
                self.labels[where][ink.inside] = label
            else:
                self.labels[where][hidden] = 0
            if self.membranes is not None:
                self.membranes[where][hidden] = 0
                if ink.membranes is not None:
                    self.membranes[where][ink.membranes] = 1


def paint(things: Sequence[Thing], settings: Settings, progress: Progress | None = None) -> Canvas:
    """Return the canvas that a scene is painted on.

    Returns
    -------
    Its `density` `(z, y, x)` float32 is about 1 where a membrane is stained; its `labels`
    `(z, y, x)` uint8 number the structures from 1 in the order of `ALL_STRUCTURES`; `membranes`
    is 1 on unit membranes, or None where their mask is not wanted.
    """
    wanted = MEMBRANES in settings.structures
    canvas = Canvas(settings.painted, settings.voxel_nm, settings.step_nm, membranes=wanted)
    fields = _Fields(settings)
    synapse = next((thing for thing in things if thing.kind == "cleft"), None)
    fields.cytoplasm(canvas, synapse)
    for number, thing in enumerate(things):
        canvas.paint(thing, fields.stained.get(thing.kind, 1.0))
        if progress is not None and number % 50 == 0:
            progress(number / len(things))
    fields.unevenness(canvas)
    return canvas


class _Fields:
    """Texture of the cytoplasm and unevenness of the stain."""

    def __init__(self, settings: Settings) -> None:
        rng = np.random.default_rng([settings.seed, 2])
        self.seed = int(rng.integers(2**31))
        self.other_cell = float(rng.choice([0.75, 0.85, 1.2]))
        self.specimen = settings.specimen
        self.stained: dict[str, float] = {}
        if self.specimen.stain_spread > 0:
            rng = np.random.default_rng([settings.seed, 5])
            factors = np.exp(rng.normal(0, self.specimen.stain_spread, len(PAINTERS)))
            self.stained = dict(zip(PAINTERS, factors.tolist(), strict=True))

    def cytoplasm(self, canvas: Canvas, synapse: Thing | None) -> None:
        """Fill the field with textured cytoplasm, the target cell's a little different."""
        specimen = self.specimen
        for z in range(canvas.density.shape[0]):
            axes = (canvas.axis_nm(0, slice(z, z + 1)), canvas.axis_nm(1), canvas.axis_nm(2))
            texture = sum(
                np.float32(strength * specimen.texture)
                * lattice_noise(axes, scale * specimen.texture_scale, self.seed)
                for scale, strength in GRAINS.items()
            )
            # The exponential keeps density positive and skewed, as stain that gathers in grains.
            canvas.density[z] = (
                np.float32(specimen.cytoplasm) * np.exp(texture - np.float32(0.1))[0]
            )
        if synapse is None:
            return
        geometry = {key: synapse.geometry[key] for key in ("origin", "normal", "waves")}
        for where, block in canvas.blocks((0, 0, 0), canvas.extent_nm):
            beyond = cleft_depth(block, **geometry) < 0
            canvas.density[where][beyond] *= np.float32(self.other_cell)

    def unevenness(self, canvas: Canvas) -> None:
        """Multiply the density by three random fields around 1: slow, fine and in between."""
        slow, fine, middle = (
            np.float32(strength * self.specimen.unevenness)
            for strength in (STAIN_STRENGTH, FINE_STRENGTH, MIDDLE_STRENGTH)
        )
        for z in range(canvas.density.shape[0]):
            axes = (canvas.axis_nm(0, slice(z, z + 1)), canvas.axis_nm(1), canvas.axis_nm(2))
            factor = 1 + slow * lattice_noise(axes, STAIN_NM, self.seed + 1)
            factor += fine * lattice_noise(axes, FINE_NM, self.seed + 2)
            factor += middle * lattice_noise(axes, MIDDLE_NM, self.seed + 3)
            canvas.density[z] *= np.maximum(factor, 0.2)[0]
        np.maximum(canvas.density, 0, out=canvas.density)
