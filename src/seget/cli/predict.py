"""The verb `seget predict`: score maps of tomograms.

tomograms + models -> a score map a structure and tomogram

It never computes: `prediction` does.
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


def predict(
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
    """Write a score map (0..127) a structure for each tomogram.

    A tomogram of another pixel size is read at the model's. A run that was interrupted goes on
    where it stopped. Of many tomograms a broken one is named at the end, and the others are done.

    \b
    seget predict tomogram.mrc runs/cell -o predicted
    seget predict a.mrc b.mrc runs/golgi runs/synapse -o predicted
    seget predict tomograms/ runs/cell -o predicted --max-memory 4G
    seget predict old.mrc runs/cell -o predicted --voxel-size 2.2 --invert
    """
    from seget.prediction import predict_files

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

    def score(
        volume: Volume, models: list[Trained], folder: Path, listener: Listener
    ) -> list[Path]:
        return predict_files(volume, models, folder, options, listener)

    for_each_tomogram("predict", inputs, out, score, voxel_size)
