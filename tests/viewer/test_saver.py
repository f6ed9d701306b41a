"""Strokes are written a second after the first of them; what could not be is tried again."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.dataset import read_dataset
from seget.viewer import saver as room
from seget.viewer.saver import Saver
from seget.viewer.session import Session, open_session
from seget.volume import Volume

SHAPE = (3, 16, 16)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    files.write(tmp_path / "cell.mrc", Volume(np.zeros(SHAPE, np.uint8), (2.0, 2.0, 2.0)))
    session = open_session(tmp_path / "cell.mrc")
    session.add("golgi")
    return session


def _stroke(session: Session, z: int) -> None:
    session.drawing.labels[z, 2:5, 2:5] = 1
    session.take_strokes([z])


def _until_saved(saver: Saver, most_s: float = 5.0) -> float:
    begun = time.monotonic()
    while not saver.is_saved and time.monotonic() - begun < most_s:
        time.sleep(0.01)
    assert saver.is_saved, saver.error
    return time.monotonic() - begun


def test_who_paints_without_a_pause_is_saved_too(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "DELAY_S", 0.1)
    Saver(session)
    begun = time.monotonic()
    drawn = session.folder / "drawn"
    while not drawn.is_dir() and time.monotonic() - begun < 5:
        _stroke(session, int(100 * time.monotonic()) % 3)
        time.sleep(0.005)
    assert drawn.is_dir()


def test_a_stroke_waits_a_second_at_most(session: Session) -> None:
    saver = Saver(session)
    _stroke(session, 1)
    assert not (session.folder / "drawn").exists(), "not while somebody may still paint"
    _until_saved(saver)
    assert open_session(session.folder).drawing.labels[1].any()


def test_what_could_not_be_written_is_tried_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "AGAIN_S", 0.1)
    saver = Saver(session)
    _stroke(session, 1)
    session.folder.mkdir(exist_ok=True)
    in_the_way = session.folder / "drawn"
    in_the_way.write_text("a file where a folder is wanted")
    saver.flush()
    assert saver.error
    assert not saver.is_saved
    in_the_way.unlink()
    _until_saved(saver)
    assert not saver.error
    assert open_session(session.folder).drawing.labels[1].any()


def test_masks_wait_for_strokes(session: Session) -> None:
    for z in range(SHAPE[0]):
        _stroke(session, z)
    session.saving().write_drawn()
    masks = session.saving_masks()
    turns = iter([False, True])
    session.not_masked(masks.write_masks(lambda: next(turns)))
    assert session.is_unsaved
    assert not session.dataset.exists()
    Saver(session).flush()
    assert read_dataset(session.dataset).tomograms[0].masks["golgi"].annotated == (0, 1, 2)


def test_a_session_in_which_nothing_was_done_leaves_nothing(tmp_path: Path) -> None:
    files.write(tmp_path / "other.mrc", Volume(np.zeros(SHAPE, np.uint8)))
    Saver(open_session(tmp_path / "other.mrc")).flush()
    assert not (tmp_path / "other.seget").exists()
