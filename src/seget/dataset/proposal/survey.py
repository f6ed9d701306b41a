"""What lies in a folder, or was named: tomograms, masks, IMOD models, and what is none of these.

paths -> Survey

It never reads more than a few slices of a volume, nor guesses from a name what voxels can say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seget import files
from seget.dataset.looks import looks_like_a_tomogram
from seget.errors import InputError
from seget.files import imod, tiff
from seget.files.storage import foreign
from seget.volume import Volume, sampled_slices

NO_IMAGE = "no image and no IMOD model that is read"


@dataclass(frozen=True)
class Found:
    """A tomogram, a mask or an IMOD model.

    Attributes
    ----------
    volume
        What it holds; None for a model.
    is_named
        Whether it was named by itself: what is wrong with it is an error then.
    structure
        What it was said to show, if it was.
    """

    path: Path
    volume: Volume | None
    is_named: bool
    structure: str | None = None


@dataclass
class Survey:
    """What was found, in natural order; `left_out` says why of each of the others."""

    images: list[Found] = field(default_factory=list)
    masks: list[Found] = field(default_factory=list)
    left_out: dict[Path, str] = field(default_factory=dict)


def survey(paths: Sequence[Path], output: Path) -> Survey:
    """Sort files, and those of folders and their sub-folders, into tomograms and masks.

    Grey values make a tomogram: many of them, none on a large share of a slice. Tilt series and
    other stacks of images are left out of a folder. Where nothing looks like a tomogram, it is the
    first of several volumes that was named by itself.

    Parameters
    ----------
    paths
        Volumes, IMOD models, or folders of them.
    output
        The dataset.toml, which is not looked at.

    Raises
    ------
    InputError
        One that was named by itself cannot be read.
    """
    found = Survey()
    for path in paths:
        if path.is_dir() and not files.is_volume(path):
            for entry in _entries(path, 1):
                if entry.resolve() != output.resolve():
                    _look(entry, found)
        else:
            _sort(_named(path), found)
    others = files.no_tomograms([image.path for image in found.images if not image.is_named])
    found.images = [image for image in found.images if image.path not in others]
    found.left_out |= others
    named = [mask for mask in found.masks if mask.is_named and mask.volume is not None]
    if not found.images and len(found.masks) > 1 and named:
        found.masks.remove(named[0])
        found.images.append(named[0])
    return found


def _named(path: Path) -> Found:
    return Found(path, None if imod.is_model(path) else files.read(path), is_named=True)


def _entries(folder: Path, levels: int) -> Iterator[Path]:
    """Yield what is in a folder, its sub-folders opened unless they are volumes or runs."""
    visible = (entry for entry in folder.iterdir() if not entry.name.startswith("."))
    for entry in sorted(visible, key=tiff.natural_order):
        is_folder = entry.is_dir() and not files.is_volume(entry)
        if is_folder and levels and not files.made_by_seget(entry):
            yield from _entries(entry, levels - 1)
        else:
            yield entry
        labels = entry / "labels"  # in an OME-Zarr image
        if not is_folder and labels.is_dir():
            inside = (label for label in labels.iterdir() if files.is_volume(label))
            yield from sorted(inside, key=tiff.natural_order)


def _look(path: Path, found: Survey) -> None:
    """Add what was found in a folder, or why it is left out."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        found.left_out[path] = "a name that is no UTF-8, which no dataset can hold; rename it"
        return
    is_model = imod.is_model(path)
    if not is_model and not files.is_volume(path):
        found.left_out[path] = files.made_by_seget(path) or _no_image(path)
    elif why := files.made_by_seget(path):
        found.left_out[path] = why
    else:
        try:
            _sort(Found(path, None if is_model else files.read(path), is_named=False), found)
        except (InputError, OSError) as error:
            found.left_out[path] = f"cannot be read: {error}"


def _sort(one: Found, found: Survey) -> None:
    (found.images if one.volume is not None and _is_image(one.volume) else found.masks).append(one)


def _is_image(volume: Volume) -> bool:
    slices = sampled_slices(volume.shape[0])
    return any(looks_like_a_tomogram(volume.slice(z)) for z in slices)


def _no_image(path: Path) -> str:
    known = "" if path.suffix == ".toml" else foreign.how_to_convert(path)
    return known or NO_IMAGE
