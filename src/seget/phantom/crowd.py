"""Organelles, vesicles, ribosomes and gold around the five structures: background without masks.

a stage with the structures -> the same with organelles, vesicles, ribosomes, gold

It never places anything with a mask. Counts are given per square or cubic micrometre, so they hold
for every size of field.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from seget.phantom import members
from seget.phantom.growth import wander
from seget.phantom.placing import Made, Points, Thing, chain, direction, spread
from seget.phantom.stage import Stage

# Mammalian cells hold some 10^6 to 10^7 ribosomes in 2000 um3 (Milo and Phillips, Cell Biology by
# the Numbers, 2015); an active T cell has many, often several on one messenger RNA.
RIBOSOMES_UM3 = 4500.0
VESICLES_UM3 = (60.0, 110.0)
CORTEX_NM = 70.0


def fill(stage: Stage) -> None:
    """Place all that has no mask but the nucleus; gold in half of the scenes."""
    rng, area = stage.rng, stage.area_um2 * stage.specimen.crowd
    for _ in range(max(1, round(area * rng.uniform(0.3, 0.55)))):
        stage.place(partial(_mitochondrion, stage), 12.0, tries=150, inside=False)
    for _ in range(max(1, round(area * rng.uniform(0.8, 1.3)))):
        sheet = stage.place(partial(_reticulum, stage), 12.0, tries=150, inside=False)
        if sheet is not None and rng.random() < 0.35:
            stage.place(partial(_parallel, stage, sheet), 3.0, tries=20, inside=False)
    for _ in range(round(area * rng.uniform(1.5, 3.0))):
        stage.place(partial(_tubule, stage), 8.0, tries=60, inside=False)
    _vesicles(stage)
    _filaments(stage)
    _ribosomes(stage)
    if rng.random() < 0.5:
        _beads(stage)


def place_nucleus(stage: Stage) -> None:
    """Place a nucleus in a corner of the field far from the cleft, if there is room."""
    rng, extent = stage.rng, stage.extent
    corners = np.array([[extent[0] / 2, y, x] for y in (0, extent[1]) for x in (0, extent[2])])
    order = np.argsort(stage.cleft.depth(corners))
    corner = corners[order[-1 - int(rng.integers(2))]]
    towards = extent / 2 - corner
    towards = towards / np.linalg.norm(towards)
    radius = rng.uniform(1800, 3000)
    centre = corner - towards * (radius - rng.uniform(0.22, 0.34) * min(extent[1:]))
    centre[0] += rng.uniform(-300, 300)
    # From here on towards the envelope at mid-section: the pores lie around that direction.
    towards[0] = (extent[0] / 2 - centre[0]) / radius
    towards = towards / np.linalg.norm(towards)
    made = members.a_nucleus(rng, centre, radius, towards)
    if stage.space.free(made[1], 60.0):
        stage.add(made)


def _mitochondrion(stage: Stage) -> Made | None:
    start = stage.anywhere(-100.0, 40.0)
    length = stage.rng.uniform(300, 1100)
    path = wander(stage.rng, start, direction(stage.rng, 15.0), length, 900.0)
    return members.a_mitochondrion(stage.rng, path)


def _reticulum(stage: Stage) -> Made | None:
    start = stage.anywhere(-100.0)
    start[0] = stage.extent[0] / 2
    length = stage.rng.uniform(250, 1200)
    path = wander(stage.rng, start, direction(stage.rng, 0.0), length, 260.0)
    return members.a_reticulum(stage.rng, path, float(stage.extent[0]))


def _parallel(stage: Stage, sheet: Thing) -> Made | None:
    """Draw a second sheet parallel to a first one, as in rough reticulum."""
    rng, path = stage.rng, np.asarray(sheet.geometry["path"])
    along = path[-1] - path[0]
    across = np.array([0, -along[2], along[1]]) / (np.linalg.norm(along) + 1e-9)
    strays = np.cumsum(rng.normal(0, 9, len(path)))
    path = path + rng.choice([-1, 1]) * (rng.uniform(90, 125) + strays[:, None]) * across
    first = int(rng.integers(0, max(1, len(path) // 3)))
    made = members.a_reticulum(rng, path[first:], float(stage.extent[0]))
    return made if len(path) - first > 3 else None


def _tubule(stage: Stage) -> Made | None:
    start = stage.anywhere(-50.0, 10.0)
    length = stage.rng.uniform(90, 450)
    path = wander(stage.rng, start, direction(stage.rng, 25.0), length, 250.0)
    return members.a_tubule(stage.rng, path)


def _filaments(stage: Stage) -> None:
    """Place loose bundles of intermediate filaments."""
    rng = stage.rng
    for _ in range(round(stage.area_um2 * stage.specimen.crowd * rng.uniform(0.6, 2.0))):
        starts = np.array([stage.anywhere(0) for _ in range(20)])
        taken = stage.space.touches(np.column_stack([starts, np.full(20, 30.0)]), 0.0)
        start, heading = starts[int(np.argmin(taken))], direction(rng, 8.0)
        length = rng.uniform(250, 800)
        for _ in range(int(rng.integers(1, 6))):
            begin = start + rng.normal(0, 25, 3)
            path = wander(rng, begin, heading, length * rng.uniform(0.5, 1), 700.0)
            stage.place(partial(members.a_filament, path), 3.0, tries=1, inside=False)


def _vesicles(stage: Stage) -> None:
    """Place vesicles: some at the rims of each Golgi stack, the others anywhere."""
    rng = stage.rng
    stacks = [thing for thing in stage.things if thing.kind == "golgi"]
    for stack in stacks:
        for _ in range(int(rng.integers(14, 26))):
            stage.place(partial(_budding, stage, stack), 0.0, tries=8)
    volume = stage.area_um2 * float(stage.extent[0]) / 1000
    for _ in range(int(volume * stage.specimen.crowd * rng.uniform(*VESICLES_UM3))):
        stage.place(partial(_free, stage), 6.0, tries=20, inside=False)


def _budding(stage: Stage, stack: Thing) -> Made:
    return members.a_vesicle(stage.rng, members.rim(stage.rng, stack))


def _free(stage: Stage) -> Made:
    return members.a_vesicle(stage.rng, stage.anywhere(0, 20.0))


def _ribosomes(stage: Stage) -> None:
    """Place ribosomes: on the reticulum, in clusters on one messenger RNA, and alone."""
    rng = stage.rng
    volume = stage.area_um2 * float(stage.extent[0]) / 1000
    points = [_rough(stage)]
    wanted = RIBOSOMES_UM3 * stage.specimen.ribosomes * volume
    while sum(map(len, points)) < wanted:
        start = stage.anywhere(0, 10.0)
        crowded = int(rng.integers(2, 11)) if rng.random() < 0.5 else 1
        steps = rng.normal(0, 1, (crowded, 3))
        steps *= rng.uniform(27, 36, (crowded, 1)) / np.linalg.norm(steps, axis=1, keepdims=True)
        points.append(start + np.cumsum(steps, axis=0))
    places = spread(np.concatenate(points), 24.0)
    hits = (places[:, 0] > -12) & (places[:, 0] < stage.extent[0] + 12)
    places = places[hits & (np.abs(stage.cleft.depth(places)) > CORTEX_NM)]
    # Half a ribosome's radius: the reticulum's balls are wider than its sheets, and a ribosome on a
    # sheet must not count as overlapping.
    balls = np.column_stack([places, np.full(len(places), 7.0)])
    places = places[~stage.space.touches(balls, 0.0)]
    stage.things.extend(members.a_ribosome(rng, centre) for centre in places)


def _rough(stage: Stage) -> Points:
    """Ribosome positions on both faces of 60 % of the reticulum's sheets: `(n, 3)` nm."""
    rng, places = stage.rng, [np.zeros((0, 3))]
    for sheet in (thing.geometry for thing in stage.things if thing.kind == "reticulum"):
        if rng.random() < 0.4:
            continue
        line = chain(np.asarray(sheet["path"]), 0.0, 42.0)[:, :3]
        along = np.gradient(line, axis=0)
        across = np.column_stack([np.zeros(len(line)), -along[:, 2], along[:, 1]])
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        for z in np.arange(0, stage.extent[0], 40.0):
            for side in (-1, 1):
                kept = rng.random(len(line)) < 0.55
                at = line + side * (sheet["half"] * 1.1 + 14) * across
                at = at + (z - line[:, :1] + rng.uniform(-12, 12)) * np.array([1, *sheet["lean"]])
                places.append(at[kept])
    return np.concatenate(places)


def _beads(stage: Stage) -> None:
    """Scatter gold beads over the upper and the lower surface of the section."""
    rng = stage.rng
    radius = float(rng.choice([5.0, 7.5]))
    for _ in range(max(2, round(stage.area_um2 * rng.uniform(0.6, 1.4)))):
        centre = stage.anywhere(20.0)
        centre[0] = radius * 0.7 if rng.random() < 0.5 else stage.extent[0] - radius * 0.7
        stage.things.append(members.a_bead(centre, radius))
