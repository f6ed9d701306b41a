"""Organelles beside the five structures, which a network could take for them.

geometry (nm) -> Ink on a block of voxels: stain, and the exact mask

It never chooses a position or a size: `crowd` and `members` do. A function may return None where
nothing of its object lies in the block. The sources of the sizes stand in the docstrings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seget.phantom.ink import MEMBRANE_NM, Block, Floats, Ink, both, either

Point = Sequence[float]
HALF = MEMBRANE_NM / 2


def vesicle(block: Block, centre: Point, radius: float, stain: float) -> Ink:
    """Transport vesicle, 50 to 80 nm wide: a membrane around something light or dark.

    Coated vesicles measure 50 to 100 nm (Alberts et al., Molecular Biology of the Cell).
    """
    ink = Ink(block)
    outside = block.from_point(centre) - np.float32(radius)
    ink.fill(outside + np.float32(HALF), stain)
    ink.membrane(outside + np.float32(HALF))
    ink.inside = outside < 0
    return ink


def ribosome(block: Block, centre: Point, towards: Point) -> Ink:
    """Ribosome, 25 nm: a round large subunit, and a smaller one lying on it.

    Eukaryotic ribosomes measure 25 to 30 nm (Melnikov et al., Nature Struct. Mol. Biol. 2012).
    """
    ink = Ink(block)
    large = block.from_point(np.add(centre, np.multiply(towards, -2.5))) - np.float32(10)
    small = block.from_point(np.add(centre, np.multiply(towards, 7.0))) - np.float32(6.5)
    outside = either(large, small, 3.0)
    ink.lay(np.clip(0.5 - outside / 6, 0, 1), 1.0)
    ink.inside = outside < 0
    return ink


def gold(block: Block, centre: Point, radius: float) -> Ink:
    """Gold bead on the section's surface, 10 to 15 nm: a fiducial to align the tilt series.

    Colloidal gold of 10 or 15 nm is the usual fiducial (Mastronarde, J. Struct. Biol. 1997).
    """
    ink = Ink(block)
    ink.fill(block.from_point(centre) - np.float32(radius), 20.0)
    return ink


def mitochondrion(
    block: Block,
    path: Sequence[Point],
    radius: float,
    cristae: Sequence[Point],
    seed: int,
) -> Ink | None:
    """Mitochondrion: two membranes, a grey matrix, lamellar cristae reaching across.

    0.2 to 0.5 um wide, both membranes together about 20 nm thick, cristae 20 to 30 nm (Frey and
    Mannella, Trends Biochem. Sci. 2000, from tomograms).

    Parameters
    ----------
    path, radius
        Its middle line and half its width in nm.
    cristae
        Each `(nm along the path, z, y, x of the unit vector along which it grows, its length in
        radii)`; it begins at the inner membrane, and length 2 reaches the opposite side.
    """
    spine = np.asarray(path, dtype=float)
    found = block.from_path(spine, radius + 40)
    if found is None:
        return None
    distance, along = found
    outside = (
        distance - np.float32(radius) + np.float32(0.05 * radius) * block.noise(2.2 * radius, seed)
    )
    ink = Ink(block)
    ink.fill(outside + np.float32(HALF), 0.3)
    inner = outside + np.float32(HALF + 16)
    ink.fill(inner, 0.52 + 0.05 * block.noise(26.0, seed + 1) + 0.06 * block.noise(13.0, seed + 3))
    bent = along + 14 * block.noise(1.5 * radius, seed + 2)
    middle = spine.mean(axis=0)
    folds: Floats = np.full_like(inner, 1e3)
    for place, *side, reach in cristae:
        sheet = np.abs(bent - np.float32(place)) - np.float32(10)
        if sheet.min() < 30:
            tip = block.along(middle, side) - np.float32((reach - 1) * radius)
            folds = either(folds, both(sheet, tip, 10.0))
    folds = both(folds, inner)
    ink.fill(folds + np.float32(HALF), 0.22)
    ink.membrane(folds + np.float32(HALF), 0.9)
    ink.membrane(inner, 0.95)
    ink.membrane(outside + np.float32(HALF))
    ink.inside = outside < 0
    return ink


def tubule(
    block: Block, path: Sequence[Point], radius: float, stain: float, seed: int
) -> Ink | None:
    """Membrane tubule of the endosomes or the smooth reticulum, 40 to 70 nm wide.

    Tubules of the reticulum measure 50 to 60 nm in mammalian cells (Shibata et al., Cell 2010).
    """
    found = block.from_path(np.asarray(path, dtype=float), radius + 20)
    if found is None:
        return None
    ink = Ink(block)
    outside = found[0] - np.float32(radius) * np.clip(1 + 0.15 * block.noise(120.0, seed), 0.7, 1.3)
    ink.fill(outside + np.float32(HALF), stain)
    ink.membrane(outside + np.float32(HALF))
    ink.inside = outside < 0
    return ink


def filament(block: Block, path: Sequence[Point]) -> Ink | None:
    """Intermediate filament, 8 to 12 nm (Herrmann and Aebi, Annu. Rev. Biochem. 2004): no lumen."""
    found = block.from_path(np.asarray(path, dtype=float), 15.0)
    if found is None:
        return None
    ink = Ink(block)
    ink.lay(np.clip(0.5 - (found[0] - np.float32(4.5)) / 5, 0, 1) * np.float32(0.8), 0.7)
    return ink


def reticulum(
    block: Block, path: Sequence[Point], lean: Sequence[float], half: float, seed: int
) -> Ink | None:
    """Cisterna of the endoplasmic reticulum, a curved sheet that leans through the section.

    Cisternae of mammalian cells are about 50 nm thick (Shibata et al., Cell 2010); here 28 to 48
    on average, and swollen in places.

    Parameters
    ----------
    path
        `(z, y, x)` corners of the sheet's middle line in the plane of the first z.
    lean
        How far the line moves along y and x for each nm of z.
    half
        Half its thickness in nm.
    """
    line = np.asarray(path, dtype=float)
    shift = np.abs(lean).max() * np.abs(block.z - line[0, 0]).max()
    flat = Block(block.z[:1] * 0 + np.float32(line[0, 0]), block.y, block.x, block.voxel_nm)
    if flat.from_path(line, half + shift + 30) is None:
        return None
    layers = []
    for z in block.z.ravel():
        down = float(z) - line[0, 0]
        moved = Block(
            flat.z, block.y - np.float32(lean[0] * down), block.x - np.float32(lean[1] * down), 1.0
        )
        found = moved.from_path(line, half + 30)
        layers.append(np.full((1, block.y.size, block.x.size), 1e3) if found is None else found[0])
    swell = np.clip(1 + 0.3 * block.noise(150.0, seed), 0.55, 1.7)
    outside = np.concatenate(layers).astype(np.float32) - np.float32(half) * swell
    outside /= np.float32(np.sqrt(1 + 0.5 * float(np.dot(lean, lean))))
    ink = Ink(block)
    ink.fill(outside + np.float32(HALF), 0.27 + 0.05 * block.noise(28.0, seed + 1))
    ink.membrane(outside + np.float32(HALF))
    ink.inside = outside < 0
    return ink


def nucleus(
    block: Block, centre: Point, radius: float, pores: Sequence[Point], seed: int
) -> Ink | None:
    """Nucleus: two membranes around a perinuclear space, pores, chromatin; envelope as mask.

    The space is 30 to 50 nm wide, pores measure about 100 nm from membrane to membrane
    (Alberts et al., Molecular Biology of the Cell; Beck and Hurt, Nature Rev. Mol. Cell
    Biol. 2017); T cells have much heterochromatin at the envelope.

    Parameters
    ----------
    pores
        Unit vectors from the centre to the pores.
    """
    apart = float(np.linalg.norm(block.centre - np.asarray(centre)))
    if apart > radius + 120 + block.reach_nm:
        return None
    outside = block.from_point(centre) - np.float32(radius)
    outside = outside + 22 * block.noise(900.0, seed)
    thick = 40.0
    ink = Ink(block)
    clumps = block.noise(340.0, seed + 1) + 2.6 * np.exp(outside / np.float32(80))
    dark = 1 / (1 + np.exp(-4 * (clumps - np.float32(0.9))))
    grain = 0.06 * block.noise(32.0, seed + 2) + 0.07 * block.noise(14.0, seed + 3)
    ink.fill(outside + np.float32(thick / 2), 0.24 + np.float32(0.36) * dark + grain)
    wall = np.abs(outside + np.float32(thick / 2)) - np.float32(thick / 2)
    for pore in pores:
        if np.linalg.norm(np.asarray(centre) + radius * np.asarray(pore) - block.centre) > (
            block.reach_nm + 200
        ):
            continue
        s = block.along(centre, pore)
        aside = np.sqrt(np.clip(block.from_point(centre) ** 2 - s * s, 0, None))
        wall = both(wall, np.float32(42) - aside - np.float32(1e4) * (s < 0), 24.0)
        plug = np.maximum(aside - 46, np.abs(outside + np.float32(thick / 2)) - 26)
        ink.lay(np.clip(0.5 - plug / 24, 0, 1) * (s > 0), 0.55 + grain)
    ink.fill(wall + np.float32(HALF), 0.2)
    ink.membrane(wall + np.float32(HALF))
    ink.inside = wall < 0
    return ink
