"""The Golgi apparatus: stacked, curved, fenestrated cisternae with dilated rims.

geometry (nm) -> Ink on a block of voxels: stain, and the exact mask of the stack

It never chooses a place or a size: `scene` does. Sources stand in the docstring.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seget.phantom.ink import MEMBRANE_NM, Block, Floats, Ink, both
from seget.phantom.noise import ripples

Point = Sequence[float]
HALF = MEMBRANE_NM / 2
RIM_NM = 45.0


def golgi(
    block: Block,
    centre: Point,
    frame: Sequence[Point],
    cisternae: Sequence[Point],
    bend: Sequence[float],
    seed: int,
) -> Ink | None:
    """Golgi stack; the mask is the stack: the cisternae and what lies between them.

    Three to six cisternae about 0.7 to 1 um wide, thin in the middle, dilated at the rims,
    fenestrated most at the outer faces (Rambourg and Clermont, Eur. J. Cell Biol. 1990; Ladinsky
    et al., J. Cell Biol. 1999, from tomograms of plastic sections).

    Parameters
    ----------
    frame
        Three unit vectors: from cis to trans, and two along the cisternae.
    cisternae
        Each `(height, half thickness, half length, half width, stain)` in nm, from cis to trans.
    bend
        Curvature along the two directions, in 1/nm.
    """
    longest = max(sheet[2] for sheet in cisternae) + 60
    if np.linalg.norm(block.centre - np.asarray(centre)) > longest + 150 + block.reach_nm:
        return None
    up, b, c = (block.along(centre, axis) for axis in frame)
    slope = 1 + (np.float32(bend[0]) * b) ** 2 + (np.float32(bend[1]) * c) ** 2
    sag = np.float32(bend[0] / 2) * b * b + np.float32(bend[1] / 2) * c * c
    sag = sag + 5 * ripples((b, c), 260.0, seed, waves=5)
    height = (up - sag) / np.sqrt(slope)
    ink = Ink(block)
    inside = np.zeros(up.shape, dtype=bool)
    below: tuple[float, Floats] | None = None
    for number, sheet in enumerate(cisternae):
        body, solid, out = _cisterna(height, b, c, sheet, seed + 10 * (number + 1))
        ink.fill(body + np.float32(HALF), sheet[4] + 0.05 * ripples((up, b, c), 30.0, seed + 1))
        ink.membrane(body + np.float32(HALF))
        inside |= solid < 0
        if below is not None:
            between = (height > below[0]) & (height < sheet[0])
            inside |= between & (np.maximum(out, below[1]) < 0)
        below = sheet[0], out
    ink.inside = inside
    return ink


def _cisterna(
    height: Floats, b: Floats, c: Floats, sheet: Point, seed: int
) -> tuple[Floats, Floats, Floats]:
    """Signed distances, nm: to a cisterna, to it without fenestrae, to its rim in the plane."""
    middle, half, long, wide = (np.float32(value) for value in sheet[:4])
    wobble = ripples((b, c), 210.0, seed, waves=5)
    out = (np.hypot(b / long, c / wide) - 1) * np.float32(min(long, wide)) + 14 * wobble
    swell = 0.75 + np.clip(1 + out / np.float32(RIM_NM * 2), 0, 1) ** 2
    swell = np.clip(swell + 0.2 * ripples((b, c), 150.0, seed + 1, waves=5), 0.8, 2.2)
    solid = both(np.abs(height - middle + 2.5 * wobble) - half * swell, out, 14.0)
    # Fenestrae are holes where ripples + 0.7 edge exceed 2: more of them towards the rim.
    edge = np.clip(1 + out / np.float32(150), 0, 1)
    holes = ripples((b, c), 120.0, seed + 2) + 0.7 * edge - np.float32(2.0)
    return both(solid, holes * np.float32(18), 6.0), solid, out
