"""What `seget convert` does with IMOD models.

model + tomogram -> labels or a mask; labels -> model

It never fills or follows a contour itself: `files.imod` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seget.errors import InputError

if TYPE_CHECKING:
    from seget.files import Legend
    from seget.volume import Volume


MOST_UNNAMED = 64
# In a slice of grey values most neighbours differ; labels differ along outlines only. Of a mask or
# of few labels nothing is said, however ragged they are.
NOISY, FEW = 0.5, 8


def is_model(path: Path) -> bool:
    """Whether a name is that of an IMOD model."""
    from seget.files import imod

    return imod.is_model(path)


def opened(
    source: Path, like: Path | None, name: str | None, mode0: str
) -> tuple[Volume, Legend | None]:
    """Return what is to be converted: a volume, or a model drawn on the grid of a tomogram.

    The legend is that of a model with its objects as labels, else None.
    """
    from seget import files
    from seget.files import imod

    if not imod.is_model(source):
        if like is not None or name is not None:
            raise InputError(
                f"{source}: this is no IMOD model, and --like and --object are for models; leave "
                "them out, or give a .mod file."
            )
        return files.read(source, mode0=mode0), None
    if like is None:
        raise InputError(
            f"{source}: a model has no voxels of its own; name the tomogram whose grid the masks "
            "are to have: --like tomogram.mrc."
        )
    tomogram = files.read(like, mode0=mode0)
    if name is not None:
        return imod.read_mask(source, tomogram, name), None
    return imod.read_labels(source, tomogram)


def _demand_labels(volume: Volume, legend: Legend) -> set[int]:
    """Return the numbers without a name; refuse grey values, as soon as they are known to be some.

    More than `MOST_UNNAMED` numbers without names are taken for grey values, and so is a slice of
    several numbers in which most neighbours differ.

    Raises
    ------
    InputError
        If they are.
    """
    import numpy as np

    found: set[int] = set()
    for z in range(volume.shape[0]):
        plane = volume.slice(z)
        if plane.dtype.kind not in "iu":
            return found  # whoever writes the model says why not
        found |= {int(n) for n in np.unique(plane)} - {0, *legend.names, *legend.colours}
        noisy = np.mean(plane[:, 1:] != plane[:, :-1]) if plane.shape[1] > 1 else 0
        if len(found) > MOST_UNNAMED or (len(found) > FEW and noisy > NOISY):
            raise InputError(
                f"{volume.path or volume.name}: up to slice {z} there are {len(found)} numbers "
                "without a name, which look like grey values, wanted labels; give a label volume, "
                "or --labels if these are labels."
            )
    return found


def write(out: Path, labels: Volume, legend: Legend, surely: bool) -> str:
    """Write labels as a model; colours that the legend lacks are those of `seget fuse`.

    Grey values are refused, unless the numbers are surely labels.
    """
    from seget.files import Legend, imod
    from seget.fusion import colour

    unnamed = set() if surely else _demand_labels(labels, legend)
    if len(unnamed) == 1 and not legend.names:  # a mask: what it shows is the name of its file
        legend = Legend({unnamed.pop(): labels.name}, legend.colours)
    colours = {
        label: legend.colours.get(label, colour(name, index))
        for index, (label, name) in enumerate(legend.names.items())
    }
    model = imod.write_labels(out, labels, Legend(legend.names, colours))
    contours = sum(len(one.contours) for one in model.objects)
    objects = "1 object" if len(model.objects) == 1 else f"{len(model.objects)} objects"
    return f"{out}: {objects} of {contours} contours"


def legend_path(out: Path) -> Path:
    """Return where the names and colours of labels stand."""
    from seget import files

    return files.location(out).with_suffix(".json")


def write_legend(out: Path, legend: Legend) -> Path:
    """Write what the labels stand for beside them, as `seget fuse` does."""
    from seget import files

    path = legend_path(out)
    entries = {
        str(label): {"structure": name, "colour": legend.colours[label]}
        for label, name in legend.names.items()
    }
    files.write_json(path, entries)
    return path
