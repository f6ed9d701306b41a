"""Projection of a slab to a single-axis tilt series, and weighted back-projection.

density (z, y, x) -> sheared projections (tilt, y, u) -> weighted back-projection (z, y, x)

It never adds noise and never mixes two rows y: the tilt axis is y, so each (z, x) plane is
projected and reconstructed by itself.

The ray of tilt t that crosses the middle plane of the slab at u is x = u + z tan t. With u as the
coordinate, tilting is a shear: no image is rotated or rescaled, and the detector's coordinate is
s = u cos t. The Fourier transform of a projection along x,

    P(k) = sum over z of D(z, k) exp(2 pi i k z tan t),

is the transform of the density on the line kz = -k tan t (central slice theorem). For each
frequency k it is a (tilt, z) matrix times the transforms of the layers, so nothing is interpolated.
The reconstruction is the integral over t and k of |k| / cos^2 t P(k) exp(2 pi i k (x - z tan t));
the angles that were not recorded are the missing wedge (Radermacher 1992, in Frank (ed.), Electron
Tomography).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import fft

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Waves = npt.NDArray[np.complex64]

# The radial filter of the usual reconstruction programs: the ramp is kept up to this frequency
# (cycles a voxel, on the detector) and falls off beyond as a Gaussian of this width.
CUT_OFF, FALL_OFF = 0.35, 0.05

# Extra columns of the gap between the two ends of a row, which the FFT takes as periodic.
MARGIN = 16


class Rays:
    """The projection and back-projection matrices of one tilt series; threads may share them.

    Parameters
    ----------
    angles_deg
        Tilt of every image in degrees, ascending, at least two; the tilt axis is y.
    depth
        Extent of the slab along z in voxels.
    width
        Extent of the field along x in voxels.

    Attributes
    ----------
    ring
        Number of columns u of a projection: the field, and a gap so wide that no ray leaves the
        field at one end and, by the FFT's periodicity, enters it at the other.
    """

    def __init__(self, angles_deg: Sequence[float], depth: int, width: int) -> None:
        angles = np.deg2rad(np.asarray(angles_deg, dtype=np.float64))
        tangents = np.tan(angles)
        reach = int(np.ceil(depth * np.abs(tangents).max()))
        self.width = width
        self.ring = int(fft.next_fast_len(width + reach + MARGIN, real=True))

        frequencies = np.fft.rfftfreq(self.ring).astype(np.float64)
        heights = np.arange(depth, dtype=np.float64) - (depth - 1) / 2
        shear = _shear(frequencies, tangents, heights)
        # A layer is one voxel thick: the ray enters and leaves it tan t columns apart.
        box = np.sinc(np.multiply.outer(frequencies, tangents))
        self._forth = shear * box[:, :, None].astype(np.float32)
        weights = _weights(frequencies, angles)
        back = shear.conj() * weights[:, :, None].astype(np.float32)
        self._back = np.ascontiguousarray(back.transpose(0, 2, 1))  # (k, z, tilt)

    def project(self, density: npt.NDArray[np.floating]) -> Floats:
        """Return the `(tilt, y, u)` sums along the rays of a `(z, y, x)` density.

        The unit is density times voxels of depth: multiply by 1 / cos t for the true length of the
        rays. Exact for voxels that are boxes along z and band-limited along x.
        """
        layers = fft.rfft(self._close(density.astype(np.float32)))  # (z, y, k)
        # Matrices (k, tilt, z) times layers (k, z, y).
        sheared = self._forth @ np.ascontiguousarray(layers.transpose(2, 0, 1))
        return self._rows(sheared)

    def back_project(self, projections: Floats) -> Floats:
        """Return the `(z, y, x)` weighted back-projection of `(tilt, y, u)` projections."""
        images = fft.rfft(projections)  # (tilt, y, k)
        # Matrices (k, z, tilt) times images (k, tilt, y).
        density = self._back @ np.ascontiguousarray(images.transpose(2, 0, 1))
        return self._rows(density)[:, :, : self.width]

    def _close(self, rows: Floats) -> Floats:
        """Extend `(..., x)` rows to periodic `(..., u)` rows.

        The gap fades from the mirror image of the right end to that of the left end. A gap of
        zeros would be a step at the border, which the ramp turns into a bright edge.
        """
        gap = self.ring - self.width
        fade = np.sin(np.linspace(0, np.pi / 2, gap, dtype=np.float32)) ** 2
        inwards = np.arange(gap) % (2 * self.width)
        # Mirrored again where the gap is wider than the row.
        inwards = np.minimum(inwards, 2 * self.width - 1 - inwards)
        right, left = rows[..., self.width - 1 - inwards], rows[..., inwards[::-1]]
        return np.concatenate([rows, right * (1 - fade) + left * fade], axis=-1)

    def _rows(self, waves: Waves) -> Floats:
        """`(k, n, y)` frequencies -> `(n, y, u)` rows."""
        rows: Floats = fft.irfft(np.ascontiguousarray(waves.transpose(1, 2, 0)), n=self.ring)
        return rows


def _shear(frequencies: Doubles, tangents: Doubles, heights: Doubles) -> Waves:
    """`(k, tilt, z)` phases that shift layer z by z tan t columns."""
    shift = np.multiply.outer(tangents, heights)
    cycles = np.multiply.outer(frequencies, shift)
    return np.exp(2j * np.pi * cycles).astype(np.complex64)


def _weights(frequencies: Doubles, angles: Doubles) -> Doubles:
    """`(k, tilt)` weights of the integral: filtered ramp, angle step of the image, 1 / cos^2 t."""
    ramp = frequencies.copy()
    ramp[0] = frequencies[1] / 4  # the mean of |k| over the bin around zero
    detector = np.divide.outer(frequencies, np.cos(angles))
    beyond = np.maximum(detector - CUT_OFF, 0) / FALL_OFF
    radial = np.exp(-0.5 * beyond**2) * ramp[:, None]
    weights: Doubles = radial * np.gradient(angles) / np.cos(angles) ** 2
    return weights
