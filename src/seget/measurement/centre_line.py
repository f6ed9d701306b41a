"""The line along the middle of a tube.

voxels of an object (nm) -> CentreLine: points, length, curvature, ends

It never decides what is a tube: `is_tube` says it from numbers. It goes from one far end to the
other, so that of a branched object only the longest way is measured, and says what lies beside it.

The line is found in three steps: the shortest way through the object between its two farthest
ends; the mean place of the voxels along that way, three times, each along the line before; a
smoothing spline through these places. Voxels average out, so that the line is finer than they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.interpolate import BSpline, splprep
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from seget.volume import Triple

Floats = npt.NDArray[np.floating[Any]]
ROUND_CAP = 2 / 3  # radii by which a half ball lengthens a tube of the same cross-section
SMOOTHED = 0.6  # diameters: deviation of the weights with which voxels along the line are averaged
NEIGHBOURS = [
    (z, y, x) for z in (-1, 0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1) if (z, y, x) > (0, 0, 0)
]  # half of the 26


@dataclass(frozen=True)
class CentreLine:
    """The middle line of a tube.

    Attributes
    ----------
    points_nm
        `(n, 3)` z, y, x, about a quarter of the diameter apart, from end to end.
    directions
        `(n, 3)` unit vectors along the line.
    curvature_per_um
        `(n,)` 1 / radius of the line at each point.
    length_nm
        Of the line around which a tube with this cross-section and this volume is drawn; round
        ends reach a radius beyond it.
    diameter_nm
        Of the circle with the mean cross-section of the part between the ends.
    free_ends
        How many of the two ends lie within the volume, not at its border.
    beside
        Share of the object's voxels more than a diameter from the line: branches, or a merger.
    """

    points_nm: Floats
    directions: Floats
    curvature_per_um: Floats
    length_nm: float
    diameter_nm: float
    free_ends: int
    beside: float


def is_tube(volume_nm3: float, surface_nm2: float, width_nm: float) -> bool:
    """Whether an object is a tube: long, and round across.

    Of a long tube of diameter w, volume is surface * w / 4; of a sheet of thickness w it is
    surface * w / 2, of a ball surface * w / 6. Long means three diameters.
    """
    if not width_nm > 0 or surface_nm2 <= 0:
        return False
    roundness = 4 * volume_nm3 / (surface_nm2 * width_nm)
    return 0.72 < roundness < 1.35 and volume_nm3 > 3 * np.pi / 4 * width_nm**3


def centre_line(
    voxels: npt.NDArray[np.int64],
    voxel_size_nm: Triple,
    width_nm: float,
    shape: tuple[int, int, int],
) -> CentreLine | None:
    """Return the middle line of a tube, or None of an object too short to have one.

    Parameters
    ----------
    voxels
        `(n, 3)` indices z, y, x of its voxels.
    voxel_size_nm
        `(z, y, x)` edges of a voxel.
    width_nm
        About its diameter.
    shape
        `(z, y, x)` of the volume: an end at its border is no end of the tube.
    """
    places = voxels * np.asarray(voxel_size_nm)
    line = _longest_way(places, voxel_size_nm, width_nm)
    for _ in range(3):
        if len(line) < 2:
            return None
        line = _recentred(places, line, width_nm)
    if len(line) < 5 or np.ptp(line, axis=0).max() < width_nm:
        return None
    (knots, weights, _), _ = splprep(line.T, k=3, s=len(line) * (0.02 * min(voxel_size_nm)) ** 2)
    curve = _Curve.of(BSpline(knots, np.stack(weights, axis=1), 3), width_nm)
    if curve.length < width_nm:
        return None
    return _measured(curve, voxels, voxel_size_nm, width_nm, shape)


def _longest_way(places: Floats, voxel_size_nm: Triple, width_nm: float) -> Floats:
    """Return a line through an object from end to end, of cells a third of its width wide."""
    edges = np.maximum(width_nm / 3, np.asarray(voxel_size_nm) * 1.001)
    cells, owner = np.unique(np.floor(places / edges).astype(np.int64), axis=0, return_inverse=True)
    owner = owner.ravel()
    count = np.bincount(owner)
    middles = np.stack([np.bincount(owner, places[:, i]) / count for i in range(3)], axis=1)
    tree = {tuple(cell): i for i, cell in enumerate(cells.tolist())}
    pairs = [
        (i, tree[other])
        for step in NEIGHBOURS
        for i, cell in enumerate(cells.tolist())
        if (other := (cell[0] + step[0], cell[1] + step[1], cell[2] + step[2])) in tree
    ]
    if not pairs:
        return middles[:1]
    a, b = np.array(pairs).T
    lengths = np.linalg.norm(middles[a] - middles[b], axis=1)
    # Cells at the rim hold fewer voxels: a way through them counts as longer.
    lengths = lengths * np.sqrt(count.max() / np.minimum(count[a], count[b]))
    graph = coo_array((lengths, (a, b)), shape=(len(cells), len(cells))).tocsr()
    first = _farthest(dijkstra(graph, directed=False, indices=0))
    distance, before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)
    way = [_farthest(distance)]
    while way[-1] != first:
        way.append(int(before[way[-1]]))
    return np.asarray(middles[way])


def _farthest(distance: Floats) -> int:
    return int(np.where(np.isfinite(distance), distance, -1).argmax())


def _recentred(places: Floats, line: Floats, width_nm: float) -> Floats:
    """Return the middle of the voxels along a line, every half width.

    At each length along the line a straight piece is fitted to the voxels' places, those nearer
    along it weighing more: unlike a mean it is right at the ends, too.
    """
    step = width_nm / 20
    dense, along = _dense(line, step, width_nm)
    apart, nearest = cKDTree(dense).query(places)
    near = apart < 0.85 * width_nm
    # Sums of 1, s, s^2, and of place and s * place, at each length s; smoothed, they are those of
    # the neighbourhood, from which the straight pieces follow.
    at = nearest[near]
    s = along[at] - along[-1] / 2
    weights = [np.ones(len(at)), s, s * s]
    weights += [w * places[near][:, i] for w in (weights[0], s) for i in range(3)]
    sums = [
        gaussian_filter1d(np.bincount(at, w, len(along)), SMOOTHED * 20, mode="constant")
        for w in weights
    ]
    count, first, second = sums[:3]
    occupied = np.flatnonzero(np.bincount(at, minlength=len(along)))
    shown = np.arange(occupied[0], occupied[-1] + 1)
    shown = shown[np.linspace(0, len(shown) - 1, max(2, int(len(shown) / 10))).round().astype(int)]
    spread = np.maximum(count * second - first**2, 1e-30)
    middles = []
    for axis in range(3):
        place, product = sums[3 + axis], sums[6 + axis]
        slope = (count * product - first * place) / spread
        mean = place / np.maximum(count, 1e-30)
        middles.append(mean + slope * (along - along[-1] / 2 - first / np.maximum(count, 1e-30)))
    return np.asarray(np.stack(middles, axis=1)[shown])


def _dense(line: Floats, step: float, beyond: float) -> tuple[Floats, Floats]:
    """Return points close together on a line that is led straight on at both ends, and lengths."""
    ahead, back = line[-1] - line[-2], line[0] - line[1]
    ends = [v / max(float(np.linalg.norm(v)), 1e-9) * beyond for v in (back, ahead)]
    whole = np.concatenate([[line[0] + ends[0]], line, [line[-1] + ends[1]]])
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(whole, axis=0), axis=1))])
    at = np.arange(0, lengths[-1], step)
    return np.stack([np.interp(at, lengths, whole[:, i]) for i in range(3)], axis=1), at


@dataclass(frozen=True)
class _Curve:
    """A spline by its length, led straight on at both ends."""

    spline: BSpline
    parameter: Floats  # at equal steps of length
    step: float
    beyond: float

    @classmethod
    def of(cls, spline: BSpline, width_nm: float) -> _Curve:
        """Measure a spline's length, and cut it into equal steps of a twentieth of the width."""
        fine = np.linspace(0, 1, 4000)
        points = spline(fine)
        lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        count = max(2, int(lengths[-1] / (width_nm / 20)))
        at = np.linspace(0, lengths[-1], count)
        return cls(spline, np.interp(at, lengths, fine), float(at[1]), 1.5 * width_nm)

    @property
    def length(self) -> float:
        """Length of the spline in nm, without what is led on."""
        return self.step * (len(self.parameter) - 1)

    def point(self, at_nm: Floats) -> Floats:
        """Points at lengths along the curve, below 0 and above `length` straight on: `(n, 3)`."""
        inside = np.clip(at_nm, 0, self.length)
        points = self.spline(self._parameter(inside))
        return np.asarray(points + (at_nm - inside)[:, None] * self.direction(inside))

    def direction(self, at_nm: Floats) -> Floats:
        """Return unit vectors along the curve: `(n, 3)`."""
        along = self.spline(self._parameter(at_nm), nu=1)
        return np.asarray(along / np.linalg.norm(along, axis=1)[:, None])

    def curvature(self, at_nm: Floats) -> Floats:
        """1 / radius in 1/nm: `(n,)`."""
        parameter = self._parameter(at_nm)
        first, second = self.spline(parameter, nu=1), self.spline(parameter, nu=2)
        speed = np.linalg.norm(first, axis=1)
        return np.asarray(np.linalg.norm(np.cross(first, second), axis=1) / speed**3)

    def _parameter(self, at_nm: Floats) -> Floats:
        steps = np.arange(len(self.parameter)) * self.step
        return np.interp(at_nm, steps, self.parameter)


def _measured(
    curve: _Curve,
    voxels: npt.NDArray[np.int64],
    voxel_size_nm: Triple,
    width_nm: float,
    shape: tuple[int, int, int],
) -> CentreLine:
    """Measure length and diameter of a tube along its curve.

    Between the ends the length is the curve's; what lies beyond, up to the tips, is as long as its
    volume divided by the mean cross-section. Of that a round cap is taken off a free end, so that
    the line ends where somebody who draws a tube sets its last point.
    """
    places = voxels * np.asarray(voxel_size_nm)
    at = np.arange(-curve.beyond, curve.length + curve.beyond, curve.step)
    apart, nearest = cKDTree(curve.point(at)).query(places)
    along = at[nearest]
    near = apart < width_nm
    low, high = float(along[near].min()), float(along[near].max())
    inner = (low + width_nm, high - width_nm)
    if inner[1] - inner[0] < width_nm / 2:  # too short to have a part that no end disturbs
        inner = (low + (high - low) / 3, high - (high - low) / 3)
    # Samples of the curve are voxels' places along it: half a step either way.
    inside = (along >= inner[0]) & (along < inner[1]) & near
    area = float(np.prod(voxel_size_nm)) * np.count_nonzero(inside) / (inner[1] - inner[0])
    radius = float(np.sqrt(area / np.pi))
    ends, free = [], 0
    border = ((voxels == 0) | (voxels == np.array(shape) - 1)) & (np.array(shape) > 1)
    for beyond, tip in ((along < inner[0], along < low + width_nm),
                        (along >= inner[1], along > high - width_nm)):  # fmt: skip
        length = float(np.prod(voxel_size_nm)) * np.count_nonzero(beyond & near) / area
        is_free = not bool(border[tip & near].any())
        free += is_free
        ends.append(max(0.0, length - is_free * ROUND_CAP * radius))
    first, last = inner[0] - ends[0], inner[1] + ends[1]
    shown = np.linspace(first, last, max(2, round((last - first) / (width_nm / 4)) + 1))
    return CentreLine(
        curve.point(shown),
        curve.direction(shown),
        1000 * curve.curvature(shown),
        float(last - first),
        2 * radius,
        free,
        float(1 - np.count_nonzero(near) / len(near)),
    )
