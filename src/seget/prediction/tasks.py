"""Tomograms as tasks for workers: one each, or a long one in ranges of slices.

Task -> score maps, labels, and an Outcome in plain values

It never starts a worker: `runners` does. Nothing but paths and plain values is sent to one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from seget import files, runners
from seget.errors import InputError, RunError
from seget.listener import Listener
from seget.prediction.predict import Options
from seget.prediction.ranges import predict_range
from seget.prediction.segment import segment_files
from seget.prediction.writing import predict_files
from seget.trained import load
from seget.volume import Triple


@dataclass(frozen=True)
class Task:
    """A tomogram to be predicted, or some slices of it.

    Attributes
    ----------
    tomogram, models
        What to read.
    name
        Of the tomogram in the names of outputs.
    folder
        Of its outputs.
    options
        How to predict.
    fuse
        Whether labels are made of the score maps.
    voxel_size_nm
        `(z, y, x)`, whatever the file says; None: what it says.
    slices
        Which to score into parts of score maps; None: all, and the parts are taken over.
    """

    tomogram: Path
    models: tuple[Path, ...]
    name: str
    folder: Path
    options: Options
    fuse: bool
    voxel_size_nm: Triple | None = None
    slices: range | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a task: what was written, what is to be said of it, why it failed."""

    written: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    error: Exception | None = None


class _Sentences(Listener):
    """Keeps sentences, since a listener cannot be sent to another process."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def note(self, text: str) -> None:
        self.kept.append(text)


def do(task: Task, listener: Listener | None = None) -> Outcome:
    """Do a task, in any process; an error that is meant for people is returned.

    Parameters
    ----------
    listener
        Is told progress and sentences; None: the sentences are returned, and another process that
        writes to the same output is waited for, since it may be a worker that was lost.
    """
    heard = _Sentences()
    try:
        if listener is not None:
            written = _written(task, listener)
        else:
            written = files.patiently(partial(_written, task, heard))
    except (InputError, RunError, OSError) as error:
        return Outcome((), tuple(heard.kept), error)
    return Outcome(tuple(written), tuple(heard.kept))


def do_all(
    tasks: Sequence[Task], where: str, most_slices: int, listener: Listener
) -> Iterator[tuple[Task, Outcome]]:
    """Yield each task, of a whole tomogram, with its outcome, as they finish.

    Parameters
    ----------
    where
        Who does them, see `runners.run`; the processes see the same files under the same paths.
    most_slices
        A tomogram of more is cut into tasks of at most so many, and a last one that joins them.
    listener
        Is told sentences.
    """
    cut = [part for task in tasks for part in ranges(task, most_slices)]
    left = Counter(part.folder for part in cut)
    failed: dict[Path, Outcome] = {}

    def after(task: Task, outcome: Outcome) -> list[Task]:
        """Return the task that joins the ranges of a tomogram, once all are there."""
        left[task.folder] -= 1
        if task.slices is None or left[task.folder] > 0 or outcome.error or task.folder in failed:
            return []
        return [replace(task, slices=None)]

    work = runners.Work(do, after, _lost, listener.note)
    for task, outcome in runners.run(work, cut, where):
        if task.slices is None:
            yield task, outcome
        elif outcome.error and failed.setdefault(task.folder, outcome) is outcome:
            yield replace(task, slices=None), outcome


def ranges(task: Task, most_slices: int) -> list[Task]:
    """Return the ranges of slices, about equally long, into which a tomogram's task is cut.

    A short one stays whole, and one that cannot be read, of which the worker will say why.
    """
    try:
        depth = files.read(task.tomogram).shape[0]
    except (InputError, OSError):
        return [task]
    number = -(-depth // most_slices)
    edges = [depth * i // number for i in range(number + 1)]
    found = [replace(task, slices=range(a, b)) for a, b in pairwise(edges)]
    return found if number > 1 else [task]


def _written(task: Task, listener: Listener) -> list[Path]:
    volume = files.read(task.tomogram)
    size = task.voxel_size_nm or volume.voxel_size_nm
    volume = replace(volume, name=task.name, voxel_size_nm=size)
    models = [load(path) for path in task.models]
    if task.slices is not None:
        predict_range(volume, models, task.folder, task.slices, task.options, listener)
        return []
    if task.fuse:
        return [segment_files(volume, models, task.folder, task.options, listener)]
    return predict_files(volume, models, task.folder, task.options, listener)


def _lost(task: Task, sentence: str) -> Outcome:
    return Outcome(error=RunError(f"{task.tomogram}: {sentence}"))
