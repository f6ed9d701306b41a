"""What is a tomogram: by itself, in a folder, and among other volumes.

path -> volumes -> tomograms, and why the others are none

It never opens what was named by itself to decide whether it is read: doubts are sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seget.errors import InputError
from seget.files import formats, mrc, ome_zarr, tiff
from seget.files.storage import foreign, provenance
from seget.files.storage.journal import journal_path
from seget.files.storage.json_file import read_json
from seget.files.storage.legend import legend_beside
from seget.padding import is_flat
from seget.volume import sampled_slices

STACKS = tuple(suffix for suffix in formats.SUFFIXES if suffix != ome_zarr.SUFFIX)
PREDICTING = ("predict", "fuse", "segment")  # verbs whose outputs are no annotation
MOST_LABELS = 32  # different values of a volume that is drawn; an image has more
EVERY = 8  # pixels that a first look at a slice leaves out


def is_volume(path: Path | str) -> bool:
    """Whether `path` is one volume, judged by its name and, of a folder, by what is in it.

    A folder of slices is one; a folder that also holds MRC or Zarr volumes, or whose TIFFs are
    stacks, is a folder of volumes.
    """
    path = Path(path)
    if not path.is_dir():
        return formats.by_name(path) is not None and formats.location(path).is_file()
    if ome_zarr.is_zarr(path):
        return True
    if _is_run(path):
        return False
    stacks = (formats.by_name(entry) for entry in _visible(path))
    if any(form not in (None, formats.TIFF) for form in stacks):
        return False
    return tiff.is_folder_of_slices(path)


def find_volumes(path: Path | str) -> list[Path]:
    """Return `[path]` if it is a volume, else all volumes in that folder, naturally sorted.

    Raises
    ------
    InputError
        If nothing is there or the folder holds none.
    """
    path = Path(path)
    if is_volume(path):
        return [path]
    if not path.is_dir():
        formats.read(path, "auto")  # says what is wrong with it
    found = sorted(filter(is_volume, _visible(path)), key=tiff.natural_order)
    if not found:
        _refuse_by_what_is_there(path)
        if (other := foreign.most_of(sorted(_visible(path)))) is not None:
            raise InputError(
                f"{path}: the folder holds no tomogram; of {other.name}: "
                f"{foreign.how_to_convert(other)}."
            )
        raise InputError(
            f"{path}: the folder holds no tomogram, wanted {', '.join(STACKS)}, "
            f"{ome_zarr.SUFFIX} or folders of slices; name another folder."
        )
    return found


def _refuse_by_what_is_there(path: Path) -> None:
    """Say of a folder without volumes what it is, if that is known."""
    if _is_run(path):
        raise InputError(
            f"{path}: this is a folder of `seget train`, a model and no tomogram; name a tomogram."
        )
    folders = [one for one in sorted(_visible(path), key=tiff.natural_order) if one.is_dir()]
    holding = [one for one in folders if any(map(is_volume, _visible(one)))]
    if holding:
        named = " ".join(map(str, holding[:2])) + " ..." * (len(holding) > 2)
        raise InputError(
            f"{path}: the folder holds no tomogram, but {len(holding)} of its folders do; name "
            f"those, as {named}."
        )


def find_tomograms(path: Path | str) -> list[Path]:
    """Return `[path]` if it is a volume, else the tomograms in that folder, naturally sorted.

    What `no_tomograms` names is left out of a folder.

    Raises
    ------
    InputError
        If nothing is there, or the folder holds none.
    """
    return tomograms_and_others(path)[0]


def tomograms_and_others(path: Path | str) -> tuple[list[Path], dict[Path, str]]:
    """Return what `find_tomograms` does, and what each volume that was left out is in words.

    Raises
    ------
    InputError
        As `find_tomograms` does.
    """
    path = Path(path)
    volumes = find_volumes(path)
    if volumes == [path]:
        return volumes, {}
    others = no_tomograms(volumes)
    if len(others) == len(volumes):
        listed = "; ".join(f"{volume.name} is {why}" for volume, why in list(others.items())[:8])
        raise InputError(
            f"{path}: the folder holds no tomogram, {listed}{'; ...' if len(others) > 8 else ''}; "
            "name the file itself if it is to be taken all the same."
        )
    return [volume for volume in volumes if volume not in others], others


def no_tomograms(volumes: Sequence[Path]) -> dict[Path, str]:
    """Return which volumes of a folder are no tomograms, and what each is in words.

    Tilt series and other stacks of images, masks and labels, what seget wrote, and what IMOD has
    not trimmed. Of space group 0 is a stack of images only where another MRC file of the folder
    says that it is a volume: many programs write it into tomograms.
    """
    others = {volume: why for volume in volumes if (why := why_no_tomogram(volume))}
    rest = [volume for volume in volumes if volume not in others]
    said = {volume: mrc.may_be_stack(volume) for volume in rest if mrc.is_mrc(volume)}
    if False in said.values():
        for volume in (one for one, may in said.items() if may):
            others[volume] = "a stack of images by its header (space group 0)"
    return others


def why_no_tomogram(path: Path | str) -> str:
    """Say what a volume is if it is no tomogram, as "a mask of 0 and 1"; empty if nothing says so.

    Reads up to 16 slices.
    """
    path = Path(path)
    return (
        made_by_seget(path)
        or _why_labels(path)
        or (mrc.why_stack(path) if mrc.is_mrc(path) and path.is_file() else "")
        or _why_by_name(path)
        or _why_drawn(path)
    )


def made_by_seget(path: Path | str) -> str:
    """Say what of seget's own outputs a file or a folder is; empty if it is none.

    Labels with a legend are none by that alone: people draw them, too.
    """
    path = Path(path)
    if _is_run(path):
        return "a run of seget train"
    if path.is_dir() and not ome_zarr.is_zarr(path):
        beside = [path.with_name("labels.json"), *path.parent.glob("*__*.json")]
        is_pictures = path.name == "pictures" and any(one.is_file() for one in beside)
        return "pictures of seget evaluate" if is_pictures else ""
    made_by = provenance.read(path) or {}
    said = read_json(path.with_suffix(".json"))
    entries = [said, *said.values()] if isinstance(said, dict) else []
    # A score map's JSON has its threshold, that of fused labels one for each.
    is_scored = any(
        isinstance(one, dict) and {"structure", "threshold"} <= one.keys() for one in entries
    )
    if made_by.get("command") in PREDICTING or is_scored or journal_path(path).exists():
        return "an output of seget"
    return ""


def doubts(path: Path | str) -> list[str]:
    """Return a sentence for each reason to doubt that a volume which was named is a tomogram."""
    path = Path(path)
    said = []
    if why := why_no_tomogram(path):
        said.append(f"{path}: this is {why}, and is taken for a tomogram since it was named.")
    elif mrc.is_mrc(path) and mrc.may_be_stack(path):
        said.append(
            f"{path}: its header says a stack of images (space group 0), as those of many "
            "tomograms do; if it is a tilt series, give the reconstruction."
        )
    if mrc.is_mrc(path) and mrc.has_rows_from_above(path):
        said.append(
            f"{path}: its first row is the upper one, and rows are turned around as 3dmod does; "
            "masks that were drawn in a program which does not turn them are upside down."
        )
    if missing := gaps(path):
        said.append(f"{path}: {missing}")
    return said


def gaps(path: Path | str) -> str:
    """Say which numbers are missing among the slices of a folder; empty if none is."""
    path = Path(path)
    if not path.is_dir() or ome_zarr.is_zarr(path) or not tiff.is_folder_of_slices(path):
        return ""
    return tiff.gaps(path)


def _visible(folder: Path) -> list[Path]:
    # What is being written has a hidden name, see storage/atomic.py.
    return [entry for entry in folder.iterdir() if not entry.name.startswith(".")]


def _is_run(path: Path) -> bool:
    return (path / "model" / "model.json").is_file()


def _why_labels(path: Path) -> str:
    """Say that a volume is labels, by the legend in it or beside it."""
    legend = ome_zarr.read_legend(path) if ome_zarr.is_zarr(path) else legend_beside(path)
    named = legend is not None and (legend.names or ome_zarr.is_zarr(path))
    return "a volume of labels" if named else ""


def _why_by_name(path: Path) -> str:
    """Say what a volume is by its name and those beside it."""
    if path.suffix.lower() == ".ilp":
        return "a project of ilastik"
    if path.with_name(f"{path.name}.mdoc").is_file():
        return f"a series of images by {path.name}.mdoc beside it"
    # As Ais, easymode and Pom name them, and seget.
    image, divided, _ = path.stem.partition("__")
    if divided and any(path.with_name(image + suffix).exists() for suffix in formats.SUFFIXES):
        return f"a score map of {image}, by its name"
    # IMOD's `tilt` writes a volume whose slices run along y; it is turned when it is trimmed.
    for untrimmed, trimmed in (("_full.rec", ".rec"), ("_full_rec.mrc", "_rec.mrc")):
        if path.name.endswith(untrimmed):
            twin = path.with_name(path.name.removesuffix(untrimmed) + trimmed)
            if twin.is_file():
                return f"what {twin.name} was trimmed from, with its slices along y"
    return ""


def _why_drawn(path: Path) -> str:
    """Say that a volume is a mask or labels, by its voxels; "" of an image, and of one value."""
    values: set[float] = set()
    smooth = True
    try:
        volume = formats.read(path, "auto")
        for z in sampled_slices(volume.shape[0]):
            plane = volume.slice(z)
            if np.unique(plane[::EVERY, ::EVERY]).size > MOST_LABELS:
                return ""
            found = np.unique(plane)
            found = found[np.isfinite(found)]
            if found.size > MOST_LABELS:
                return ""
            values.update(found.tolist())
            smooth = smooth and (found.size < 2 or is_flat(plane))
    except (InputError, OSError):
        return ""  # whoever reads it is told
    if len(values) == 2:
        return "a mask of {:g} and {:g}".format(*sorted(values))
    return f"a volume of {len(values)} labels" if 2 < len(values) <= MOST_LABELS and smooth else ""
