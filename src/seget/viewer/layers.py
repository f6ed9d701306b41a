"""Files as what napari calls layer data: arrays with their place, colours and names.

path -> (array, keywords, "image" or "labels")

It never imports napari, never flips or scales a voxel, and reads slices when they are shown.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget import files
from seget.dataset import Dataset, read_dataset
from seget.errors import InputError
from seget.files import imod
from seget.files.storage.lazy import Slices
from seget.fusion import colour
from seget.volume import FULL_SCORE, Volume, sampled_slices

LayerData = tuple[Any, dict[str, Any], str]

AXES = ("z", "y", "x")
# What is left out at either end of the grey values, as of a photograph.
OUTSIDE_PERCENT = 0.5
NOTHING = "transparent"
DATASET = "dataset.toml"


def layers_of(path: Path) -> list[LayerData]:
    """Return the layers of whatever seget reads: a volume, a model, a dataset.toml, a folder.

    Raises
    ------
    InputError
        It cannot be read.
    """
    toml = path / DATASET if path.is_dir() else path
    if toml.suffix.lower() == ".toml" and toml.is_file():
        return _of_dataset(read_dataset(toml))
    if imod.is_model(path):
        return [_of_model(path)]
    if path.is_dir() and not files.is_volume(path):
        return of_folder(path)
    return [of_volume(path)]


def of_volume(path: Path) -> LayerData:
    """Return a tomogram as an image, labels or a mask as labels, a score map as heat."""
    volume = files.read(path)
    said = files.read_json(path.with_suffix(".json"))
    if isinstance(said, dict) and {"structure", "scale"} <= said.keys():
        return heat(volume, str(said["structure"]))
    legend = files.legend_of(path)
    what = "" if legend is not None and legend.names else files.why_no_tomogram(path)
    if (legend is not None and legend.names) or what.startswith(("a mask", "a volume of")):
        return labels(volume, legend or files.Legend(), volume.name)
    return image(volume)


def of_folder(folder: Path) -> list[LayerData]:
    """Return the score maps and labels of a folder, such as the -o of `seget segment`.

    Raises
    ------
    InputError
        It holds none.
    """
    volumes = [one for one in files.find_volumes(folder) if one.parent == folder]
    if not volumes:
        raise InputError(f"{folder}: holds no volume; name a tomogram, or a folder of slices.")
    found = [of_volume(one) for one in volumes]
    # Labels on top, heat below them, images at the bottom.
    rank = {"image": 0, "labels": 2}
    return sorted(found, key=lambda one: rank[one[2]] + ("seget_heat" in one[1]["metadata"]))


def image(volume: Volume) -> LayerData:
    """Return a tomogram as an image."""
    keywords = {
        "name": volume.name,
        "contrast_limits": contrast(volume),
        "colormap": "gray",
        **place(volume),
    }
    return volume.data, keywords, "image"


def heat(volume: Volume, structure: str) -> LayerData:
    """Return a score map as a translucent glow in its structure's colour."""
    keywords = {
        "name": f"score of {structure}",
        "contrast_limits": (0, FULL_SCORE),
        "colormap": [[0, 0, 0, 0], [*_rgb(colour(structure, 0)), 1]],
        "blending": "additive",
        "opacity": 0.6,
        **place(volume),
    }
    keywords["metadata"]["seget_heat"] = structure
    return volume.data, keywords, "image"


def labels(volume: Volume, legend: files.Legend, name: str) -> LayerData:
    """Return labels with the colours and names of their structures."""
    data = _whole_numbers(volume)
    keywords = {"name": name, "opacity": 0.5, **place(volume)}
    if legend.names:
        shown = {n: legend.colours.get(n, colour(s, n - 1)) for n, s in legend.names.items()}
        keywords["colormap"] = label_colours(shown, data.dtype)
        keywords["features"] = _named(legend.names)
        keywords["metadata"]["seget_legend"] = {
            n: (structure, shown[n]) for n, structure in legend.names.items()
        }
    return data, keywords, "labels"


def label_colours(colours: Mapping[int, str], dtype: np.dtype[Any]) -> Any:
    """Return a colour a label, as napari takes it; 0 and the others are clear.

    Of bytes that is a list of all 256: napari takes seconds to compile what maps wider numbers.
    """
    if dtype != np.uint8:
        return {None: NOTHING, 0: NOTHING, **colours}
    listed = np.zeros((256, 4), np.float32)
    for label, shade in colours.items():
        listed[label] = (*_rgb(shade), 1)
    return listed


def place(volume: Volume) -> dict[str, Any]:
    """Return scale, translation and units of a volume: nm, or pixels where no file says.

    `metadata` names the file, on whose grid what is drawn on the layer is written.
    """
    known = volume.pixel_nm is not None
    origin = volume.origin_nm if known else None
    return {
        "scale": volume.voxel_size_nm if known else (1.0, 1.0, 1.0),
        "translate": origin or (0.0, 0.0, 0.0),
        "units": ("nm" if known else "pixel",) * 3,
        "axis_labels": AXES,
        "metadata": {} if volume.path is None else {"seget_path": os.path.abspath(volume.path)},
    }


def contrast(volume: Volume) -> tuple[float, float]:
    """Return the grey values to show as black and white, by a few slices."""
    some = sampled_slices(volume.shape[0])[::5]
    step = max(1, max(volume.shape[1:]) // 512)
    seen = np.stack([volume.slice(z)[::step, ::step] for z in some]).astype(np.float64)
    seen = seen[np.isfinite(seen)]
    if not seen.size:
        return 0.0, 1.0
    low, high = np.percentile(seen, [OUTSIDE_PERCENT, 100 - OUTSIDE_PERCENT])
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)


def _of_dataset(dataset: Dataset) -> list[LayerData]:
    """Return the tomograms of a dataset.toml, each with its masks in one layer of labels."""
    found = []
    for tomogram in dataset.tomograms:
        colours = {s: colour(s, i) for i, s in enumerate(tomogram.masks)}
        legend = files.Legend(
            dict(enumerate(colours, start=1)), dict(enumerate(colours.values(), start=1))
        )
        drawn = Slices(
            tomogram.image.shape,
            np.dtype(np.uint8),
            partial(_drawn, [mask.slice for mask in tomogram.masks.values()]),
        )
        volume = tomogram.image.on_same_grid(drawn, f"{tomogram.name} drawn")
        found += [image(tomogram.image), labels(volume, legend, volume.name)]
    return found


def _drawn(slices: Iterable[Any], z: int) -> npt.NDArray[np.uint8]:
    masks = [one(z) for one in slices]
    drawn = np.zeros(masks[0].shape, np.uint8)
    for value, mask in reversed(list(enumerate(masks, start=1))):  # of two, the first is on top
        drawn[mask] = value
    return drawn


def _of_model(path: Path) -> LayerData:
    """Return a model as labels, on the image beside it or else the one that it was drawn on."""
    named = sorted(path.parent.glob(f"{glob.escape(path.stem)}.*"))
    beside = [one for one in named if one != path and files.is_volume(one)]
    if beside:
        like = files.read(beside[0])
    else:
        model = imod.read(path)
        if model.drawn_on is None or min(model.shape) < 1:
            raise InputError(
                f"{path}: does not say on which image it was drawn; put that image, named "
                f"{path.stem}, beside it."
            )
        nothing = np.broadcast_to(np.uint8(0), model.shape)
        like = Volume(nothing, model.drawn_on.voxel_size_nm, model.drawn_on.origin_nm)
    volume, legend = imod.read_labels(path, like)
    return labels(volume, legend, path.stem)


def _whole_numbers(volume: Volume) -> Any:
    """Return label numbers as napari takes them: whole, and not below zero."""
    kind = volume.data.dtype
    if kind.kind == "u":
        return volume.data
    some = [volume.slice(z) for z in sampled_slices(volume.shape[0])]
    lowest = min(float(np.nanmin(plane)) for plane in some)
    # IMOD stores the label 0 as the byte -128.
    shift = 128 if kind == np.int8 and lowest == -128 else 0
    load = partial(_shifted, volume, shift)
    return Slices(volume.shape, np.dtype(np.uint8 if kind == np.int8 else np.int32), load)


def _shifted(volume: Volume, shift: int, z: int) -> npt.NDArray[Any]:
    plane: npt.NDArray[Any] = np.nan_to_num(volume.slice(z)).astype(np.int32) + shift
    return plane.astype(np.uint8) if volume.data.dtype == np.int8 else plane


def _named(names: Mapping[int, str]) -> dict[str, list[Any]]:
    """Return the names as features, which napari shows beside the cursor."""
    return {"index": [0, *names], "structure": ["", *names.values()]}


def _rgb(shade: str) -> tuple[float, float, float]:
    red, green, blue = (int(shade[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue
