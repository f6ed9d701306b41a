"""Tomograms as tasks for workers: one each, or a long one in ranges of slices.

Task -> score maps, labels, and an Outcome

It never starts a worker: `runners` does. Nothing but paths and plain values is sent to one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from seget import files, runners
from seget.errors import InputError, RunError
from seget.listener import Listener
from seget.outcome import Attentive, Outcome, attempt
from seget.prediction.parts import await_parts
from seget.prediction.predict import Options
from seget.prediction.ranges import predict_range
from seget.prediction.segment import segment_files
from seget.prediction.writing import predict_files
from seget.results import Wishes
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
    wishes
        Of the fusion; None: what the score maps say.
    parts
        Those that other workers wrote before.
    """

    tomogram: Path
    models: tuple[Path, ...]
    name: str
    folder: Path
    options: Options
    fuse: bool
    voxel_size_nm: Triple | None = None
    slices: range | None = None
    wishes: Wishes | None = None
    parts: tuple[Path, ...] = ()

    def written(self, listener: Listener) -> list[Path]:
        """Do it, and return what was written."""
        volume = files.read(self.tomogram)
        size = self.voxel_size_nm or volume.voxel_size_nm
        volume = replace(volume, name=self.name, voxel_size_nm=size)
        models = [load(path) for path in self.models]
        if self.slices is not None:
            return predict_range(volume, models, self.folder, self.slices, self.options, listener)
        await_parts(self.parts)
        if self.fuse:
            return [segment_files(volume, models, self.folder, self.options, listener, self.wishes)]
        return predict_files(volume, models, self.folder, self.options, listener)


def do(task: Task, listener: Listener | None = None) -> Outcome[list[Path]]:
    """Do a task, in any process: what was written, or an error that is meant for people.

    Without a listener, another process that writes to the same output is waited for: it may be a
    worker that was lost.
    """
    if listener is not None:
        return attempt(lambda: task.written(listener))
    kept = Attentive(runners.is_wanted)
    return attempt(lambda: files.patiently(lambda: task.written(kept)), kept)


def do_all(
    tasks: Sequence[Task], where: str, most_slices: int, listener: Listener
) -> Iterator[tuple[Task, Outcome[list[Path]]]]:
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
    parts: dict[Path, list[Path]] = {task.folder: [] for task in tasks}
    failed: dict[Path, Outcome[list[Path]]] = {}

    def after(task: Task, outcome: Outcome[list[Path]]) -> list[Task]:
        """Return the task that joins the ranges of a tomogram, once all are there."""
        left[task.folder] -= 1
        parts[task.folder] += outcome.result or []
        if task.slices is None or left[task.folder] > 0 or outcome.error or task.folder in failed:
            return []
        return [replace(task, slices=None, parts=tuple(parts[task.folder]))]

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
    number = max(1, -(-depth // most_slices))
    edges = [depth * i // number for i in range(number + 1)]
    found = [replace(task, slices=range(a, b)) for a, b in pairwise(edges)]
    return found if number > 1 else [task]


def _lost(task: Task, sentence: str) -> Outcome[list[Path]]:
    return Outcome(error=RunError(f"{task.tomogram}: {sentence}"))
