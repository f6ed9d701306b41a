"""Simulated tomograms with exact masks: a T cell at its synapse in an electron microscope.

Settings -> scene (nm) -> density and labels -> microscope -> Phantom: tomogram, masks, scene

It never opens a file and never imports torch. By default the masks are of the five structures of
the paper's section 3.1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.listener import Listener
from seget.phantom.finish import finish
from seget.phantom.masks import masks
from seget.phantom.painting import Canvas, Progress, paint
from seget.phantom.presets import PRESETS
from seget.phantom.randomisation import randomised
from seget.phantom.scene import build
from seget.phantom.settings import Picture, Settings, Specimen
from seget.phantom.structures import ALL_STRUCTURES, STRUCTURES
from seget.volume import Volume

__all__ = [
    "ALL_STRUCTURES",
    "PRESETS",
    "STRUCTURES",
    "Phantom",
    "Picture",
    "Settings",
    "Specimen",
    "randomised",
    "simulate",
]

_TOML = """\
# A simulated tomogram: seed {seed}, every object's geometry is in scene.json.
name = "phantom-{seed}"
holdout = "block"

[[tomogram]]
image = "tomogram.mrc"

[tomogram.masks]
"""


@dataclass(frozen=True)
class Phantom:
    """A simulated tomogram and its exact masks, on one grid.

    Attributes
    ----------
    tomogram
        `(z, y, x)` uint8, dense is dark.
    masks
        Structure -> `(z, y, x)` uint8, 0 or 1; no voxel is in two of them, but that membranes are
        in the masks of what they enclose as well.
    scene
        What JSON can hold: the settings, and every object's geometry in nm, `(z, y, x)`, measured
        from the corner of the first voxel.
    """

    tomogram: Volume
    masks: dict[str, Volume]
    scene: dict[str, Any]

    @property
    def dataset_toml(self) -> str:
        """Text of a dataset.toml: tomogram.mrc, and `<structure>.mrc` for each mask not empty."""
        seen = [name for name, mask in self.masks.items() if mask.data.any()]
        lines = "".join(f'{name} = "{name}.mrc"\n' for name in seen)
        return _TOML.format(seed=self.scene["settings"]["seed"]) + lines


def simulate(settings: Settings, listener: Listener | None = None) -> Phantom:
    """Return the phantom of some settings; the same settings give the same bytes.

    Parameters
    ----------
    settings
        Size, seed and microscope: `PRESETS["small"]`, say, or your own.
    listener
        Is told of the parts "painting" and "imaging", and the percent of each that is done.

    Raises
    ------
    RunError
        No scene that holds all structures was found.
    """
    listener = listener or Listener()
    things = build(settings)
    with listener.part("painting") as told:
        canvas = paint(things, settings, _percent(told))
    with listener.part("imaging") as told:
        reconstruction = _imaged(canvas, settings, _percent(told))
    del canvas.density  # at the paper's size, each volume of floats is a gigabyte
    grey = finish(reconstruction, settings.picture, settings.seed)
    del reconstruction
    tomogram = Volume(grey, settings.voxel_size_nm, (0, 0, 0), "tomogram")
    found = {
        name: tomogram.on_same_grid(mask, name) for name, mask in masks(canvas, settings).items()
    }
    scene = {"settings": settings.facts(), "things": [asdict(thing) for thing in things]}
    return Phantom(tomogram, found, scene)


def _imaged(canvas: Canvas, settings: Settings, progress: Progress) -> npt.NDArray[np.float32]:
    """Return the picture of the field, dense positive: from a tilt series, or of plain sections."""
    from seget.phantom.microscope import Microscope, image
    from seget.phantom.plain import photograph

    picture = settings.picture
    microscope = Microscope(
        settings.voxel_nm,
        tilt=None if picture.section_nm else settings.tilt,
        dose=settings.dose,
        seed=settings.seed,
        defocus_nm=picture.defocus_nm,
        jitter_nm=picture.jitter_nm,
        envelope_nm=picture.envelope_nm,
        detector=picture.detector,
    )
    slices = settings.shape[0] + 2 * picture.buried
    if picture.section_nm:
        whole = photograph(
            canvas.density, microscope, picture.section_nm, slices,
            depth_nm=picture.depth_nm, progress=progress,
        )  # fmt: skip
    else:
        whole = image(canvas.density, microscope, progress=progress)
    return whole[picture.buried : slices - picture.buried]


def _percent(listener: Listener) -> Progress:
    """Return a function that takes a share, 0 to 1, and tells the listener percents."""
    return lambda share: listener.progress(round(100 * share), 100)
