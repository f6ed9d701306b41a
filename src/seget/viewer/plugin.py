"""What napari asks of the plugin: readers, writers, and the dock.

path -> layers; layer -> MRC; viewer -> dock

It never imports napari or Qt until it is asked for the dock.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.volume import Triple, Volume

if TYPE_CHECKING:
    from seget.viewer.layers import LayerData

NM = {"nanometer": 1.0, "nm": 1.0, "angstrom": 0.1, "micrometer": 1000.0, "um": 1000.0}
# The largest numbers that every program reads alike, by type.
LARGEST_LABELS = {127: np.uint8, 32767: np.int16, 65535: np.uint16}

Reader = Callable[[str | list[str]], "list[LayerData]"]


def get_reader(path: str | list[str]) -> Reader | None:
    """Return what reads a path, or None if seget does not know it."""
    from seget.files import imod

    paths = [Path(one) for one in ([path] if isinstance(path, str) else path)]
    for one in paths:
        known = one.suffix.lower() == ".toml" or imod.is_model(one)
        if not known and not _holds_volumes(one):
            return None
    return read


def read(path: str | list[str]) -> list[LayerData]:
    """Return the layers of one path or several."""
    from seget.viewer.layers import layers_of

    paths = [path] if isinstance(path, str) else path
    return [layer for one in paths for layer in layers_of(Path(one))]


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a layer of labels on the grid of its tomogram; a legend beside it names structures.

    Raises
    ------
    InputError
        A label is negative, or larger than an MRC file holds.
    """
    from seget import files

    labels = np.asarray(data)
    top = int(labels.max(initial=0))
    kind = next((kind for most, kind in LARGEST_LABELS.items() if top <= most), None)
    if kind is None or int(labels.min(initial=0)) < 0:
        raise InputError(
            f"{path}: the labels reach from {labels.min()} to {top:,}, and an MRC file holds 0 to "
            "65,535; number them anew."
        )
    files.write(path, _on_grid(labels.astype(kind), meta))
    legend = meta.get("metadata", {}).get("seget_legend")
    if legend:
        entries = {str(n): {"structure": s, "colour": c} for n, (s, c) in legend.items()}
        files.write_json(Path(path).with_suffix(".json"), entries)
    return [path]


def write_image(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write an image on the grid that it was read from."""
    from seget import files

    kinds = ("uint8", "int8", "int16", "uint16", "float32")
    kind = data.dtype if data.dtype.name in kinds else np.dtype(np.float32)
    volume = _on_grid(data, meta)
    with files.create(path, volume, kind) as writer:
        for z in range(volume.shape[0]):
            writer[z] = volume.slice(z).astype(kind)
    return [path]


def make_dock(viewer: Any) -> Any:
    """Return the dock of a viewer."""
    from seget.viewer.widgets.dock import Dock

    return Dock(viewer)


def _holds_volumes(path: Path) -> bool:
    from seget import files

    try:
        return (path / "dataset.toml").is_file() or bool(files.find_volumes(path))
    except InputError:
        return False


def _on_grid(data: npt.NDArray[Any], meta: dict[str, Any]) -> Volume:
    """Return an array where its layer is: on the grid of the file it came from, or by its scale."""
    from seget import files

    source = meta.get("metadata", {}).get("seget_path")
    if source and os.path.exists(files.location(source)):
        volume = files.read(source)
        if volume.shape == data.shape:
            return volume.on_same_grid(data, volume.name)
    units = [NM.get(str(unit)) for unit in meta.get("units", ())]
    scale, translate = meta.get("scale"), meta.get("translate")
    if None in units or len(units) != 3 or scale is None:
        return Volume(data)
    return Volume(data, _in_nm(scale, units), _in_nm(translate, units))


def _in_nm(lengths: Any, units: list[float | None]) -> Triple | None:
    if lengths is None or not all(math.isfinite(length) for length in lengths):
        return None
    z, y, x = (float(length) * (unit or 1) for length, unit in zip(lengths, units, strict=True))
    return z, y, x
