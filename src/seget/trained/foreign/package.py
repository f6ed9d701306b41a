"""A package of bioimage.io (format 0.5): a zip, or a folder, with a description and weights.

`.zip` or folder -> Description: ONNX, structures, pixel size, sizes, what is done to images

It never unpacks a file to disk, never follows an address, and never runs code of a package.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from seget.errors import InputError
from seget.trained.foreign.card import UNKNOWN_HALO_PX, GraphCard
from seget.trained.foreign.processing import Processing, processing

NAMES = ("rdf.yaml", "bioimageio.yaml", "model.yaml")
MOST_TEXT_BYTES, MOST_WEIGHTS_BYTES = 2**20, 2**30
NM = {"nanometer": 1.0, "micrometer": 1000.0, "angstrom": 0.1, "millimeter": 1e6}
NO_NAME = re.compile(r"[^A-Za-z0-9 ._-]+")


@dataclass(frozen=True)
class Description:
    """What of a package is needed to use it."""

    onnx: bytes
    card: GraphCard
    done: Processing
    least_px: int
    step_px: int


def is_package(path: Path) -> bool:
    """Whether a path is a package by its name and by what is in it."""
    if path.is_dir():
        return any((path / name).is_file() for name in NAMES)
    if path.suffix.lower() != ".zip" or not path.is_file():
        return False
    try:
        with zipfile.ZipFile(path) as packed:
            return any(name in NAMES for name in packed.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def read_package(path: Path) -> Description:
    """Read a package of bioimage.io.

    Raises
    ------
    InputError
        It is damaged, of another format, has no ONNX weights, or wants what cannot be done here.
    """
    said = _said(path)
    try:
        source = str(_in(said, "weights", "onnx", "source"))
        inputs, outputs = _in(said, "inputs"), _in(said, "outputs")
        image, axes = inputs[0], _axes(inputs[0])
        before = image.get("preprocessing") or ()
        after = [step for output in outputs for step in output.get("postprocessing") or ()]
        least, step = _sizes(axes)
        return Description(
            _bytes(path, source, MOST_WEIGHTS_BYTES),
            _card(said, axes, outputs),
            processing(before, after, path),
            least,
            step,
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        reason = _reason(error)
        raise InputError(
            f"{path}: not a model of bioimage.io that can be used ({reason}); wanted format 0.5 "
            "with ONNX weights, one image in, images of scores out."
        ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return str(error.errors()[0]["msg"])
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return str(error)[:200]


def _said(path: Path) -> Mapping[str, Any]:
    """Return the description of a package, checked for its format."""
    yaml = import_module("yaml")
    name = next(name for name in NAMES if _has(path, name))
    try:
        said = yaml.safe_load(_bytes(path, name, MOST_TEXT_BYTES).decode())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: {name} is no YAML ({str(error)[:200]}); copy it again."
        ) from None
    version = str(said.get("format_version")) if isinstance(said, dict) else "none"
    if not isinstance(said, dict) or said.get("type") != "model" or version[:4] != "0.5.":
        raise InputError(
            f"{path}: {name} describes no model of format 0.5 (its format is {version[:20]}); "
            "bring it up to date with `bioimageio update-format`."
        )
    return said


def _has(path: Path, name: str) -> bool:
    if path.is_dir():
        return (path / name).is_file()
    with zipfile.ZipFile(path) as packed:
        return name in packed.namelist()


def _bytes(path: Path, name: str, most: int) -> bytes:
    """Return a file of a package, whose size is checked before it is read."""
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts or ":" in name:
        raise InputError(f"{path}: {name!r} lies outside of it; wanted a package with its files.")
    try:
        if path.is_dir():
            _demand_size(path, name, (path / name).stat().st_size, most)
            return (path / name).read_bytes()
        with zipfile.ZipFile(path) as packed:
            _demand_size(path, name, packed.getinfo(name).file_size, most)
            return packed.read(name)
    except (KeyError, OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{path}: {name} cannot be read ({error}); copy it again.") from None


def _demand_size(path: Path, name: str, size: int, most: int) -> None:
    if size > most:
        raise InputError(
            f"{path}: {name} has {size} bytes, wanted at most {most}; export the model again."
        )


def _in(said: Mapping[str, Any], *keys: str) -> Any:
    for key in keys:
        said = said[key]
    return said


def _axes(tensor: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the axes of a tensor by name; refuse any order but batch, channel, y, x."""
    axes = {str(axis.get("id") or axis["type"]): axis for axis in tensor["axes"]}
    if list(axes) != ["batch", "channel", "y", "x"]:
        raise ValueError(f"axes are {', '.join(axes)}, wanted batch, channel, y, x")
    return axes


def _sizes(axes: Mapping[str, Mapping[str, Any]]) -> tuple[int, int]:
    """Return the least edge of an image and the step of larger ones."""
    sizes = [axes[axis]["size"] for axis in ("y", "x")]
    if any(not isinstance(size, Mapping) for size in sizes):
        raise ValueError(f"it takes images of {' x '.join(map(str, sizes))} alone")
    least = max(int(size["min"]) for size in sizes)
    return least, max(int(size["step"]) for size in sizes)


def _card(
    said: Mapping[str, Any],
    axes: Mapping[str, Mapping[str, Any]],
    outputs: Sequence[Mapping[str, Any]],
) -> GraphCard:
    """Return how the graph is used: by what seget wrote into the package, else as it describes."""
    config = said.get("config")
    own = config.get("seget") if isinstance(config, Mapping) else None
    if isinstance(own, Mapping):
        return GraphCard.model_validate(own)
    found = [_axes(output) for output in outputs]
    halo = max(int(a[axis].get("halo") or 0) for a in found for axis in ("y", "x"))
    names = [str(name) for a in found for name in a["channel"].get("channel_names", ())]
    channels = len(axes["channel"].get("channel_names", ())) or 1
    return GraphCard(
        structures=[NO_NAME.sub("-", name).strip("-. _") or "structure" for name in names],
        pixel_nm=_pixel_nm(axes),
        context=(channels - 1) // 2,
        halo_px=halo or UNKNOWN_HALO_PX,
        multiple=_sizes(axes)[1],
    )


def _pixel_nm(axes: Mapping[str, Mapping[str, Any]]) -> tuple[float, float] | None:
    sizes = [
        float(axes[axis].get("scale", 1)) * NM[str(axes[axis]["unit"])]
        for axis in ("y", "x")
        if axes[axis].get("unit") in NM
    ]
    return (sizes[0], sizes[1]) if len(sizes) == 2 else None
