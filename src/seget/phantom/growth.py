"""Curves that grow step by step: microtubules, mitochondria, reticulum.

start + heading + room -> polyline (nm)

It never paints. Curves bend slowly at random, and microtubules steer around obstacles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seget.phantom.placing import Points, Space

STEP_NM = 20.0
# Free microtubules are straight over millimetres; in cells they buckle within micrometres
# (Brangwynne et al., J. Cell Biol. 2006). Here obstacles may bend them down to this radius.
TIGHTEST_NM = 350.0
# Radius of a microtubule, its gap to other things, and how far ahead it looks for obstacles.
TUBE_NM, TUBE_GAP_NM, LOOKOUT_NM = 12.5, 14.0, 100.0


@dataclass(frozen=True)
class Course:
    """Where a microtubule starts, where it heads, and how it climbs through the section.

    Attributes
    ----------
    start
        `(z, y, x)` in nm.
    heading
        Angle in the plane of the section, radians, 0 along x.
    climb
        nm along z for each nm in the plane.
    length
        How far it would grow, nm.
    """

    start: Points
    heading: float
    climb: float
    length: float


def wander(
    rng: np.random.Generator, start: Points, heading: Points, length: float, bend_nm: float
) -> Points:
    """Polyline `(n, 3)` of about `length` nm that turns with a radius of about `bend_nm`."""
    step = min(STEP_NM * 2, length / 4)
    points, curve = [start], rng.normal(0, step / bend_nm)
    up, turn = heading[0], np.arctan2(heading[1], heading[2])
    flat = np.sqrt(1 - up * up)
    for _ in range(int(length / step)):
        curve = 0.85 * curve + 0.53 * rng.normal(0, step / bend_nm)
        turn += curve
        points.append(points[-1] + step * np.array([up, flat * np.sin(turn), flat * np.cos(turn)]))
    return np.array(points)


def grow(rng: np.random.Generator, course: Course, space: Space) -> Points:
    """Path of a microtubule, `(n, 3)` nm; it ends before an obstacle or outside the field."""
    points, turn, curve = [course.start], course.heading, 0.0
    sharpest = STEP_NM / TIGHTEST_NM
    for _ in range(int(course.length / STEP_NM)):
        curve = 0.95 * curve + 0.3 * rng.normal(0, STEP_NM / 1500)
        wanted = turn + np.clip(curve, -sharpest, sharpest)
        turns = _clear(points[-1], wanted, course.climb, space)
        if turns is None:
            break
        curve += 0.3 * float(np.clip(turns, -sharpest, sharpest))
        turn = wanted + float(np.clip(turns, -sharpest, sharpest))
        step = STEP_NM * _heading(turn, course.climb)
        balls = np.append(points[-1] + step, TUBE_NM)[None]
        if not space.free(balls, TUBE_GAP_NM / 2):
            break
        points.append(points[-1] + step)
        if not space.within(points[-1], -60):
            break
    return np.array(points)


def _clear(at: Points, turn: float, climb: float, space: Space) -> float | None:
    """Smallest turn (radians) after which `LOOKOUT_NM` ahead are free; None if there is none."""
    ahead = np.arange(STEP_NM, LOOKOUT_NM + 1, STEP_NM)[:, None]
    for by in (0.0, 0.12, -0.12, 0.25, -0.25, 0.45, -0.45, 0.7, -0.7, 1.0, -1.0):
        way = at + ahead * _heading(turn + by, climb)
        if space.free(np.column_stack([way, np.full(len(way), TUBE_NM)]), TUBE_GAP_NM):
            return by
    return None


def _heading(turn: float, climb: float) -> Points:
    return np.array([climb, np.sin(turn), np.cos(turn)])
