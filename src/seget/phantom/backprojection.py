"""The rays of a single-axis tilt series through a slab, and the way back along them.

density (z, y, x) -> sheared projections (tilt, y, u) -> weighted back-projection (z, y, x)

It never adds noise, never knows what density means, and never mixes two rows y: the tilt axis
is y, so that every row is a tomography problem of its own.

The ray of tilt t that crosses the middle plane of the slab at u is x = u + z tan t. With u as the
coordinate, tilting is a shear: no image is rotated or rescaled, and the detector's coordinate is
s = u cos t. The Fourier transform of a projection along x,

    P(k) = sum over z of D(z, k) exp(2 pi i k z tan t),

is the transform of the density on the line kz = -k tan t (the central slice theorem), so that a
product with one small matrix a frequency k shifts all layers for all tilts, without the blur of
an interpolation. The density reappears as the integral over t and k of
|k| / cos^2 t P(k) exp(2 pi i k (x - z tan t)); the angles that were not recorded are the missing
wedge (Radermacher 1992, in Frank (ed.), Electron Tomography).
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

# Columns between the two ends of a row beyond those that tilted rays reach.
MARGIN = 16


class Rays:
    """The geometry of a tilt series of one slab, built once and only read afterwards.

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
        Columns u of a projection: the field, and a gap that no streak crosses end to end.
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
        self._back = np.ascontiguousarray(back.transpose(0, 2, 1))

    def project(self, density: npt.NDArray[np.floating]) -> Floats:
        """Return the `(tilt, y, u)` sums along the rays of a `(z, y, x)` density.

        The unit is density times voxels of depth; a ray's true length, 1 / cos t a layer, is for
        the caller to multiply. Exact for voxels that are boxes along z and band-limited along x.
        """
        layers = fft.rfft(self._close(density.astype(np.float32)))
        sheared = self._forth @ np.ascontiguousarray(layers.transpose(2, 0, 1))
        return self._rows(sheared)

    def back_project(self, projections: Floats) -> Floats:
        """Return the `(z, y, x)` weighted back-projection of `(tilt, y, u)` projections."""
        images = fft.rfft(projections)
        density = self._back @ np.ascontiguousarray(images.transpose(2, 0, 1))
        return self._rows(density)[:, :, : self.width]

    def _close(self, rows: Floats) -> Floats:
        """Close `(..., x)` rows to `(..., u)` rings: reflected ends, one fading into the other.

        A specimen goes on beyond the field; an empty border would be a step that the ramp turns
        into a bright edge.
        """
        gap = self.ring - self.width
        fade = np.sin(np.linspace(0, np.pi / 2, gap, dtype=np.float32)) ** 2
        inwards = np.arange(gap) % (2 * self.width)
        inwards = np.minimum(inwards, 2 * self.width - 1 - inwards)  # there and back, if narrow
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
    """`(k, tilt)` shares of the integral: the filtered ramp times each image's angle."""
    ramp = frequencies.copy()
    ramp[0] = frequencies[1] / 4  # the mean of |k| over the bin around zero
    detector = np.divide.outer(frequencies, np.cos(angles))
    beyond = np.maximum(detector - CUT_OFF, 0) / FALL_OFF
    radial = np.exp(-0.5 * beyond**2) * ramp[:, None]
    weights: Doubles = radial * np.gradient(angles) / np.cos(angles) ** 2
    return weights
