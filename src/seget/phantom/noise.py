"""Random fields over nm: a point has the same value at every voxel size and in every block.

seed + correlation length (nm) + coordinates (nm) -> a field with mean 0 and variance 1

It never holds more than the block that is asked for: the value at a lattice point is a hash of the
seed and its coordinates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.int64]

# Smoothing white noise of variance 1 by a cubic B-spline leaves this variance along each axis, on
# average over positions: the mean of the sum of the squared weights.
_VARIANCE = 151 / 315
# Odd constants that mix bits well (Steele et al., OOPSLA 2014; Knuth's multiplier).
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def lattice_noise(axes: tuple[Floats, Floats, Floats], scale_nm: float, seed: int) -> Floats:
    """White noise on a lattice of `scale_nm`, smoothed by cubic B-splines.

    Parameters
    ----------
    axes
        Coordinates in nm along z, y and x, ascending, of any shape (they are flattened).
    scale_nm
        Spacing of the lattice; the field is correlated over about 1.7 times that.
    seed
        Another seed gives another field, and so does another `scale_nm`.

    Returns
    -------
    `(z, y, x)` float32 of mean 0 and variance 1: one value for each triple of coordinates.
    """
    (z, spline_z), (y, spline_y), (x, spline_x) = (_spline(axis, scale_nm) for axis in axes)
    values = _white(z, y, x, (seed << 20) ^ round(scale_nm * 64))
    values = spline_z @ values.reshape(z.size, -1)
    values = values.reshape(-1, y.size, x.size).swapaxes(0, 1)  # (lattice y, z, lattice x)
    depth = values.shape[1]
    values = spline_y @ values.reshape(y.size, -1)
    values = values.reshape(-1, depth, x.size).swapaxes(0, 2)  # (lattice x, z, y)
    values = spline_x @ values.reshape(x.size, -1)
    values = values.reshape(-1, depth, axes[1].size).transpose(1, 2, 0)  # (z, y, x)
    return np.ascontiguousarray(values, dtype=np.float32)


def _spline(axis: Floats, scale_nm: float) -> tuple[Integers, csr_array]:
    """Lattice points around some coordinates, and the matrix `(coordinates, points)` of weights."""
    at = axis.ravel().astype(np.float64) / scale_nm
    first = np.floor(at).astype(np.int64)
    t = at - first
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1
    )
    weights /= 6 * np.sqrt(_VARIANCE)
    columns = (first[:, None] - first.min() + np.arange(4)).ravel()
    needed = np.arange(first.min(), first.max() + 4)
    starts = np.arange(0, columns.size + 1, 4)
    matrix = csr_array(
        (weights.astype(np.float32).ravel(), columns, starts), shape=(at.size, needed.size)
    )
    return needed, matrix


def _white(z: Integers, y: Integers, x: Integers, seed: int) -> Floats:
    """Uniform values of variance 1 at lattice points, a hash of seed and place: `(z, y, x)`."""
    first, second, third = (np.uint64(odd) for odd in _MIX)
    bits = np.full((1, 1, 1), np.uint64(seed & 0xFFFFFFFFFFFFFFFF))
    for axis in (z[:, None, None], y[None, :, None], x[None, None, :]):
        bits = (bits ^ axis.astype(np.uint64)) * first
        bits = (bits ^ (bits >> np.uint64(30))) * second
        bits = (bits ^ (bits >> np.uint64(27))) * third
        bits ^= bits >> np.uint64(31)
    unit: Floats = (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
    return (unit - np.float32(0.5)) * np.float32(np.sqrt(12))


def ripples(where: tuple[Floats, ...], scale_nm: float, seed: int, waves: int = 8) -> Floats:
    """Sum of plane waves of about `scale_nm` wavelength in random directions, variance 1.

    It takes coordinates in any frame, while `lattice_noise` needs those along the volume's axes.

    Parameters
    ----------
    where
        Coordinates in nm, arrays that broadcast against each other: one an axis.
    scale_nm
        Middle wavelength; the waves lie between 0.7 and 1.5 of it.
    seed
        Decides directions, lengths and phases.
    waves
        Number of waves; the more, the nearer to Gaussian the values, and the slower.
    """
    rng = np.random.default_rng(seed)
    total: Floats = np.zeros(np.broadcast_shapes(*(axis.shape for axis in where)), np.float32)
    for _ in range(waves):
        towards = rng.standard_normal(len(where))
        towards *= 2 * np.pi / (np.linalg.norm(towards) * scale_nm * rng.uniform(0.7, 1.5))
        turns: Floats = np.float32(rng.uniform(0, 2 * np.pi)) + np.zeros_like(total)
        for k, axis in zip(towards, where, strict=True):
            turns += np.float32(k) * axis
        total += np.sin(turns)
    return total * np.float32(np.sqrt(2 / waves))
