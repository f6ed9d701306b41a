"""Distances between points and triangles.

points + triangles -> distance of each point from its triangle

Pure geometry in any one unit; it never searches for the nearest triangle.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


def distances(points: Floats, a: Floats, b: Floats, c: Floats) -> Floats:
    """Distance of point i from the triangle a[i] b[i] c[i]: `(n,)`; all arguments are `(n, 3)`.

    The nearest point lies in the triangle's plane if that falls within the triangle, else on the
    nearest of its three edges.
    """
    edges = np.stack(
        [_from_segment(points, p, q) for p, q in ((a, b), (b, c), (c, a))],
    ).min(axis=0)
    normal = np.cross(b - a, c - a)
    square = np.einsum("ij,ij->i", normal, normal)
    with np.errstate(divide="ignore", invalid="ignore"):
        height = np.einsum("ij,ij->i", points - a, normal) / np.sqrt(square)
        foot = points - normal * (height / np.sqrt(square))[:, None]
    within = square > 0
    for p, q in ((a, b), (b, c), (c, a)):
        within &= np.einsum("ij,ij->i", np.cross(q - p, foot - p), normal) >= 0
    return np.asarray(np.where(within, np.abs(height), edges))


def _from_segment(points: Floats, p: Floats, q: Floats) -> Floats:
    along = q - p
    square = np.maximum(np.einsum("ij,ij->i", along, along), 1e-30)
    share = np.clip(np.einsum("ij,ij->i", points - p, along) / square, 0, 1)
    return np.asarray(np.linalg.norm(points - p - share[:, None] * along, axis=1))
