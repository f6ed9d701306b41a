"""A scene while it is drawn: its extent, its cleft, what has been placed and the room left.

seed + extent (nm) -> a stage that things are placed on, one by one

It never decides what is placed: `scene` and `crowd` do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seget.phantom import tissue
from seget.phantom.placing import Borders, CleftSheet, Made, Points, Space, Thing, direction
from seget.phantom.settings import COARSEST_NM, FEWEST_SLICES, SCENE_EDGE_NM, Settings

TRIES = 400


class NoRoomError(Exception):
    """A scene has run out of room; another one is drawn."""


class Stage:
    """The extent, the cleft, what has been placed and the room left.

    Attributes
    ----------
    extent
        `(z, y, x)` edges of the scene in nm, at least `SCENE_EDGE_NM` in y and x.
    window
        `(z, y, x)` corner of the field in nm: a smaller field is a window in the scene's middle.
    specimen
        How crowded the cell is.
    area_um2
        Area of the scene in the plane.
    cleft
        What no object may cross: the cleft, or the borders between the cells of a tissue.
    first, last
        Two planes (z in nm) that a structure must cross to be in all parts of the block split.
    """

    def __init__(self, settings: Settings, rng: np.random.Generator) -> None:
        depth, height, width = settings.extent_nm
        self.rng = rng
        self.extent = np.array([depth, max(height, SCENE_EDGE_NM), max(width, SCENE_EDGE_NM)])
        self.window = (self.extent - settings.extent_nm) / 2
        self.specimen = settings.specimen
        self.area_um2 = float(self.extent[1] * self.extent[2]) / 1e6
        self.first, self.last = crossing_nm(depth)
        self.things: list[Thing] = []
        width_nm = settings.specimen.tissue_nm
        self.cleft: Borders
        if width_nm > 0:
            self.cleft, thing = tissue.drawn(rng, self.extent, width_nm)
        else:
            self.cleft, thing = _cleft(rng, self.extent)
        self.space = Space(self.extent, self.cleft)
        self.things.append(thing)

    def add(self, made: Made) -> Thing:
        """Place a thing, whether there is room or not."""
        thing, balls = made
        self.things.append(thing)
        self.space.take(balls)
        return thing

    def place(
        self,
        draw: Callable[[], Made | None],
        gap: float,
        *,
        tries: int = TRIES,
        inside: bool = True,
    ) -> Thing | None:
        """Draw up to `tries` things and place the first that has room; None if none has.

        `gap` nm stay free around it, and it lies in the T cell unless `inside` is False.
        """
        for _ in range(tries):
            made = draw()
            if made is not None and self.space.free(made[1], gap, inside=inside):
                return self.add(made)
        return None

    def must(self, draw: Callable[[], Made | None], gap: float) -> Thing:
        """Place a thing that the scene cannot do without."""
        thing = self.place(draw, gap)
        if thing is None:
            raise NoRoomError
        return thing

    def anywhere(self, margin: float, beyond: float = 0.0) -> Points:
        """Random point, `margin` nm from the field's sides, up to `beyond` nm above or below."""
        low = np.array([-beyond, margin, margin])
        return self.rng.uniform(low, self.extent - low)

    def crossing(self, reach: float) -> float | None:
        """Random z, near mid-section, of a thing that is to cross `first` and `last`.

        It extends `reach` nm up and down from that z; None if it is too small to cross both.
        """
        low, high = self.last + 15 - reach, self.first - 15 + reach
        if high <= low:
            return None
        middle = np.clip(self.extent[0] / 2, low, high)
        return float(self.rng.uniform(max(low, middle - reach / 2), min(high, middle + reach / 2)))

    def beside(self, point: Points, near: float, far: float) -> Points:
        """Random point in the plane of the section, `near` to `far` nm from another."""
        off = direction(self.rng, 0.0) * self.rng.uniform(near, far)
        return np.asarray(point + off)


def crossing_nm(depth: float) -> tuple[float, float]:
    """Two planes (z in nm) that a structure must cross to be in all parts of the block split.

    65 % of the slices train and 15 % validate, both rounded: the middle of the last slice of
    training, and of the first of test, lie between these planes for every voxel size allowed.
    """
    voxel = min(COARSEST_NM, depth / FEWEST_SLICES)
    return 0.65 * depth - voxel, 0.80 * depth + 1.5 * voxel


def _cleft(rng: np.random.Generator, extent: Points) -> tuple[CleftSheet, Thing]:
    """Draw a cleft along a side of the scene (one of the longer), slightly tilted and wavy."""
    across = int(np.argmin(extent[1:])) + 1 if rng.random() < 0.5 else int(rng.integers(1, 3))
    if extent[1] != extent[2]:
        across = int(np.argmin(extent[1:])) + 1
    along = 3 - across
    offset = rng.uniform(0.13, 0.2) * min(extent[across], 3000.0)
    turn = np.arctan(rng.uniform(-0.6, 0.6) * offset / (extent[along] / 2))
    lean = np.deg2rad(rng.uniform(-8, 8))
    towards = rng.choice([-1, 1])
    normal = np.zeros(3)
    normal[[0, across, along]] = [
        np.sin(lean), towards * np.cos(lean) * np.cos(turn), np.cos(lean) * np.sin(turn)
    ]  # fmt: skip
    origin = extent / 2
    origin[across] = offset if towards > 0 else extent[across] - offset
    run = np.zeros(3)
    run[[across, along]] = [-towards * np.sin(turn), np.cos(turn)]
    waves = []
    for middle, height in ((1500, 38), (760, 20), (390, 11), (190, 4)):
        length = middle * rng.uniform(0.8, 1.25)
        cycles = run / length + np.array([rng.uniform(-0.2, 0.2) / length, 0, 0])
        waves.append((height * rng.uniform(0.5, 1.2), rng.uniform(0, 2 * np.pi), *cycles.tolist()))
    sheet = CleftSheet(origin, normal, tuple(waves))
    geometry = {
        "origin": origin.tolist(), "normal": normal.tolist(),
        "waves": [list(wave) for wave in waves],
        "gap": [rng.uniform(18, 22), rng.uniform(3, 5)], "seed": int(rng.integers(2**31)),
    }  # fmt: skip
    low, high = (0.0, 0.0, 0.0), tuple(extent.tolist())
    return sheet, Thing("cleft", "synapse", low, high, geometry)
