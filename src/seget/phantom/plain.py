"""Plain sections: each slice is one straight image of a layer of the specimen, without a wedge.

density (z, y, x) -> one image for every few layers -> (slice, y, x)

It never tilts and never reconstructs, so it takes a tenth of the time of a tilt series. It stands
for serial sections (slices of 25 to 60 nm, each an image of transmitted electrons) and for the
block-face images of a FIB-SEM (slices about as thick as a pixel is wide, blurred along z by the
depth that electrons return from). Lens, shot noise, detector and misalignment are the microscope's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from seget.phantom.backprojection import Floats
from seget.phantom.microscope import BORDER, Microscope, expose


def photograph(
    density: npt.NDArray[np.floating],
    microscope: Microscope,
    section_nm: float,
    slices: int,
    *,
    depth_nm: float = 0.0,
    progress: Callable[[float], None] | None = None,
) -> Floats:
    """Return straight images of consecutive sections.

    Parameters
    ----------
    density
        `(slices * layers, y, x)` stain, 1 for a well-stained membrane.
    microscope
        With no tilt; its dose is each image's.
    section_nm
        Thickness of a section.
    slices
        Number of sections, each of as many layers.
    depth_nm
        Standard deviation of a blur along z before the images are taken.
    progress
        Called now and then with the share that is done, up to 1.

    Returns
    -------
    `(slices, y, x)` float32 in units of density, dense is positive.
    """
    layers = len(density) // slices
    if depth_nm > 0:
        blur = depth_nm * layers / section_nm
        density = gaussian_filter1d(density, blur, axis=0, mode="nearest", truncate=3.0)
    depth = section_nm / microscope.voxel_nm
    result = np.empty((slices, *density.shape[1:]), dtype=np.float32)
    for number in range(slices):
        section = density[number * layers : (number + 1) * layers].mean(axis=0, dtype=np.float32)
        # The microscope takes rows as periodic: a mirrored border keeps the ends apart.
        picture = np.pad(section * np.float32(depth), ((0, 0), (BORDER, BORDER)), mode="symmetric")
        expose(picture, microscope, number, depth)
        result[number] = picture[:, BORDER:-BORDER] / np.float32(depth)
        if progress is not None:
            progress((number + 1) / slices)
    return result
