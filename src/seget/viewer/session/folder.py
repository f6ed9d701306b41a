"""A session on disk: what is drawn, the masks made of it, and the dataset.toml that names them.

slices as they are stored + structures <-> SESSION/session.json, drawn/, masks/, dataset.toml

It never keeps a slice in memory after it is written. Every file is whole at any moment; drawn/ is
what counts, and masks that a kill left behind it are written anew when the session is opened.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seget import files
from seget.dataset.tables import MaskTable, toml_value
from seget.errors import InputError
from seget.viewer.session.drawing import IGNORED, Labels, mask_of
from seget.viewer.session.structures import Structure
from seget.volume import Volume

SETTINGS, DATASET = "session.json", "dataset.toml"
DRAWN, MASKS = "drawn", "masks"
FORMAT = 1
# Of the annotated slices, in the order in which they were begun, every fifth chooses the model. It
# always did: a model that goes on from an earlier one never trained on it.
VALIDATES = 5

_HEAD = """\
# Written by seget view from what is drawn; session.json and drawn/ beside it are the originals.
# In the masks 1 is the structure, 0 is not, and 255 was not looked at: the slice is not complete.
"""


@dataclass
class State:
    """Everything of a session but the drawn pixels.

    Attributes
    ----------
    structures
        In the order in which they are listed.
    complete
        Slice -> labels of the structures that are complete there: what is not drawn is background.
    shown
        Slice -> labels that occur there.
    order
        The annotated slices, the one begun first before the others.
    invert
        Whether the tomogram's contrast is inverted for networks.
    """

    structures: list[Structure] = field(default_factory=list)
    complete: dict[int, set[int]] = field(default_factory=dict)
    shown: dict[int, set[int]] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    invert: bool = False

    def annotated(self, value: int) -> list[int]:
        """Return the slices on which a structure is drawn or complete, ascending."""
        slices = {z for shown in (self.shown, self.complete) for z in shown if value in shown[z]}
        return sorted(slices)

    def validation(self) -> list[int]:
        """Return the slices that choose the model; none that a structure could not do without."""
        chosen: list[int] = []
        drawn = [{z for z in self.shown if one.value in self.shown[z]} for one in self.structures]
        for z in self.order[VALIDATES - 1 :: VALIDATES]:
            held_out = {*chosen, z}
            if all(not slices or slices - held_out for slices in drawn):
                chosen.append(z)
        return sorted(chosen)


@dataclass(frozen=True)
class Saving:
    """What is to be written, copied from a session, so that a thread can write it.

    What is drawn is written first, as that is what a kill could take; masks follow from it.

    Attributes
    ----------
    folder
        The session's.
    like
        The tomogram.
    slices
        Changed slices as they are stored; all zero for one that is to be removed.
    state
        A copy of the session's.
    """

    folder: Path
    like: Volume
    slices: Mapping[int, Labels]
    state: State

    def write_drawn(self) -> None:
        """Write what is drawn, and the settings."""
        for z, stored in self.slices.items():
            self._keep(self.folder / DRAWN, z, stored if stored.any() else None)
        files.write_json(self.folder / SETTINGS, self._settings())

    def write_masks(self, hurry: Callable[[], bool] = lambda: False) -> set[int]:
        """Write the masks of the slices, then the dataset.toml that names them.

        Returns
        -------
        The slices that are left, because `hurry` said that there is something else to write.
        """
        annotated = {one.value: set(self.state.annotated(one.value)) for one in self.structures}
        left = set(self.slices)
        for z, stored in self.slices.items():
            for one in self.structures:
                if hurry():
                    return left
                complete = one.value in self.state.complete.get(z, ())
                mask = mask_of(stored, one.value, complete) if z in annotated[one.value] else None
                self._keep(self.folder / MASKS / one.name, z, mask)
            left.discard(z)
        image = relative(self.like.path, self.folder)
        text = dataset_text(self.state, image, self.folder.stem)
        if text:
            files.write_text(self.folder / DATASET, text)
        else:
            (self.folder / DATASET).unlink(missing_ok=True)
        self._tidy()
        return left

    @property
    def structures(self) -> list[Structure]:
        """Those of the session."""
        return self.state.structures

    def _keep(self, folder: Path, z: int, pixels: Labels | None) -> None:
        path = folder / slice_name(z)
        if pixels is None:
            path.unlink(missing_ok=True)
        elif not _holds(path, pixels):
            files.write(path, self.like.on_same_grid(pixels[None], path.stem))

    def _settings(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "tomogram": relative(self.like.path, self.folder),
            "invert": self.state.invert,
            "structures": [asdict(one) for one in self.structures],
            "complete": {str(z): sorted(v) for z, v in sorted(self.state.complete.items()) if v},
            "order": self.state.order,
        }

    def _tidy(self) -> None:
        """Remove the masks of structures that are gone or renamed."""
        names = {one.name for one in self.structures}
        if (self.folder / MASKS).is_dir():
            for entry in (self.folder / MASKS).iterdir():
                if entry.name not in names:
                    shutil.rmtree(entry, ignore_errors=True)


def dataset_text(state: State, image: str, name: str) -> str:
    """Return the text of the dataset.toml of what is drawn; "" if nothing is."""
    masks = {}
    for one in state.structures:
        if slices := state.annotated(one.value):
            entry = MaskTable(file=f"{MASKS}/{one.name}", value=1, ignore=IGNORED, slices=slices)
            masks[one.name] = entry.inline()
    if not masks:
        return ""
    validation = [z for z in state.validation() if any(z in s for s in _lists(state))]
    holdout = f"{{ validation = {validation} }}" if validation else '"none"'
    lines = [f"{toml_value(structure)} = {entry}" for structure, entry in masks.items()]
    return (
        f"{_HEAD}name = {toml_value(name)}\nholdout = {holdout}\n\n[[tomogram]]\n"
        f"image = {toml_value(image)}\n"
        + ("invert = true\n" if state.invert else "")
        + "\n[tomogram.masks]\n"
        + "\n".join(lines)
        + "\n"
    )


def _lists(state: State) -> Iterator[list[int]]:
    return (state.annotated(one.value) for one in state.structures)


def read_settings(folder: Path) -> tuple[str, State]:
    """Return the path of the tomogram, relative to the folder, and the state without `shown`.

    Raises
    ------
    InputError
        session.json is missing or says something else.
    """
    path = folder / SETTINGS
    said = files.read_json(path)
    try:
        if said["format"] != FORMAT:
            raise InputError(
                f"{path}: its format is {said['format']!r}, wanted {FORMAT}; open it with the "
                "seget that wrote it, or a newer one."
            )
        state = State(
            structures=[Structure(**one) for one in said["structures"]],
            complete={int(z): set(values) for z, values in said["complete"].items()},
            order=[int(z) for z in said["order"]],
            invert=bool(said["invert"]),
        )
        return str(said["tomogram"]), state
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: this does not describe a session ({error!r}); name the folder of one, or "
            "the tomogram to begin a new one."
        ) from None


def read_slices(folder: Path, shape: tuple[int, int, int]) -> Iterator[tuple[int, Labels]]:
    """Yield (z, slice as it is stored) of all that is drawn.

    Raises
    ------
    InputError
        A slice is damaged or has not the tomogram's size.
    """
    for path in sorted((folder / DRAWN).glob("*.tif")):
        stored = files.read(path).slice(0)
        z = int(path.stem)
        if stored.shape != shape[1:] or not 0 <= z < shape[0]:
            raise InputError(
                f"{path}: is slice {z} of {stored.shape}, the tomogram has {shape} (z, y, x); put "
                "the tomogram back that was drawn on."
            )
        yield z, np.asarray(stored, np.uint8)


def _holds(path: Path, pixels: Labels) -> bool:
    """Whether a file of a slice is there and says the same."""
    try:
        return path.exists() and np.array_equal(files.read(path).slice(0), pixels)
    except InputError:
        return False  # damaged by something else: it is written anew


def relative(path: Path | None, folder: Path) -> str:
    """Return a path from a folder, as it is written there."""
    assert path is not None, "a tomogram that is drawn on comes from a file"
    return Path(os.path.relpath(os.path.abspath(path), os.path.abspath(folder))).as_posix()


def slice_name(z: int) -> str:
    """Return the name of the file of a slice."""
    return f"{z:04d}.tif"
