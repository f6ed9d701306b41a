"""What happens to a picture after it was taken: smoothing, grain, shading, contrast, bytes.

reconstruction (z, y, x), dense positive -> bytes (z, y, x), dense dark

It never knows what is in the picture. All randomness comes from the seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from seget.phantom.noise import lattice_noise
from seget.phantom.settings import Picture

Floats = npt.NDArray[np.floating[Any]]
Bytes = npt.NDArray[np.uint8]
SAMPLED_VOXELS = 1_000_000  # enough for a quantile of bytes
# Lattice steps between plain sections: they share no grain, as slices of a tilt series do.
APART = 4.0


def finish(reconstruction: Floats, picture: Picture, seed: int) -> Bytes:
    """Return a reconstruction as bytes, after what `picture` says of smoothing, grain and contrast.

    With the default picture it is `to_bytes`.
    """
    rng = np.random.default_rng([seed, 6])
    plain = picture.section_nm is not None
    if picture.smooth_px > 0:
        wide = picture.smooth_px
        reconstruction = gaussian_filter(reconstruction, (0 if plain else wide, wide, wide))
    if picture.grain > 0:
        spread = np.float32(picture.grain * reconstruction.std())
        # A lattice of half a grain: a grain and the gap to the next are two lattice steps.
        lattice = picture.grain_px / 2
        step = APART * lattice if plain else 1.0
        grain = _noise(reconstruction.shape, lattice, rng, step)
        reconstruction = reconstruction + spread * grain
    if picture.shading > 0:
        reconstruction = _shaded(reconstruction, picture, rng)
    if picture.flicker > 0:
        reconstruction = _flickering(reconstruction, picture.flicker, rng)
    grey = to_bytes(reconstruction, clipped=picture.clipped)
    table = 255 * (np.arange(256) / 255) ** picture.gamma
    table = np.rint(255 - table if picture.inverted else table).astype(np.uint8)
    return np.asarray(table[grey]) if picture.gamma != 1 or picture.inverted else grey


def _noise(shape: tuple[int, ...], scale: float, rng: np.random.Generator, step_z: float) -> Floats:
    """Field of variance 1 on a lattice of `scale` pixels; slices lie `step_z` pixels apart."""
    z, y, x = (np.arange(edge, dtype=np.float32) for edge in shape)
    return lattice_noise((z * np.float32(step_z), y, x), scale, int(rng.integers(2**31)))


def _shaded(reconstruction: Floats, picture: Picture, rng: np.random.Generator) -> Floats:
    """Add a slow field, and multiply contrast by another, both about half a field wide."""
    wide = max(reconstruction.shape[1:])
    slow, other = (
        _noise(reconstruction.shape, wide * rng.uniform(0.2, 0.8), rng, 1.0) for _ in range(2)
    )
    mean, spread = reconstruction.mean(), np.float32(picture.shading * reconstruction.std())
    contrast = np.exp(np.float32(0.3 * picture.shading) * other)
    shaded: Floats = mean + (reconstruction - mean) * contrast + spread * slow
    return shaded


def _flickering(reconstruction: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """Give each slice a brightness and a contrast of its own."""
    mean, spread = reconstruction.mean(), reconstruction.std()
    offset, gain = rng.normal(0, strength, (2, len(reconstruction), 1, 1)).astype(np.float32)
    contrast = np.exp(np.float32(0.3) * gain)
    result: Floats = mean + (reconstruction - mean) * contrast + spread * offset
    return result


def to_bytes(reconstruction: npt.NDArray[np.floating], *, clipped: float = 0.002) -> Bytes:
    """Return a reconstruction as the bytes that microscopes' software writes, dense is dark.

    Parameters
    ----------
    reconstruction
        `(z, y, x)`, dense positive. Its mean becomes 128.
    clipped
        Of the quantiles `clipped` and 1 - `clipped`, the one farther from the mean becomes 1 or
        255; what lies beyond is cut off at 0 or 255.

    Returns
    -------
    `(z, y, x)` bytes; a constant reconstruction becomes 128 everywhere.
    """
    step = max(1, reconstruction.size // SAMPLED_VOXELS)
    # An odd step samples all columns even if the row length is a power of two.
    sample = reconstruction.reshape(-1)[:: step | 1].astype(np.float64)
    mean = float(sample.mean())
    low, high = (float(value) for value in np.quantile(sample, [clipped, 1 - clipped]))
    widest = max(mean - low, high - mean)
    scale = 127 / widest if widest > 0 else 0.0
    result = np.empty(reconstruction.shape, dtype=np.uint8)
    for z, slice_ in enumerate(reconstruction):
        result[z] = np.clip(np.rint(128 - scale * (slice_ - mean)), 0, 255)
    return result
