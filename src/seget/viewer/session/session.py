"""A session: a tomogram, what is drawn on it, and what is yet to be written.

strokes, ticks, structures -> Saving, which a thread writes

Two threads may use it. It never writes a file itself and never asks anybody: it is what the dock
shows and changes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.viewer.session.drawing import Bools, Drawing, Labels
from seget.viewer.session.folder import DATASET, Saving, State
from seget.viewer.session.journal import Journal
from seget.viewer.session.structures import Structure, check_name, new_structure
from seget.volume import Volume

Method = TypeVar("Method", bound=Callable[..., Any])


def _alone(method: Method) -> Method:
    """Keep the thread that saves from copying a session while it changes; tell it afterwards."""

    @wraps(method)
    def alone(session: Session, *args: Any, **kwargs: Any) -> Any:
        with session.lock:
            done = method(session, *args, **kwargs)
        if session.has_strokes:
            session.changed()
        return done

    return cast(Method, alone)


class Session:
    """What is drawn on a tomogram.

    Attributes
    ----------
    folder
        Where it is kept.
    tomogram
        As `files.read` opened it.
    drawing, state
        The pixels, and all else.
    journal
        What of the pixels is in no slice on the disk yet.
    notes
        Sentences for people from when it was opened.
    changed
        Called when there is something to write.
    """

    def __init__(self, folder: Path, tomogram: Volume, state: State | None = None) -> None:
        self.folder = folder
        self.tomogram = tomogram
        self.journal = Journal(folder)
        self.drawing = Drawing(tomogram.shape, self._journalled)
        self.state = state or State()
        self.notes: list[str] = []
        self.changed: Callable[[], object] = bool
        self.lock = RLock()
        self._unsaved: set[int] = set()  # slices whose strokes are not written
        self._changed = False  # and whether structures or ticks are not
        self._stale: set[int] = set()  # slices whose masks are not
        self._unnamed = False  # and whether the dataset.toml is not
        self._lock()

    @property
    def structures(self) -> list[Structure]:
        """In the order in which they are listed."""
        return self.state.structures

    @property
    def dataset(self) -> Path:
        """The dataset.toml, which is there once something is drawn."""
        return self.folder / DATASET

    @property
    def has_strokes(self) -> bool:
        """Whether something was drawn or changed since the last `saving`."""
        return self._changed or bool(self._unsaved)

    @property
    def is_unsaved(self) -> bool:
        """Whether anything is to be written, masks included."""
        return self.has_strokes or self._unnamed or bool(self._stale)

    def structure(self, value: int) -> Structure:
        """Return the structure of a label."""
        return next(one for one in self.structures if one.value == value)

    @_alone
    def add(self, name: str) -> Structure:
        """Add a structure; raise InputError if its name cannot be one."""
        one = new_structure(self.structures, name.strip())
        self.structures.append(one)
        self._changed = True
        self._lock()
        return one

    @_alone
    def change(self, value: int, **what: Any) -> Structure:
        """Give a structure another name or colour, lock or unlock it.

        Raises
        ------
        InputError
            The name cannot be one, or is another structure's.
        """
        place, old = next((i, s) for i, s in enumerate(self.structures) if s.value == value)
        new = replace(old, **what)
        if new.name != old.name:
            check_name(new.name, (s.name for s in self.structures if s.value != value))
            self._unsaved |= set(self.state.annotated(value))
        self.structures[place] = new
        self._changed = True
        self._lock()
        return new

    @_alone
    def remove(self, value: int) -> None:
        """Remove a structure that is drawn on no slice; raise InputError if it is on one."""
        one = self.structure(value)
        if slices := [z for z, shown in self.state.shown.items() if value in shown]:
            raise InputError(
                f"{one.name}: is drawn on {len(slices)} slices; erase it there before you remove "
                "it."
            )
        for z, values in self.state.complete.items():
            if value in values:
                values.discard(value)
                self._unsaved.add(z)
        self.structures.remove(one)
        self._changed = True
        self._lock()

    def is_complete(self, z: int, value: int) -> bool:
        """Whether all of a structure is drawn on a slice."""
        return value in self.state.complete.get(z, ())

    @_alone
    def set_complete(self, z: int, value: int, complete: bool) -> None:
        """Say whether all of a structure is drawn on a slice: what is not drawn is background."""
        values = self.state.complete.setdefault(z, set())
        (values.add if complete else values.discard)(value)
        self._touched({z})

    @_alone
    def take_strokes(self, slices: Iterable[int]) -> set[int]:
        """Take what was painted; return the slices that changed."""
        return self._touched(self.drawing.take_strokes(slices))

    @_alone
    def accept(self, z: int, wanted: Labels, where: Bools | None = None) -> set[int]:
        """Draw a prediction, never over what a hand painted; return the slices that changed."""
        return self._touched(self.drawing.accept(z, wanted, where))

    @_alone
    def undo(self) -> set[int]:
        """Undo the last stroke or acceptance; return the slices that changed."""
        return self._touched(self.drawing.undo())

    @_alone
    def redo(self) -> set[int]:
        """Do it again; return the slices that changed."""
        return self._touched(self.drawing.redo())

    @_alone
    def unpack(self, z: int, stored: Labels) -> None:
        """Put back a slice that was stored."""
        self.drawing.unpack(z, stored)
        self._recount({z})

    @_alone
    def saving(self) -> Saving:
        """Return a copy of what is drawn and not written; its masks are to be written then."""
        saving = self._copied(self._unsaved)
        self._stale |= self._unsaved
        self._unsaved, self._changed, self._unnamed = set(), False, True
        return saving

    @_alone
    def saving_masks(self) -> Saving:
        """Return a copy of what is drawn and whose masks are not written."""
        saving = self._copied(self._stale)
        self._stale, self._unnamed = set(), False
        return saving

    @_alone
    def not_saved(self, saving: Saving) -> None:
        """Take back what could not be written, to be tried again."""
        self._unsaved |= set(saving.slices)
        self._changed = True

    @_alone
    def not_masked(self, slices: Iterable[int]) -> None:
        """Take back slices whose masks could not be written."""
        self._stale |= set(slices)
        self._unnamed = True

    def forget_journal(self) -> None:
        """Clear the journal if the slices on the disk hold all that is drawn."""
        with self.lock:
            if not self.has_strokes:
                self.journal.clear()

    def _journalled(self, where: npt.NDArray[np.int64], stored: Labels) -> None:
        with suppress(OSError):  # a full disk, say: what writes the slices says so
            self.journal.append(where, stored)

    def replay_journal(self) -> None:
        """Draw what a kill left in the journal."""
        voxels = self.drawing.labels.size
        for where, stored in self.journal.read():
            if where.size and where.min() >= 0 and where.max() < voxels:
                self._touched(self.drawing.replay(where, stored))

    def save(self) -> None:
        """Write everything that is not written."""
        self.saving().write_drawn()
        self.forget_journal()
        self.saving_masks().write_masks()

    def save_all(self) -> None:
        """Write every slice and its masks anew: after an import, and what a kill left behind."""
        self._unsaved |= self.drawing.slices | set(self.state.complete)
        self.save()

    def _copied(self, slices: set[int]) -> Saving:
        packed = {z: self.drawing.packed(z) for z in sorted(slices)}
        return Saving(self.folder, self.tomogram, packed, copy.deepcopy(self.state))

    def _touched(self, slices: set[int]) -> set[int]:
        self._unsaved |= slices
        self._recount(slices)
        return slices

    def _recount(self, slices: set[int]) -> None:
        """Note which labels are on some slices now, and in which order slices were begun."""
        state = self.state
        for z in sorted(slices):
            state.shown[z] = self.drawing.shown(z)
            if not state.shown[z]:
                del state.shown[z]
            if not state.complete.get(z):
                state.complete.pop(z, None)
            annotated = z in state.shown or z in state.complete
            if annotated and z not in state.order:
                state.order.append(z)
            elif not annotated and z in state.order:
                state.order.remove(z)

    def _lock(self) -> None:
        """Let nobody paint with a label that is locked or that no structure has."""
        free = {0, *(one.value for one in self.structures if not one.locked)}
        self.drawing.lock(set(range(256)) - free)
