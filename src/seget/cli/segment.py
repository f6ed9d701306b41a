"""The verb `seget segment`: predict and fuse in one go.

tomograms + models -> score maps + labels.mrc a tomogram

It never computes: `prediction` and `results` do.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seget.cli.options import (
    DeviceName,
    EngineName,
    Format,
    Hash,
    Inputs,
    Invert,
    Memory,
    Out,
    Overwrite,
    Precision,
    Rescale,
    Views,
    VoxelSize,
    WindowPx,
    prediction_options,
)
from seget.cli.tomograms import for_each_tomogram

if TYPE_CHECKING:
    from seget.listener import Listener
    from seget.trained import Trained
    from seget.volume import Volume


def segment(
    inputs: Inputs,
    out: Out,
    device: DeviceName = "auto",
    engine: EngineName = "auto",
    precision: Precision = "auto",
    window: WindowPx = None,
    views: Views = 1,
    format: Format = "mrc",
    max_memory: Memory = None,
    hash: Hash = "sampled",
    overwrite: Overwrite = False,
    invert: Invert = False,
    voxel_size: VoxelSize = None,
    rescale: Rescale = True,
) -> None:
    """Predict and fuse in one go: score maps, labels.mrc and labels.json.

    A tomogram of another pixel size is read at the model's. A run that was interrupted goes on
    where it stopped. Of many tomograms a broken one is named at the end, and the others are done.

    \b
    seget segment tomogram.mrc runs/cell -o segmented
    seget segment tomograms/ runs/cell -o segmented
    seget segment old.mrc runs/cell -o segmented --voxel-size 2.2 --invert
    """
    from seget.prediction import segment_files

    options = prediction_options(
        device,
        engine,
        precision,
        window,
        views,
        format,
        max_memory,
        hash,
        overwrite,
        invert,
        rescale,
    )

    def label(
        volume: Volume, models: list[Trained], folder: Path, listener: Listener
    ) -> list[Path]:
        return [segment_files(volume, models, folder, options, listener)]

    for_each_tomogram("segment", inputs, out, label, voxel_size)
