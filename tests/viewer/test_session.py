"""What is drawn comes back, trains as it is, and can be undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget import files
from seget.dataset import read_dataset
from seget.errors import InputError
from seget.viewer.session import Session, open_session, session_folder
from seget.viewer.session.drawing import HAND, Drawing
from seget.volume import Volume

SHAPE = (6, 9, 7)


@pytest.fixture
def tomogram(tmp_path: Path) -> Path:
    grey = np.random.default_rng(3).integers(0, 256, SHAPE).astype(np.uint8)
    files.write(tmp_path / "cell.mrc", Volume(grey, (3.0, 2.0, 2.0), (5.0, 6.0, 7.0)))
    return tmp_path / "cell.mrc"


def _paint(session: Session, z: int, value: int, box: tuple[slice, slice]) -> None:
    session.drawing.labels[z][box] = value
    assert session.take_strokes([z]) == {z}


def test_what_is_drawn_is_what_the_command_line_reads(tomogram: Path) -> None:
    session = open_session(tomogram)
    golgi, er = session.add("golgi").value, session.add("er").value
    _paint(session, 2, golgi, np.s_[1:4, 2:5])
    _paint(session, 2, er, np.s_[6:8, 1:3])
    _paint(session, 4, golgi, np.s_[0:2, 0:2])
    _paint(session, 4, 0, np.s_[0:1, 0:1])  # erased: known to be background
    session.set_complete(2, golgi, True)
    session.save()

    read = read_dataset(session.dataset)
    assert read.structures == ("golgi", "er")
    image, masks = read.tomograms[0].image, read.tomograms[0].masks
    assert (image.voxel_size_nm, image.origin_nm) == ((3.0, 2.0, 2.0), (5.0, 6.0, 7.0))
    assert masks["golgi"].annotated == (2, 4)
    assert masks["er"].annotated == (2,)
    assert np.array_equal(masks["golgi"].slice(2), session.drawing.labels[2] == golgi)
    assert masks["golgi"].labelled(2) is None, "a complete slice is labelled all over"
    labelled = masks["golgi"].labelled(4)
    assert labelled is not None
    wanted = np.zeros(SHAPE[1:], bool)
    wanted[0:2, 0:2] = True
    assert np.array_equal(labelled, wanted), "of another, what a hand touched"
    assert not masks["golgi"].slice(4)[0, 0]
    er_labelled = masks["er"].labelled(2)
    assert er_labelled is not None
    assert np.array_equal(er_labelled, session.drawing.labels[2] != 0)


def test_a_session_comes_back(tomogram: Path) -> None:
    session = open_session(tomogram)
    golgi = session.add("golgi").value
    _paint(session, 1, golgi, np.s_[2:5, 2:5])
    session.accept(1, np.full(SHAPE[1:], golgi, np.uint8), np.eye(9, 7, dtype=bool))
    session.set_complete(3, golgi, True)
    session.change(golgi, locked=True, colour="#123456")
    session.save()

    for path in (tomogram, session.folder, session.dataset):
        again = open_session(path)
        assert np.array_equal(again.drawing.labels, session.drawing.labels)
        assert np.array_equal(again.drawing.hand(1), session.drawing.hand(1))
        assert again.state == session.state


def test_masks_that_a_kill_left_behind_are_mended(tomogram: Path) -> None:
    session = open_session(tomogram)
    golgi = session.add("golgi").value
    _paint(session, 1, golgi, np.s_[2:5, 2:5])
    session.save()
    mask = session.folder / "masks" / "golgi" / "0001.tif"
    whole = mask.read_bytes()
    mask.unlink()
    open_session(tomogram)
    assert mask.read_bytes() == whole


def test_undoing_everything_leaves_nothing(tomogram: Path) -> None:
    session = open_session(tomogram)
    golgi = session.add("golgi").value
    _paint(session, 1, golgi, np.s_[2:5, 2:5])
    session.save()
    assert session.dataset.is_file()
    assert session.undo() == {1}
    session.save()
    assert not session.dataset.exists()
    assert not list(session.folder.rglob("*.tif"))
    assert session.state.order == []


def test_renaming_a_structure_moves_its_masks(tomogram: Path) -> None:
    session = open_session(tomogram)
    golgi = session.add("golgi").value
    _paint(session, 1, golgi, np.s_[2:5, 2:5])
    session.save()
    session.change(golgi, name="Golgi 2")
    session.save()
    assert [p.name for p in (session.folder / "masks").iterdir()] == ["Golgi 2"]
    assert read_dataset(session.dataset).structures == ("Golgi 2",)


@pytest.mark.parametrize("name", ["", "../golgi", "GOLGI", "a/b"])
def test_names_that_cannot_be(tomogram: Path, name: str) -> None:
    session = open_session(tomogram)
    session.add("golgi")
    with pytest.raises(InputError, match=r"give another|use letters"):
        session.add(name)


def test_every_fifth_slice_that_is_begun_validates(tomogram: Path) -> None:
    session = open_session(tomogram)
    golgi = session.add("golgi").value
    for z in (5, 0, 3, 1, 2, 4):
        _paint(session, z, golgi, np.s_[2:5, 2:5])
    session.save()
    split = read_dataset(session.dataset).tomograms[0].masks["golgi"].split
    assert (split.train, split.validation) == ((0, 1, 3, 4, 5), (2,))


def test_a_dataset_is_copied_into_a_session(small_dataset: Path, tmp_path: Path) -> None:
    before = small_dataset.read_bytes()
    session = open_session(small_dataset, tmp_path / "session")
    old, new = read_dataset(small_dataset), read_dataset(session.dataset)
    assert small_dataset.read_bytes() == before
    twice = old.tomograms[0].masks["discs"].volume.data & old.tomograms[0].masks["rods"].volume.data
    for structure in old.structures:
        for z in old.tomograms[0].annotated:
            kept = old.tomograms[0].masks[structure].slice(z)
            if structure == "rods":
                kept = kept & (twice[z] == 0)
            assert np.array_equal(new.tomograms[0].masks[structure].slice(z), kept)
            assert new.tomograms[0].masks[structure].labelled(z) is None
    assert new.tomograms[0].image.origin_nm == old.tomograms[0].image.origin_nm


def test_where_a_session_is_kept(tmp_path: Path) -> None:
    assert session_folder(tmp_path / "cell.rec") == tmp_path / "cell.seget"
    assert session_folder(tmp_path / "cell.h5:/raw") == tmp_path / "cell-raw.seget"
    assert session_folder(tmp_path / "dataset.toml") == tmp_path / "dataset.seget"


# A stroke: by hand or accepted, its label, and the corner of the square that it covers.
strokes = st.lists(
    st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 5), st.integers(0, 4)), max_size=12
)


@given(strokes, st.sets(st.integers(1, 3)))
def test_hands_and_locks_win_and_all_can_be_undone(
    done: list[tuple[bool, int, int, int]], locked: set[int]
) -> None:
    drawing = Drawing((1, 8, 8))
    drawing.labels[0, :3] = 2
    drawing.take_strokes([0])
    drawing.lock(locked)
    states = [drawing.packed(0).copy()]
    for by_hand, value, y, x in done:
        before = drawing.packed(0).copy()
        box = np.s_[y : y + 3, x : x + 3]
        if by_hand:
            drawing.labels[0][box] = value
            changed = drawing.take_strokes([0])
        else:
            where = np.zeros((8, 8), bool)
            where[box] = True
            changed = drawing.accept(0, np.full((8, 8), value, np.uint8), where)
        after = drawing.packed(0)
        assert np.array_equal(drawing.labels[0], after % HAND)
        assert drawing.shown(0) == set(np.unique(after % HAND).tolist()) - {0}
        assert drawing.slices == ({0} if after.any() else set())
        for one in locked:
            assert np.array_equal(before % HAND == one, after % HAND == one)
        if not by_hand:
            assert np.array_equal(after[before >= HAND], before[before >= HAND])
        if changed:
            states.append(after.copy())
    for state in reversed(states[:-1]):
        drawing.undo()
        assert np.array_equal(drawing.packed(0), state)
        assert drawing.shown(0) == set(np.unique(state % HAND).tolist()) - {0}
    for state in states[1:]:
        drawing.redo()
        assert np.array_equal(drawing.packed(0), state)


def test_a_large_drawing_takes_no_memory_where_nothing_is_drawn() -> None:
    import psutil

    before = psutil.Process().memory_info().rss
    drawing = Drawing((500, 4096, 4096))  # 8 GB
    drawing.labels[250, 1000:1100, 1000:1100] = 1
    drawing.take_strokes([250])
    assert psutil.Process().memory_info().rss - before < 2e8


def test_strokes_that_are_in_no_slice_yet_come_back(tomogram: Path) -> None:
    session = open_session(tomogram)
    golgi = session.add("golgi").value
    session.save()
    _paint(session, 1, golgi, np.s_[2:5, 2:5])
    _paint(session, 3, golgi, np.s_[1:2, 2:6])
    session.undo()
    session.accept(4, np.full(SHAPE[1:], golgi, np.uint8))
    journal = session.folder / "strokes.journal"
    whole = journal.read_bytes()
    again = open_session(tomogram)  # as after a kill: nothing of it was saved
    assert np.array_equal(again.drawing.labels, session.drawing.labels)
    assert np.array_equal(again.drawing.hand(1), session.drawing.hand(1))
    assert not journal.exists(), "the slices hold it now"
    assert read_dataset(again.dataset).tomograms[0].masks["golgi"].annotated == (1, 4)

    # Killed in the midst of the last edit: the others are whole, and nothing is wrong.
    for cut in (len(whole) - 1, len(whole) - 5000, 40, 3):
        journal.write_bytes(whole[: max(0, cut)])
        open_session(tomogram)
        assert not journal.exists()
