"""Opens a session: the folder of one, a dataset.toml, or a tomogram that nobody drew on yet.

path -> Session

It never changes a dataset.toml or a mask that it did not write: what is drawn in them is copied
into a session of its own.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from seget import files
from seget.dataset import Dataset, Tomogram, read_dataset
from seget.errors import InputError
from seget.viewer.session.drawing import HAND, Labels
from seget.viewer.session.folder import (
    DATASET,
    SETTINGS,
    State,
    read_settings,
    read_slices,
)
from seget.viewer.session.session import Session

SUFFIX = ".seget"


def session_folder(path: Path) -> Path:
    """Return the folder of the session of a tomogram, a dataset.toml or a folder of one.

    >>> session_folder(Path("data/cell.mrc"))
    PosixPath('data/cell.seget')
    """
    if (path / SETTINGS).is_file():
        return path
    if path.suffix.lower() == ".toml":
        beside = path.parent
        return beside if (beside / SETTINGS).is_file() else path.with_suffix(SUFFIX)
    if (path / DATASET).is_file():
        return path / f"{Path(DATASET).stem}{SUFFIX}"
    where = files.location(path)
    return where.with_name(f"{files.title(path)}{SUFFIX}")


def open_session(path: Path, folder: Path | None = None, tomogram: str | None = None) -> Session:
    """Open a session, or begin one.

    Parameters
    ----------
    path
        The folder of a session, a dataset.toml or a folder that holds one, or a tomogram.
    folder
        Where to keep a new session; the default lies beside what is opened.
    tomogram
        Which one of a dataset.toml that names several.

    Raises
    ------
    InputError
        Nothing there can be opened, a file is damaged, or a tomogram has to be chosen.
    """
    folder = folder or session_folder(path)
    if (folder / SETTINGS).is_file():
        return _reopened(folder)
    toml = path if path.suffix.lower() == ".toml" else path / DATASET
    if toml.is_file():
        return _imported(read_dataset(toml), folder, tomogram)
    return Session(folder, files.read(path))


def _reopened(folder: Path) -> Session:
    """Return a session as it was left, and mend the masks that a kill left behind it."""
    image, state = read_settings(folder)
    session = Session(folder, files.read(os.path.normpath(folder / image)), state)
    for z, stored in read_slices(folder, session.tomogram.shape):
        session.unpack(z, stored)
    session.replay_journal()
    session.save_all()
    return session


def _imported(dataset: Dataset, folder: Path, name: str | None) -> Session:
    """Return a session of what a dataset.toml says is drawn."""
    chosen = _chosen(dataset, name)
    session = Session(folder, chosen.image, State(invert=chosen.invert))
    values = {structure: session.add(structure).value for structure in chosen.masks}
    twice = 0
    for z in chosen.annotated:
        stored, again = _stored(chosen, values, z)
        session.unpack(z, stored)
        twice += again
        for structure, value in values.items():
            mask = chosen.masks[structure]
            if z in mask.annotated and mask.is_labelled_all_over(z):
                session.set_complete(z, value, True)
    if twice:
        session.notes.append(
            f"{dataset.path}: {twice:,} pixels are in the masks of two structures; the first "
            "keeps them here."
        )
    session.save_all()
    return session


def _stored(tomogram: Tomogram, values: dict[str, int], z: int) -> tuple[Labels, int]:
    """Return slice `z` of all masks as a session stores it, and how many pixels were in two."""
    stored = np.zeros(tomogram.image.shape[1:], np.uint8)
    looked_at = np.ones(stored.shape, np.bool_)
    partly, twice = False, 0
    for structure, value in values.items():
        drawn = tomogram.masks[structure].slice(z)
        twice += int((drawn & (stored != 0)).sum())
        stored[drawn & (stored == 0)] = HAND + value
        labelled = tomogram.masks[structure].labelled(z)
        if labelled is not None:
            looked_at &= labelled
            partly = partly or bool(labelled.any())
    if partly:  # where somebody looked and nothing is, somebody erased
        stored[looked_at & (stored == 0)] = HAND
    return stored, twice


def _chosen(dataset: Dataset, name: str | None) -> Tomogram:
    names = [one.name for one in dataset.tomograms]
    if name is None and len(names) == 1:
        return dataset.tomograms[0]
    if name not in names:
        raise InputError(
            f"{dataset.path}: names {len(names)} tomograms and one is opened at a time; give "
            f"--tomogram, one of {', '.join(names)}."
        )
    return dataset.tomograms[names.index(name)]
