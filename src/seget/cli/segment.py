"""The verb `seget segment`: predict and fuse in one go.

tomograms + models -> score maps + labels.mrc a tomogram

It never computes: `prediction` and `results` do.
"""

from __future__ import annotations

from seget.cli.asked import Asked, takes_rules
from seget.cli.tomograms import for_each_tomogram


@takes_rules
def segment(asked: Asked) -> None:
    """Predict and fuse in one go: score maps, labels.mrc, what they are, and what was contested.

    A tomogram of another pixel size is read at the model's. A run that was interrupted goes on
    where it stopped. Of many tomograms a broken one is named at the end, and the others are done.

    \b
    seget segment tomogram.mrc runs/cell -o segmented
    seget segment tomograms/ runs/cell -o segmented
    seget segment tomograms/ runs/cell -o segmented --on slurm
    seget segment tomogram.mrc runs/cell -o segmented --rules rules.toml --optimise recall=.9
    seget segment old.mrc runs/cell -o segmented --voxel-size 2.2 --invert
    """
    for_each_tomogram("segment", asked, fuse=True)
