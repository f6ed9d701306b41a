"""The five structures of the paper, each a pure function of its geometry in nanometres.

geometry (nm) -> Ink on a block of voxels: stain, and the exact mask

It never chooses a position or a size: `scene` and `members` do. A function may return None where
nothing of its object lies in the block. The sources of the sizes stand in the docstrings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seget.phantom.ink import MEMBRANE_NM, Block, Floats, Ink, both, covered, layer

Point = Sequence[float]
HALF = MEMBRANE_NM / 2

# Nine triplets ("blades") of tubules A, B, C, the innermost is A. B lies BLADE_RADIUS_NM from the
# axis, A and C BLADE_STEP_NM from B; the blade leans by BLADE_DEG against the tangent.
FOLD = 9
BLADE_DEG, BLADE_STEP_NM, BLADE_RADIUS_NM = 35.0, 19.0, 91.0
TUBULE_NM, WALL_NM = 12.5, 5.0  # outer radius and wall of a microtubule
BARREL_NM = 116.0  # radius of a centriole


def sphere(block: Block, centre: Point, radius: float, stain: float) -> Ink:
    """Return a ball of one stain; tests use it, since its volume is known."""
    ink = Ink(block)
    distance = block.from_point(centre) - np.float32(radius)
    ink.fill(distance, stain)
    ink.inside = distance < 0
    return ink


def cleft_depth(block: Block, origin: Point, normal: Point, waves: Sequence[Point]) -> Floats:
    """Distance of every voxel from the middle of the cleft, positive in the T cell: `(z, y, x)`.

    Parameters
    ----------
    origin, normal
        A point of the flat sheet and its unit normal towards the T cell.
    waves
        Each `(amplitude nm, phase, cycles a nm along z, y, x)`: what makes the sheet wavy.
    """
    flat = block.along(origin, normal)
    height: Floats = np.zeros_like(flat)
    slope = [np.zeros_like(flat) for _ in range(3)]
    for amplitude, phase, *cycles in waves:
        turns = np.asarray(cycles) * 2 * np.pi
        at = block.along((0.0, 0.0, 0.0), turns) + np.float32(phase)
        height += np.float32(amplitude) * np.sin(at)
        steep = np.float32(amplitude) * np.cos(at)
        for axis in range(3):
            slope[axis] += np.float32(turns[axis]) * steep
    square = sum(s * s for s in slope)
    return (flat - height) / np.sqrt(1 + square)


def cleft(
    block: Block,
    origin: Point,
    normal: Point,
    waves: Sequence[Point],
    gap: Sequence[float],
    seed: int,
) -> Ink | None:
    """Immunological synapse: two plasma membranes face to face; the mask is the cleft between.

    The membranes are 7 nm thick (Robertson, 1959) and 15 to 25 nm apart: receptor and ligand
    span about 15 nm (Davis and van der Merwe, Nature Immunol. 2006), and the cleft is wider where
    granules are released (Stinchcombe et al., Immunity 2001).

    Parameters
    ----------
    gap
        Mean width of the cleft and how far it varies to both sides, in nm.
    """
    high = sum(wave[0] for wave in waves) + 120
    flat = float(np.dot(block.centre - np.asarray(origin), normal))
    if abs(flat) > high + block.reach_nm:
        return None
    depth = cleft_depth(block, origin, normal, waves)
    swing = np.clip(0.6 * block.noise(600.0, seed), -1, 1)
    half = np.float32(gap[0] / 2) + np.float32(gap[1] / 2) * swing
    outside = np.abs(depth) - half
    ink = Ink(block)
    # Under the membrane lies the cortex: actin, denser than the cytoplasm, without organelles.
    cortex = np.clip(1 - outside / 70, 0, 1) ** 2 * np.float32(0.5)
    ink.lay(cortex, 0.5 + 0.1 * block.noise(45.0, seed + 1))
    ink.fill(outside - np.float32(HALF), 0.2 + 0.07 * block.noise(26.0, seed + 2))
    patches = 1 + 0.22 * block.noise(130.0, seed + 3)
    ink.membrane(outside - np.float32(HALF))
    ink.stain *= 1 + (patches - 1) * (np.abs(outside - np.float32(HALF)) < HALF + 4)
    ink.inside = outside < 0
    return ink


def microtubule(block: Block, path: Sequence[Point]) -> Ink | None:
    """Microtubule: a tube of 25 nm outer and 15 nm inner diameter; the mask is filled.

    Thirteen protofilaments make a tube of 25 nm (Tilney et al., J. Cell Biol. 1973) with a wall
    of about 5 nm. Around it lies a zone that stain and ribosomes avoid.
    """
    found = block.from_path(np.asarray(path, dtype=float), 30.0)
    if found is None:
        return None
    distance, _ = found
    ink = Ink(block)
    clear = np.clip((np.float32(27) - distance) / 12, 0, 1)
    ink.lay(clear * np.float32(0.55), 0.17)
    ink.fill(distance - np.float32(TUBULE_NM), 0.3)
    ink.lay(layer(distance, TUBULE_NM - WALL_NM, TUBULE_NM, ink.voxel_nm), 0.95)
    ink.inside = distance < TUBULE_NM
    return ink


def triplet() -> list[tuple[float, float]]:
    """Centres of the tubules C, B and A of a triplet, nm: `(radial, tangential)` to the axis."""
    lean = np.deg2rad(BLADE_DEG)
    steps = (BLADE_STEP_NM, 0.0, -BLADE_STEP_NM)
    return [(BLADE_RADIUS_NM + s * np.sin(lean), s * np.cos(lean)) for s in steps]


def centriole(
    block: Block, centre: Point, frame: Sequence[Point], length: float, turn: float, seed: int
) -> Ink | None:
    """Centriole: nine triplets of microtubules on a barrel of 230 nm; the mask is the barrel.

    About 230 nm wide and 450 nm long in mammals, nine triplets leaning like a pinwheel, C tubules
    ending before A and B, a cartwheel at the proximal end, pericentriolar material
    around (Vorobjev and Chentsov, J. Cell Biol. 1982; Paintrand et al., J. Struct. Biol. 1992).

    Parameters
    ----------
    frame
        Three unit vectors: the axis, towards the distal end, and two across it.
    turn
        Angle of the first triplet around the axis, in radians.
    """
    if np.linalg.norm(block.centre - np.asarray(centre)) > length / 2 + 320 + block.reach_nm:
        return None
    s, a, b = (block.along(centre, axis) for axis in frame)
    rho, phi = np.hypot(a, b), np.arctan2(b, a) - np.float32(turn)
    ends = np.abs(s) - np.float32(length / 2)
    outside = both(rho - np.float32(BARREL_NM), ends)
    ink = Ink(block)
    cloud = np.exp(-((np.clip(outside, 0, None) / np.float32(70)) ** 2))
    cloud *= np.clip(0.55 + 0.25 * block.noise(60.0, seed), 0, 1)
    ink.lay(cloud * np.float32(0.8), 0.55 + 0.15 * block.noise(28.0, seed + 1))
    ink.fill(outside, 0.42 + 0.08 * block.noise(25.0, seed + 2))
    wedge = np.float32(2 * np.pi / FOLD)
    psi = np.mod(phi + wedge / 2, wedge) - wedge / 2
    u, w = rho * np.cos(psi), rho * np.sin(psi)
    _cartwheel(ink, u, w, s + np.float32(length / 2))
    blade = np.minimum.reduce(
        [np.hypot(u - np.float32(out), w - np.float32(round_)) for out, round_ in triplet()]
    )
    ink.lay(np.clip(1 - (blade - 8) / 16, 0, 1) * np.float32(0.7) * (outside < 0), 0.68)
    for name, (outwards, around) in zip("CBA", triplet(), strict=True):
        tube = np.hypot(u - np.float32(outwards), w - np.float32(around))
        top = np.where(s > 0, np.float32(0.2 * length if name == "C" else 0), 0)
        shaft = covered(ends + top, ink.voxel_nm)
        ink.lay(covered(tube - np.float32(TUBULE_NM), ink.voxel_nm) * shaft, 0.3)
        wall = layer(tube, TUBULE_NM - WALL_NM, TUBULE_NM, ink.voxel_nm)
        ink.lay(wall * shaft, 1.0)
    ink.inside = outside < 0
    return ink


def _cartwheel(ink: Ink, u: Floats, w: Floats, height: Floats) -> None:
    """Lay the hub and nine spokes, in the lowest 120 nm of the barrel."""
    low = layer(height, 5, 125, ink.voxel_nm)
    spoke = layer(w, -3, 3, ink.voxel_nm) * layer(u, 11, 76, ink.voxel_nm)
    hub = layer(np.hypot(u, w), 7, 13, ink.voxel_nm)
    ink.lay(np.maximum(spoke * np.float32(0.6), hub) * low, 0.7)


def granule(
    block: Block,
    centre: Point,
    axis: Point,
    semi: Sequence[float],
    halo: float,
    vesicles: Sequence[Point],
    seed: int,
) -> Ink | None:
    """Lytic granule: a membrane, a lucent halo, a dense core, in some vesicles; filled mask.

    Granules of cytotoxic T cells measure 200 to 800 nm; cores are dense, or multivesicular, or
    both (Burkhardt et al., J. Cell Biol. 1990; Peters et al., J. Exp. Med. 1991).

    Parameters
    ----------
    semi
        Half the length along `axis` and half the width across it, in nm.
    halo
        Gap between membrane and core in nm; at half the width or more there is no core.
    vesicles
        Each `(z, y, x, radius)` of a vesicle within, in nm.
    """
    long, wide = semi
    if np.linalg.norm(block.centre - np.asarray(centre)) > long * 1.1 + 10 + block.reach_nm:
        return None
    s = block.along(centre, axis)
    across = np.sqrt(np.clip(block.from_point(centre) ** 2 - s * s, 0, None))
    unit = np.hypot(s / np.float32(long), across / np.float32(wide))
    steep = np.hypot(s / np.float32(long**2), across / np.float32(wide**2))
    outside = unit * (unit - 1) / np.maximum(steep, 1e-6)
    outside = outside + np.float32(0.035 * wide) * block.noise(1.6 * wide, seed)
    ink = Ink(block)
    ink.fill(outside + np.float32(HALF), 0.3 + 0.05 * block.noise(35.0, seed + 1))
    core = outside + np.float32(halo + MEMBRANE_NM)
    core = core + np.float32(min(halo, 0.12 * wide) * 0.4) * block.noise(170.0, seed + 2)
    mottle = block.noise(55.0, seed + 3) + 0.8 * block.noise(24.0, seed + 4)
    mottle = mottle + 0.6 * block.noise(12.0, seed + 5)
    ink.lay(np.clip(0.5 - core / 14, 0, 1), 0.92 + 0.09 * mottle)
    for *at, radius in vesicles:
        bubble = block.from_point(at) - np.float32(radius)
        bubble = both(bubble, outside + np.float32(MEMBRANE_NM))
        ink.fill(bubble + np.float32(HALF), 0.28 + 0.1 * mottle)
        ink.membrane(bubble + np.float32(HALF), 0.9)
    ink.membrane(outside + np.float32(HALF))
    ink.inside = outside < 0
    return ink
