"""The verb `seget predict`: score maps of tomograms.

tomograms + models -> a score map a structure and tomogram

It never computes: `prediction` does.
"""

from __future__ import annotations

from seget.cli.asked import Asked, takes_tomograms
from seget.cli.tomograms import for_each_tomogram


@takes_tomograms
def predict(asked: Asked) -> None:
    """Write a score map (0..127) a structure for each tomogram.

    A tomogram of another pixel size is read at the model's. A run that was interrupted goes on
    where it stopped. Of many tomograms a broken one is named at the end, and the others are done.

    \b
    seget predict tomogram.mrc runs/cell -o predicted
    seget predict a.mrc b.mrc runs/golgi runs/synapse -o predicted
    seget predict tomograms/ runs/cell -o predicted --max-memory 4G
    seget predict old.mrc runs/cell -o predicted --voxel-size 2.2 --invert
    """
    for_each_tomogram("predict", asked, fuse=False)
