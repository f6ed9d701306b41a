"""Draws a scene: a cytotoxic T cell at its immunological synapse.

settings -> things (nm), in the order in which they are painted

It never sees a voxel; it knows only the two planes between training, validation and test slices,
which one object of every structure crosses. The T cell lies on one side of the cleft, its centriole
near it, Golgi and granules around the centriole (Stinchcombe et al., Nature 2006).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from seget.errors import RunError
from seget.phantom import crowd, members, neurites
from seget.phantom.growth import STEP_NM, Course, grow
from seget.phantom.placing import Made, Points, Thing, direction, frame
from seget.phantom.settings import Settings
from seget.phantom.stage import NoRoomError, Stage

# Kinds in the order of painting: later ones cover earlier ones.
PAINTED = (
    "tissue", "cleft", "filament", "ribosome", "nucleus", "reticulum", "tubule", "mitochondrion",
    "vesicle", "microtubule", "centriole", "granule", "golgi", "gold",
)  # fmt: skip
SCENES = 60  # scenes drawn before giving up
MICROTUBULE_SHARE = 0.002  # of the volume: the paper's 1 in 508
GRANULE_SHARE = (0.020, 0.035)
GOLGI_UM2 = 5.5  # of the field for each stack


def build(settings: Settings) -> list[Thing]:
    """Return the scene of a seed: it depends on seed and extent in nm, not on the voxel's size.

    Raises
    ------
    RunError
        When no scene with every structure in every part of the block split is found.
    """
    for attempt in range(SCENES):
        stage = Stage(settings, np.random.default_rng([settings.seed, 1, attempt]))
        try:
            if settings.specimen.tissue_nm > 0:
                neurites.fill(stage)
            else:
                _cell(stage)
        except NoRoomError:
            continue
        crowd.fill(stage)
        window = _window(stage, settings)
        things = [_moved(thing, window) for thing in stage.things]
        things = [_wanted(thing, settings) for thing in things if _visible(thing, settings)]
        return sorted(things, key=lambda thing: PAINTED.index(thing.kind))
    raise RunError(
        f"phantom: in {SCENES} scenes of seed {settings.seed} there was no room for all five "
        "structures; choose another seed or a larger field."
    )


def _cell(stage: Stage) -> None:
    """Place nucleus, centriole, Golgi, granules and microtubules."""
    if stage.rng.random() < 0.45:
        crowd.place_nucleus(stage)
    centre = _centrioles(stage)
    grown = _crossing_microtubules(stage, centre)
    _golgi(stage, centre)
    _granules(stage, centre)
    _microtubules(stage, centre, grown)


def _centrioles(stage: Stage) -> Points:
    """Place the centriole near the cleft, and in one scene of seven a second one at its side."""
    rng = stage.rng

    def mother() -> Made | None:
        axis = direction(rng)
        # Half of the barrel's height along z, whatever its orientation.
        reach = 150 * abs(axis[0]) + 105 * np.sqrt(1 - axis[0] ** 2)
        point, height = stage.anywhere(500.0), stage.crossing(reach)
        if height is None:
            return None
        point[0] = height
        deep = float(stage.cleft.depth(point[None])[0])
        return members.a_centriole(rng, point, axis) if deep < 700 else None

    thing = stage.must(mother, 20.0)
    centre = np.asarray(thing.geometry["centre"])
    if rng.random() < 1 / 7:
        axis = np.asarray(thing.geometry["frame"][0])
        across = frame(axis)[1 if rng.random() < 0.7 else 2] * rng.choice([-1, 1])

        def daughter() -> Made | None:
            low = thing.geometry["length"] / 2 - rng.uniform(80, 200)
            point = centre - axis * low + across * (116 + 240 + rng.uniform(30, 90))
            hits = -150 < point[0] < stage.extent[0] + 150
            return members.a_centriole(rng, point, across) if hits else None

        stage.place(daughter, 5.0, tries=30)
    return centre


def _golgi(stage: Stage, centre: Points) -> None:
    """Place stacks around the centriole; the first crosses all parts of the block split."""
    count = max(1, round(stage.area_um2 / GOLGI_UM2))

    def stack(first: bool) -> Made | None:
        longest = stage.rng.uniform(320, 470)
        point = stage.beside(centre, 300, 1000 if first else 1600)
        height = stage.crossing(0.5 * longest) if first else stage.anywhere(0, 60)[0]
        if height is None or not stage.space.within(point, 260):
            return None
        point[0] = height
        return members.a_golgi(stage.rng, point, longest)

    stage.must(partial(stack, True), 15.0)
    for _ in range(count - 1):
        stage.place(partial(stack, False), 15.0)


def _granules(stage: Stage, centre: Points) -> None:
    """Place granules up to their share; the first crosses all parts of the block split."""
    rng = stage.rng
    wanted = rng.uniform(*GRANULE_SHARE) * stage.area_um2
    widest = 220.0 if stage.area_um2 < 8 else 330.0

    def one(first: bool) -> Made | None:
        point = stage.beside(centre, 250, 1300) if rng.random() < 0.6 else stage.anywhere(100.0)
        point[0] = stage.anywhere(0, 40)[0]
        if not first:
            wide = rng.uniform(100, widest)
            return members.a_granule(rng, point, wide) if stage.space.within(point, 40) else None
        # Just wide enough to cross both planes of the split: there may be little room.
        wide = max(rng.uniform(100, 170), (stage.last - stage.first) / 2 + 40)
        height = stage.crossing(0.85 * wide)
        if height is None or not stage.space.within(point, 130):
            return None
        point[0] = height
        return members.a_granule(rng, point, wide)

    thing: Thing | None = stage.must(partial(one, True), 12.0)
    area = 0.0
    while thing is not None:
        long, wide = thing.geometry["semi"]
        area += np.pi * long * wide / 1e6
        # From 80 % on, one more granule would as likely overshoot the share.
        thing = stage.place(partial(one, False), 12.0) if area < 0.8 * wanted else None


def _crossing_microtubules(stage: Stage, centre: Points) -> float:
    """Grow two microtubules before the field fills, and return their length in the field.

    One climbs through all parts of the block split; one runs level between validation and test,
    parts that may be thinner than a microtubule.
    """
    grown, depth = 0.0, stage.extent[0]
    longest = float(np.clip(0.4 * _wanted_length_nm(stage), 350, 900))
    for climbing in (True, False):
        for _ in range(300):
            length = stage.rng.uniform(0.7, 1.0) * longest
            if climbing:
                low, high = stage.rng.uniform([0.1, 0.92], [0.35, 1.02]) * depth
            else:
                low, high = 0.8 * depth + stage.rng.uniform(-8, 4, 2)
            if stage.rng.random() < 0.5:
                low, high = high, low
            path = _microtubule(stage, centre, low, (high - low) / length, length)
            seen = path[_seen(stage, path)]
            if len(seen) * STEP_NM > 220 and (not climbing or _crosses(stage, seen)):
                stage.add(members.a_microtubule(path))
                grown += len(seen) * STEP_NM
                break
        else:
            raise NoRoomError
    return grown


def _crosses(stage: Stage, path: Points) -> bool:
    """Whether a path lies in all parts of the block split."""
    heights = path[:, 0]
    return bool(heights.min() < stage.first + 8 and heights.max() > stage.last - 8)


def _wanted_length_nm(stage: Stage) -> float:
    """Length of microtubules that fills their share of the section, nm."""
    return MICROTUBULE_SHARE * float(np.prod(stage.extent)) / (np.pi * 12.5**2)


def _microtubules(stage: Stage, centre: Points, grown: float) -> None:
    """Grow microtubules from around the centriole up to their share; `grown` nm are there."""
    rng, depth = stage.rng, stage.extent[0]
    wanted = _wanted_length_nm(stage) * rng.uniform(0.9, 1.25)
    for _ in range(300):
        if grown > wanted - 150:
            return
        low, high = rng.uniform(0, depth, 2)
        length = min(rng.uniform(500, 2600), wanted - grown + 150)
        path = _microtubule(stage, centre, low, (high - low) / length, length)
        seen = int(_seen(stage, path).sum())
        if seen * STEP_NM > 240:
            stage.add(members.a_microtubule(path))
            grown += seen * STEP_NM


def _microtubule(stage: Stage, centre: Points, z: float, climb: float, length: float) -> Points:
    turn = stage.rng.uniform(0, 2 * np.pi)
    start = centre + stage.rng.uniform(150, 330) * np.array([0, np.sin(turn), np.cos(turn)])
    start[0] = z
    climb = float(np.clip(climb, -1.2, 1.2))
    heading = turn + stage.rng.normal(0, 0.35)
    balls = np.append(start, 12.5)[None]
    if not stage.space.free(balls, 10.0):
        return start[None]
    return grow(stage.rng, Course(start, heading, climb, length), stage.space)


def _seen(stage: Stage, path: Points) -> npt.NDArray[np.bool_]:
    """Which points of a path lie in the field: `(n,)`."""
    return np.asarray(((path >= 0) & (path <= stage.extent)).all(axis=1))


def _window(stage: Stage, settings: Settings) -> Points:
    """Return the corner of the field in the scene: its middle, or around one thing in focus."""
    if settings.focus is None:
        return stage.window
    rng = np.random.default_rng([settings.seed, 7])
    buried = settings.picture.buried * settings.layers * settings.step_nm[0]
    anchors = [
        _anchors(thing, stage.extent[0])
        for thing in stage.things
        if thing.structure == settings.focus
    ]
    points = np.concatenate([np.zeros((0, 3)), *anchors])
    points = points[(points[:, 0] >= buried) & (points[:, 0] <= stage.extent[0] - buried)]
    if not len(points):
        return stage.window
    field = np.asarray(settings.extent_nm)
    corner = points[int(rng.integers(len(points)))] - field * rng.uniform(0.25, 0.75, 3)
    corner[0] = 0
    return np.asarray(np.clip(corner, 0, stage.extent - field))


def _anchors(thing: Thing, depth: float) -> Points:
    """Return points that lie on a thing, as near to mid-section as it comes: `(n, 3)` nm."""
    if "path" in thing.geometry:
        return np.asarray(thing.geometry["path"], dtype=float)
    if thing.kind == "tissue":
        return np.asarray(thing.geometry["synapses"], dtype=float).reshape(-1, 4)[:, :3]
    # The cleft's box is the scene; any other thing lies around the middle of its box.
    middle = np.array(thing.geometry.get("origin", np.add(thing.low, thing.high) / 2))
    middle[0] = np.clip(depth / 2, thing.low[0], thing.high[0])
    return middle[None]


def _moved(thing: Thing, window: Points) -> Thing:
    """Return a thing with coordinates counted from `window`, the corner of the field."""
    if not window.any():
        return thing
    by = window.tolist()
    geometry = dict(thing.geometry)
    for key in ("centre", "origin"):
        if key in geometry:
            geometry[key] = np.subtract(geometry[key], by).tolist()
    if "path" in geometry:
        geometry["path"] = np.subtract(geometry["path"], by).tolist()
    if "vesicles" in geometry:
        geometry["vesicles"] = [
            [*np.subtract(ball[:3], by).tolist(), ball[3]] for ball in geometry["vesicles"]
        ]
    if "waves" in geometry:
        geometry["waves"] = [
            [high, phase + 2 * np.pi * float(np.dot(cycles, by)), *cycles]
            for high, phase, *cycles in geometry["waves"]
        ]
    low, high = np.subtract(thing.low, by), np.subtract(thing.high, by)
    return replace(thing, low=tuple(low), high=tuple(high), geometry=geometry)


def _wanted(thing: Thing, settings: Settings) -> Thing:
    """Return a thing without its structure if no mask of that is wanted."""
    return thing if thing.structure in settings.structures else replace(thing, structure=None)


def _visible(thing: Thing, settings: Settings) -> bool:
    """Whether a thing's box meets the field."""
    return all(
        low < edge and high > 0
        for low, high, edge in zip(thing.low, thing.high, settings.extent_nm, strict=True)
    )
