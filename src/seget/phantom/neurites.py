"""What lies in the cells of a tissue: mitochondria and microtubules along them, clouds of vesicles.

a stage with a tissue -> the same with organelles, and a centriole and Golgi where there is room

It never draws the cells: `tissue` does; reticulum, ribosomes and the rest are the crowd's.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from seget.phantom import members
from seget.phantom.growth import STEP_NM, Course, grow, wander
from seget.phantom.placing import Made, Points, direction, spread
from seget.phantom.stage import Stage
from seget.phantom.tissue import Depths

# Of the scene, an um2.
MITOCHONDRIA_UM2, BUNDLES_UM2, CLOUDS_UM2, GRANULES_UM2 = 0.9, 2.0, 0.5, 0.25


def fill(stage: Stage) -> None:
    """Place one centriole, Golgi stacks, granules, microtubules and vesicles where there is room.

    None of them must find room: the cells may be too thin.
    """
    rng, area = stage.rng, stage.area_um2
    stage.place(partial(_centriole, stage), 20.0)
    for _ in range(max(1, round(area / 5))):
        stage.place(partial(_golgi, stage), 15.0, tries=150)
    for _ in range(round(area * GRANULES_UM2 * rng.uniform(0, 2))):
        stage.place(partial(_granule, stage), 12.0, tries=60)
    for _ in range(round(area * MITOCHONDRIA_UM2 * rng.uniform(0.4, 1.6))):
        stage.place(partial(_mitochondrion, stage), 6.0, tries=60)
    for _ in range(round(area * BUNDLES_UM2 * rng.uniform(0.5, 1.5))):
        _bundle(stage)
    for _ in range(round(area * CLOUDS_UM2 * rng.uniform(0, 2))):
        _cloud(stage)


def _centriole(stage: Stage) -> Made:
    return members.a_centriole(stage.rng, stage.anywhere(0, 100), direction(stage.rng))


def _golgi(stage: Stage) -> Made:
    return members.a_golgi(stage.rng, stage.anywhere(0, 60), stage.rng.uniform(200, 400))


def _granule(stage: Stage) -> Made:
    return members.a_granule(stage.rng, stage.anywhere(0, 40), stage.rng.uniform(60, 200))


def _mitochondrion(stage: Stage) -> Made:
    """Draw a mitochondrion along a cell, from the widest of some places."""
    rng = stage.rng
    starts = np.array([stage.anywhere(0, 40) for _ in range(6)])
    start = starts[int(stage.cleft.depth(starts).argmax())]
    heading = _along(stage) * rng.choice([-1, 1]) + rng.normal(0, 0.12, 3)
    heading = heading / np.linalg.norm(heading)
    path = wander(rng, start, heading, rng.uniform(250, 1200), 1500.0)
    return members.a_mitochondrion(rng, path, narrowest=55.0)


def _along(stage: Stage) -> Points:
    """Return the unit vector that the cells run along."""
    return stage.cleft.along if isinstance(stage.cleft, Depths) else direction(stage.rng)


def _bundle(stage: Stage) -> None:
    """Grow up to six parallel microtubules along a cell, 35 to 80 nm apart."""
    rng = stage.rng
    along = _along(stage)
    flat = float(np.hypot(along[1], along[2]))
    climb = float(np.clip(along[0] / max(flat, 1e-3), -3, 3)) * rng.choice([-1, 1])
    heading = float(np.arctan2(along[1], along[2])) + (np.pi if climb * along[0] < 0 else 0)
    middle = stage.anywhere(0)
    for _ in range(int(rng.integers(1, 7))):
        start: Points = middle + rng.uniform(-80, 80, 3)
        course = Course(start, heading + rng.normal(0, 0.05), climb, rng.uniform(300, 1500))
        if not stage.space.free(np.append(start, 12.5)[None], 10.0):
            continue
        path = grow(rng, course, stage.space)
        if len(path) * STEP_NM > 120:
            stage.add(members.a_microtubule(path))


def _cloud(stage: Stage) -> None:
    """Fill a ball of 100 to 350 nm with synaptic vesicles."""
    rng = stage.rng
    centre, wide = stage.anywhere(0, 60), rng.uniform(100, 350)
    count = int(rng.uniform(2, 6) * (wide / 60) ** 3)
    points = spread(centre + rng.uniform(-wide, wide, (count, 3)), 48.0)
    for point in points[np.linalg.norm(points - centre, axis=1) < wide]:
        stage.place(partial(members.a_synaptic_vesicle, rng, point), 2.0, tries=1)
