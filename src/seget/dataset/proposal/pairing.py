"""Which tomogram a mask was drawn on, and which structure it shows, by grid and name.

Survey -> masks by tomogram; names of files -> names of structures

It never takes the likelier of two tomograms that fit alike: it says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from seget import files
from seget.dataset.proposal.survey import Found, Survey
from seget.errors import InputError
from seget.files import imod
from seget.files.tiff.folder import images
from seget.volume import Volume, known_pixel_nm

# Words in the names of masks that say nothing of the structure.
GENERIC = frozenset(
    {"mask", "masks", "label", "labels", "labelled", "seg", "segmentation", "segmented"}
    | {"annotation", "annotations", "annotated", "drawn", "manual", "binary", "ground", "gt"}
    | {"truth", "slices", "image", "tomogram", "rec"}
)
LONGEST = 60  # characters of a name

Rank = tuple[bool, bool, bool, int, bool, bool, bool]


def pair(found: Survey) -> list[tuple[Found, list[Found]]]:
    """Return each tomogram with its masks; those without one, and masks of none, are left out.

    A mask belongs to the tomogram whose grid it has, or the extent of whose slices. Of several it
    is one whose grid some mask has, else the one after which it is named, the one in its folder,
    one that knows its voxel size, a file rather than a folder.

    Raises
    ------
    InputError
        A mask that was named by itself fits no tomogram, or several alike.
    """
    masks: dict[Path, list[Found]] = {image.path: [] for image in found.images}
    drawn_on = {mask.volume.shape for mask in found.masks if mask.volume is not None}
    for mask in found.masks:
        ranked, why = _fitting(mask, found.images, drawn_on)
        best = [image for rank, image in ranked if rank == max(rank for rank, _ in ranked)]
        if len(best) == 1:
            masks[best[0].path].append(mask)
            continue
        if best:
            alike = " and ".join(str(one.path) for one in best)
            one = best[0].path
            why = f"fits {alike} alike; name one and its masks alone, seget init {one} MASK ..."
        if mask.is_named:
            raise InputError(f"{mask.path}: {why}.")
        found.left_out[mask.path] = why
    for image in found.images:
        if not masks[image.path]:
            found.left_out[image.path] = "grey values, and no mask that was drawn on it is here"
    return [(image, masks[image.path]) for image in found.images if masks[image.path]]


def _fitting(
    mask: Found, images: Iterable[Found], drawn_on: set[tuple[int, int, int]]
) -> tuple[list[tuple[Rank, Found]], str]:
    """Return the tomograms that a mask fits, how well each does, and why it does not fit another.

    `drawn_on` are the shapes of all masks.
    """
    fitting, why = [], "there is no tomogram that it was drawn on"
    for image in images:
        assert image.volume is not None
        no = _misfit(mask, image.volume)
        if no:
            why = no
        else:
            fitting.append((_rank(mask, image, image.volume, drawn_on), image))
    return fitting, why


def _misfit(mask: Found, image: Volume) -> str:
    """Say why a mask cannot have been drawn on a tomogram; empty if it can."""
    if mask.volume is None:
        try:
            imod.read_masks(mask.path, image)
        except InputError as error:
            return f"cannot be drawn: {error}".rstrip(".")
        return ""
    if mask.volume.shape[1:] == image.shape[1:] and mask.volume.shape[0] <= image.shape[0]:
        return ""
    return (
        f"has the shape {mask.volume.shape} (z, y, x), and the tomogram {image.path} has "
        f"{image.shape}"
    )


def _rank(mask: Found, image: Found, volume: Volume, drawn_on: set[tuple[int, int, int]]) -> Rank:
    shared, whole = _shared(mask.path, image.path)
    file = files.location(image.path)
    return (
        mask.volume is None or mask.volume.shape == volume.shape,
        volume.shape in drawn_on,
        whole,
        shared,
        files.location(mask.path).parent == file.parent,
        known_pixel_nm(volume.voxel_size_nm) is not None,
        file.is_file(),
    )


def structure_name(mask: Path, image: Path, own: str | None = None) -> tuple[str, bool]:
    """Return the structure after which a mask is named, and whether its name says one.

    The words that its tomogram's name begins with are left out, and words such as mask and labels;
    where no other is left, its slices or its folder may be named after the structure.

    >>> structure_name(Path("TS_01_golgi_mask.mrc"), Path("TS_01.mrc"))
    ('golgi', True)
    >>> structure_name(Path("labels.mrc"), Path("TS_01.mrc"))
    ('labels', False)

    Parameters
    ----------
    own
        A name in the file, of a label or an object: it is that of the structure.
    """
    if own is not None:
        return _joined(_words(own)) or "structure", True
    words = _words(files.title(mask))
    behind = words[_shared(mask, image)[0] :]
    specific = _specific(behind)
    if not specific and mask.is_dir() and (slices := images(mask)):
        specific = [w for w in _specific(_words(slices[0].stem)) if not w.isdecimal()]
    if not specific and files.location(mask).parent != files.location(image).parent:
        specific = _specific(_words(files.location(mask).parent.name))
    return _joined(specific or behind or words) or "structure", bool(specific)


def distinct(name: str, taken: Iterable[str]) -> str:
    """Return the name with the first number behind it that makes it differ from all others."""
    folded, number = {one.casefold() for one in taken}, 2
    wanted = name
    while wanted.casefold() in folded:
        wanted, number = f"{name}-{number}", number + 1
    return wanted


def _specific(words: list[str]) -> list[str]:
    return [word for word in words if word.lower() not in GENERIC]


def _joined(words: list[str]) -> str:
    return "_".join(words)[:LONGEST].rstrip("_")


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.findall(r"[A-Za-z0-9]+", plain)


def _shared(mask: Path, image: Path) -> tuple[int, bool]:
    """Return with how many of the tomogram's words a mask's name begins, and whether with all."""
    words = _words(files.title(image))
    shared = 0
    for own, other in zip(_words(files.title(mask)), words, strict=False):
        if own.lower() != other.lower():
            break
        shared += 1
    return shared, shared == len(words) > 0
