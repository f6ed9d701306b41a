"""Draws one object of each kind: its random geometry, and the balls that approximate it.

random numbers + position (nm) -> Thing + balls (n, 4)

It never asks whether there is room, and never paints.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seget.phantom.placing import Made, Points, Thing, chain, direction, frame
from seget.phantom.shapes import BARREL_NM

Random = np.random.Generator


def boxed(
    kind: str, structure: str | None, balls: Points, geometry: dict[str, Any], margin: float = 15.0
) -> Thing:
    """Return a Thing whose box holds its balls and `margin` nm."""
    low = (balls[:, :3] - balls[:, 3:]).min(axis=0) - margin
    high = (balls[:, :3] + balls[:, 3:]).max(axis=0) + margin
    plain = {key: _plain(value) for key, value in geometry.items()}
    return Thing(kind, structure, tuple(_plain(low)), tuple(_plain(high)), plain)


def _plain(value: Any) -> Any:
    """Plain numbers and lists, rounded to 6 decimals: what JSON gives back paints the same."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def seed_of(rng: Random) -> int:
    """Return a seed for the small irregularities of one thing."""
    return int(rng.integers(2**31))


def a_centriole(rng: Random, centre: Points, axis: Points) -> Made:
    """Centriole 400 to 480 nm long; its pericentriolar cloud is painted but takes no room."""
    length = rng.uniform(400, 480)
    ends = np.stack([centre - axis * (length / 2 - 60), centre + axis * (length / 2 - 60)])
    balls = chain(ends, BARREL_NM + 18, 60.0)
    geometry = {
        "centre": centre, "frame": frame(axis), "length": length,
        "turn": rng.uniform(0, 2 * np.pi), "seed": seed_of(rng),
    }  # fmt: skip
    return boxed("centriole", "centriole", balls, geometry, 200.0), balls


def a_granule(rng: Random, centre: Points, wide: float) -> Made:
    """Granule of half width `wide` nm: 50 % dense, 30 % core and vesicles, 20 % vesicles only."""
    long = wide * rng.uniform(1.0, 1.35)
    axis = direction(rng, 40.0)
    variety = rng.choice(["dense", "mixed", "multivesicular"], p=[0.5, 0.3, 0.2])
    halo = rng.uniform(8, 18) if variety == "dense" else rng.uniform(0.3, 0.45) * wide
    if variety == "multivesicular":
        halo = wide
    vesicles: list[list[float]] = []
    for _ in range(0 if variety == "dense" else 140):
        radius = rng.uniform(18, 34)
        at = centre + direction(rng) * (wide - 12 - radius) * rng.uniform(0.3, 1) ** 0.5
        others = np.array(vesicles).reshape(-1, 4)
        apart = np.linalg.norm(others[:, :3] - at, axis=1) - others[:, 3] - radius
        core = np.linalg.norm(at - centre) + radius > wide - halo * 0.4 or halo >= wide
        if (apart > 2).all() and core and wide > radius + 20:
            vesicles.append([*at.tolist(), radius])
    ends = np.stack([centre - axis * (long - wide), centre + axis * (long - wide)])
    balls = chain(ends, wide * 1.06, wide / 2)
    geometry = {
        "centre": centre, "axis": axis, "semi": [long, wide], "halo": halo,
        "vesicles": vesicles, "seed": seed_of(rng),
    }  # fmt: skip
    return boxed("granule", "granules", balls, geometry), balls


def a_golgi(rng: Random, centre: Points, longest: float) -> Made:
    """Stack of 3 to 6 cisternae seen more or less from the side."""
    axes = frame(direction(rng, 16.0))
    long, wide = rng.uniform(0.8, 1.0, 2) * longest
    bend = np.array([rng.uniform(0.4, 1.5), rng.uniform(0.0, 0.8)]) / 1000 * rng.choice([-1, 1])
    count = int(rng.choice([3, 4, 5, 6], p=[0.1, 0.3, 0.35, 0.25]))
    spacing = rng.uniform(30, 37)
    heights = (np.arange(count) - (count - 1) / 2) * spacing
    cisternae = [
        [height + rng.normal(0, 1), rng.uniform(8.5, 11), long * rng.uniform(0.75, 1),
         wide * rng.uniform(0.8, 1), 0.2 + 0.06 * number + rng.uniform(0, 0.05)]
        for number, height in enumerate(heights)
    ]  # fmt: skip
    balls = np.concatenate([_sheet(centre, axes, sheet, bend) for sheet in cisternae])
    geometry = {
        "centre": centre, "frame": axes, "cisternae": cisternae, "bend": bend,
        "seed": seed_of(rng),
    }  # fmt: skip
    return boxed("golgi", "golgi", balls, geometry, 25.0), balls


def _sheet(centre: Points, axes: Points, sheet: list[float], bend: Points) -> Points:
    """Balls that stand for one cisterna, a point every 50 nm: `(n, 4)`."""
    height, _, long, wide, _ = sheet
    grid = np.linspace(-1, 1, int(2 * long / 50) + 2)
    b, c = (axis.ravel() for axis in np.meshgrid(grid * long, grid * wide))
    kept = np.hypot(b / long, c / wide) <= 1
    b, c = b[kept], c[kept]
    up = height + (bend[0] * b * b + bend[1] * c * c) / 2
    middles = centre + np.column_stack([up, b, c]) @ axes
    return np.column_stack([middles, np.full(len(b), 30.0)])


def rim(rng: Random, golgi: Thing) -> Points:
    """Return a random point 56 to 120 nm outside the rim of one cisterna of a stack."""
    shape = golgi.geometry
    sheet = shape["cisternae"][int(rng.integers(len(shape["cisternae"])))]
    turn, off = rng.normal(0, 0.3) + np.pi * rng.integers(2), rng.uniform(56, 120)
    b, c = (sheet[2] + off) * np.cos(turn), (sheet[3] + off) * np.sin(turn)
    up = sheet[0] + (shape["bend"][0] * b * b + shape["bend"][1] * c * c) / 2
    point: Points = np.asarray(shape["centre"]) + np.array([up, b, c]) @ np.asarray(shape["frame"])
    return point + rng.normal(0, 12, 3)


def a_microtubule(path: Points) -> Made:
    """Microtubule along a path."""
    balls = np.column_stack([path, np.full(len(path), 12.5)])
    return boxed("microtubule", "microtubules", balls, {"path": path}, 20.0), balls


def a_mitochondrion(rng: Random, path: Points, narrowest: float = 100.0) -> Made:
    """Mitochondrion along a path, a crista every 34 to 52 nm.

    Half its width is at least `narrowest` and at most 180 nm.
    """
    radius = rng.uniform(narrowest, 180)
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    cristae, position = [], rng.uniform(0, 30)
    side = frame((path[-1] - path[0]) / np.linalg.norm(path[-1] - path[0]))[1]
    # Positions are lengths along the path, and beyond its ends they do not change.
    while (position := position + rng.uniform(34, 52)) < length - 20:
        way = rng.choice([-1, 1]) * side + rng.normal(0, 0.3, 3)
        cristae.append([position, *(way / np.linalg.norm(way)), rng.uniform(0.8, 2.0)])
    balls = chain(path, radius * 1.08, radius / 2)
    geometry = {"path": path, "radius": radius, "cristae": cristae, "seed": seed_of(rng)}
    return boxed("mitochondrion", "mitochondria", balls, geometry), balls


def a_reticulum(rng: Random, path: Points, depth: float) -> Made:
    """Sheet of the reticulum along a flat path, leaning through a section of `depth` nm."""
    lean, half = rng.uniform(-0.25, 0.25, 2), rng.uniform(14, 24)
    apart = 1.2 * half
    levels = np.linspace(0, depth, int(depth / apart) + 2)
    leaning = [path + (z - path[0, 0]) * np.array([1, *lean]) for z in levels]
    balls = np.concatenate([chain(line, half * 1.5, apart) for line in leaning])
    geometry = {"path": path, "lean": lean, "half": half, "seed": seed_of(rng)}
    return boxed("reticulum", "reticulum", balls, geometry), balls


def a_tubule(rng: Random, path: Points) -> Made:
    """Membrane tubule of 40 to 70 nm width along a path."""
    radius = rng.uniform(20, 35)
    balls = chain(path, radius * 1.1, radius)
    geometry = {
        "path": path, "radius": radius, "stain": rng.uniform(0.2, 0.35), "seed": seed_of(rng)
    }  # fmt: skip
    return boxed("tubule", "reticulum", balls, geometry), balls


def a_filament(path: Points) -> Made:
    """Filament of 8 nm along a path."""
    balls = np.column_stack([path, np.full(len(path), 5.0)])
    return boxed("filament", None, balls, {"path": path}, 10.0), balls


def a_vesicle(rng: Random, centre: Points) -> Made:
    """Vesicle of 50 to 80 nm, one in five with dark contents."""
    radius = rng.uniform(25, 40)
    stain = rng.uniform(0.6, 0.9) if rng.random() < 0.2 else rng.uniform(0.15, 0.35)
    balls = np.append(centre, radius)[None]
    geometry = {"centre": centre, "radius": radius, "stain": stain}
    return boxed("vesicle", "vesicles", balls, geometry, 5.0), balls


def a_synaptic_vesicle(rng: Random, centre: Points) -> Made:
    """Synaptic vesicle of 36 to 46 nm (Alberts et al., Molecular Biology of the Cell)."""
    radius = rng.uniform(18, 23)
    geometry = {"centre": centre, "radius": radius, "stain": rng.uniform(0.15, 0.4)}
    balls = np.append(centre, radius)[None]
    return boxed("vesicle", "vesicles", balls, geometry, 5.0), balls


def a_ribosome(rng: Random, centre: Points) -> Thing:
    """Ribosome with a random orientation."""
    geometry = {"centre": centre, "towards": direction(rng)}
    return boxed("ribosome", "ribosomes", np.append(centre, 14.0)[None], geometry, 5.0)


def a_bead(centre: Points, radius: float) -> Thing:
    """Gold bead."""
    balls = np.append(centre, radius)[None]
    return boxed("gold", None, balls, {"centre": centre, "radius": radius}, 3.0)


def a_nucleus(rng: Random, centre: Points, radius: float, towards: Points) -> Made:
    """Nucleus with pores spread over the envelope around the direction `towards`."""
    side = frame(towards)[1]
    pores, angle = [], -0.8
    while angle < 0.8:
        angle += rng.uniform(180, 600) / radius
        way = towards * np.cos(angle) + side * np.sin(angle)
        way = way + np.array([rng.normal(0, 50) / radius, 0, 0])
        pores.append(way / np.linalg.norm(way))
    balls = np.append(centre, radius + 30)[None]
    geometry = {"centre": centre, "radius": radius, "pores": pores, "seed": seed_of(rng)}
    return boxed("nucleus", "envelope", balls, geometry, 80.0), balls
