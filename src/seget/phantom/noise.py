"""Random fields in nanometres: the same at every voxel size, in every block.

seed + correlation length (nm) + places -> a field with mean 0 and variance 1

It never holds more than the block that is asked for: the values on the lattice come from a hash
of their coordinates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Floats = npt.NDArray[np.floating[Any]]
Cells = npt.NDArray[np.int64]

# A cubic B-spline of white noise has, on average over positions, this part of its variance along
# each axis: the mean of the sum of the squared weights.
_VARIANCE = 151 / 315
# Odd constants that mix bits well (Steele et al., OOPSLA 2014; Knuth's multiplier).
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def lattice_noise(axes: tuple[Floats, Floats, Floats], scale_nm: float, seed: int) -> Floats:
    """White noise on a lattice of `scale_nm`, smoothed by cubic B-splines.

    Parameters
    ----------
    axes
        Coordinates in nm along z, y and x, ascending, of any shape; the field is their product.
    scale_nm
        Distance of the lattice's points; the field is correlated over about 1.7 of it.
    seed
        Another seed, another field; another scale as well.

    Returns
    -------
    `(z, y, x)` float32 of mean 0 and variance 1.
    """
    (z, spline_z), (y, spline_y), (x, spline_x) = (_spline(axis, scale_nm) for axis in axes)
    values = _white(z, y, x, (seed << 20) ^ round(scale_nm * 64))
    values = spline_z @ values.reshape(z.size, -1)
    values = values.reshape(-1, y.size, x.size).swapaxes(0, 1)
    depth = values.shape[1]
    values = spline_y @ values.reshape(y.size, -1)
    values = values.reshape(-1, depth, x.size).swapaxes(0, 2)
    values = spline_x @ values.reshape(x.size, -1)
    values = values.reshape(-1, depth, axes[1].size).transpose(1, 2, 0)
    return np.ascontiguousarray(values, dtype=np.float32)


def _spline(axis: Floats, scale_nm: float) -> tuple[Cells, csr_array]:
    """Lattice points that an axis needs, and the matrix from their values to the axis."""
    at = axis.ravel().astype(np.float64) / scale_nm
    cells = np.floor(at).astype(np.int64)
    t = at - cells
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1
    )
    weights /= 6 * np.sqrt(_VARIANCE)
    columns = (cells[:, None] - cells.min() + np.arange(4)).ravel()
    needed = np.arange(cells.min(), cells.max() + 4)
    starts = np.arange(0, columns.size + 1, 4)
    matrix = csr_array(
        (weights.astype(np.float32).ravel(), columns, starts), shape=(at.size, needed.size)
    )
    return needed, matrix


def _white(z: Cells, y: Cells, x: Cells, seed: int) -> Floats:
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

    It may be asked for in any frame, where `lattice_noise` keeps to the volume's axes.

    Parameters
    ----------
    where
        Coordinates in nm, arrays that broadcast against each other: one an axis.
    scale_nm
        Middle wavelength; the waves lie between 0.7 and 1.5 of it.
    seed
        Decides directions, lengths and phases.
    waves
        How many; few are cheap, many are Gaussian.
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
