"""The trainings of a session: each in a folder of its own, with a copy of what it learnt from.

what is drawn + structures + minutes -> runs/003/: dataset.toml, masks/, model/, log.csv, ...

It never trains: a process does. What is painted meanwhile changes no run that began before.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seget import files
from seget.errors import InputError
from seget.viewer.session import commands
from seget.viewer.session.drawing import BACKGROUND, FOREGROUND
from seget.viewer.session.folder import DATASET, MASKS, State, dataset_text, relative, slice_name
from seget.viewer.session.jobs import LINES, Job
from seget.viewer.session.session import Session

RUNS = "runs"
LAST_BYTES = 2000  # of what a training said, in which its last words are
GENERAL, LAST, SCRATCH = "general", "last", "scratch"


@dataclass(frozen=True)
class Model:
    """A model that a run of the session has made.

    Attributes
    ----------
    folder
        Of the run.
    structures
        In the order of its outputs.
    thresholds
        Score in 0 to 1 above which a pixel is one.
    sha256
        Of its weights: changes whenever the training keeps a better one.
    """

    folder: Path
    structures: tuple[str, ...]
    thresholds: dict[str, float]
    sha256: str


def read_model(folder: Path) -> Model | None:
    """Return the model in a run's or a model's folder without loading its weights."""
    for place in (folder / "model", folder):
        said = files.read_json(place / "model.json")
        if isinstance(said, dict) and "structures" in said:
            return Model(
                folder, tuple(said["structures"]), dict(said["thresholds"]), said["weights_sha256"]
            )
    return None


def run_folders(session: Session) -> list[Path]:
    """Return the folders of the session's runs, oldest first."""
    folder = session.folder / RUNS
    found = folder.iterdir() if folder.is_dir() else []
    return sorted((one for one in found if one.name.isdecimal()), key=lambda one: int(one.name))


def newest_model(session: Session) -> Model | None:
    """Return the model of the newest run that has one."""
    for folder in reversed(run_folders(session)):
        if (model := read_model(folder)) is not None:
            return model
    return None


def last_job(session: Session) -> Job | None:
    """Return the newest run, with what it has told so far."""
    folders = run_folders(session)
    if not folders:
        return None
    job = Job(folders[-1])
    job.poll()
    return job


def train(session: Session, structures: Sequence[str], minutes: float, start: str) -> Job:
    """Begin a training on what is drawn, or go on with one that was stopped or killed.

    Parameters
    ----------
    structures
        Trained together, in one model.
    start
        `GENERAL`, `SCRATCH`, `LAST` for the session's newest model, or a model's folder.

    Raises
    ------
    InputError
        Nothing is drawn of a structure, or nothing says what it is not; or a training runs.
    """
    session.save()
    before = last_job(session)
    if before is not None and before.is_running:
        raise InputError(f"{before.folder}: is still training; stop it before you begin another.")
    chosen = replace(
        session.state, structures=[one for one in session.structures if one.name in structures]
    )
    _demand_drawn(session, chosen)
    key = _key(session, chosen, minutes, start)
    if before is not None and before.said.get("key") == key and not is_finished(before):
        first = before.said["first"]
        before.begin([*first, "--resume"], key=key, first=first, minutes=minutes)
        return before
    begin = newest_model(session) if start == LAST else None
    job = Job(_new_folder(session))
    dataset = _copied(session, chosen, job.folder)
    last = str(begin.folder) if begin else None
    named = {GENERAL: None, LAST: last}.get(start, start)
    arguments = commands.train(
        dataset, job.folder, [one.name for one in chosen.structures], minutes, named
    )
    job.begin(arguments, key=key, first=arguments, minutes=minutes)
    return job


def is_finished(job: Job) -> bool:
    """Whether a training came to its end: its last words name the model."""
    path, words = job.folder / LINES, str(job.folder / "model") + ": "
    if not path.is_file():  # killed before it began
        return False
    with path.open("rb") as lines:
        lines.seek(max(0, path.stat().st_size - LAST_BYTES))
        return words in lines.read().decode(errors="replace")


def _demand_drawn(session: Session, chosen: State) -> None:
    if not chosen.structures:
        raise InputError("no structure is chosen; tick at least one to train.")
    for one in chosen.structures:
        slices = chosen.annotated(one.value)
        masks = [_mask(session, one.name, z) for z in slices]
        if not any((mask == FOREGROUND).any() for mask in masks):
            raise InputError(f"{one.name}: is drawn on no slice; paint it on one, or untick it.")
        if not any((mask == BACKGROUND).any() for mask in masks):
            raise InputError(
                f"{one.name}: nothing says what it is not; paint all of it on a slice and tick "
                "that the slice is complete, or erase here and there where it is not."
            )


def _mask(session: Session, name: str, z: int) -> np.ndarray:
    return files.read(session.folder / MASKS / name / slice_name(z)).slice(0)


def _key(session: Session, chosen: State, minutes: float, start: str) -> str:
    """Return a hash of what decides a training."""
    digest = hashlib.sha256(repr((minutes, start, dataset_text(chosen, "", ""))).encode())
    for one in chosen.structures:
        for z in chosen.annotated(one.value):
            digest.update(_mask(session, one.name, z).tobytes())
    return digest.hexdigest()


def _new_folder(session: Session) -> Path:
    folders = run_folders(session)
    number = int(folders[-1].name) + 1 if folders else 1
    folder = session.folder / RUNS / f"{number:03d}"
    folder.mkdir(parents=True)
    return folder


def _copied(session: Session, chosen: State, run: Path) -> Path:
    """Copy the masks into a run's folder; return its dataset.toml."""
    for one in chosen.structures:
        target = run / MASKS / one.name
        target.mkdir(parents=True)
        for z in chosen.annotated(one.value):
            name = slice_name(z)
            _link(session.folder / MASKS / one.name / name, target / name)
    text = dataset_text(chosen, relative(session.tomogram.path, run), session.folder.stem)
    files.write_text(run / DATASET, text)
    return run / DATASET


def _link(source: Path, target: Path) -> None:
    # Masks are replaced, never written into: a second name for the same bytes is a copy.
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    shutil.copyfile(source, target)
