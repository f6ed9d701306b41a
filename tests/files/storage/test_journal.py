"""A volume that is interrupted while it is written, and gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seget import files
from seget.files.storage.journal import SliceJournal
from seget.volume import Volume

TRUTH = np.random.default_rng(0).integers(0, 128, (20, 12, 10), np.uint8)
LIKE = Volume(TRUTH, (2.0, 0.5, 0.25), (-3.0, 0.0, 40.5))

each_format = pytest.mark.parametrize("suffix", [".mrc", ".zarr"])


class Kill(BaseException):
    """What ends the writing: nothing catches it."""


def write(path: Path, stop: int, key: str = "one", values: Any = TRUTH) -> list[int]:
    """Write all slices that are not finished, up to a stop; return which."""
    written = []
    with files.create(path, LIKE, np.uint8, key=key) as writer:
        for z in range(20):
            if z in writer.finished:
                continue
            if z >= stop:
                raise Kill
            writer[z] = values[z]
            written.append(z)
    return written


@each_format
def test_only_what_is_missing_is_written_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scores{suffix}"
    files.write(tmp_path / f"at_once{suffix}", LIKE)
    with pytest.raises(Kill):
        write(path, stop=13)
    assert not path.exists()
    assert files.is_begun(path, "one")
    again = write(path, stop=20)
    # OME-Zarr stores layers of eight slices: what a layer held that was not full is lost.
    assert again == list(range(13 if suffix == ".mrc" else 8, 20))
    np.testing.assert_array_equal(files.read(path).data, TRUTH)
    if suffix == ".mrc":
        assert path.read_bytes() == (tmp_path / "at_once.mrc").read_bytes()
    files.drop_journal(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"at_once{suffix}", path.name]


@each_format
def test_another_key_starts_anew(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scores{suffix}"
    with pytest.raises(Kill):
        write(path, stop=13)
    with files.create(path, LIKE, np.uint8, key="two") as writer:
        assert writer.is_foreign
        assert not writer.finished
    assert not np.asarray(files.read(path).data).any()


@each_format
def test_a_slice_that_is_not_as_it_was_is_written_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scores{suffix}"
    with pytest.raises(Kill):
        write(path, stop=16)
    harmed = TRUTH.copy()
    harmed[3, 5, 5] ^= 1
    part = path.with_name(f".{path.name}.part")
    if suffix == ".mrc":
        content = part.read_bytes()
        part.write_bytes(content[:1024] + harmed[:].tobytes()[: len(content) - 1024])
    else:
        import zarr

        zarr.open_array(part / "0", mode="r+")[3] = harmed[3]
    assert set(write(path, stop=20)) - set(range(16, 20)) == {3}
    np.testing.assert_array_equal(files.read(path).data, TRUTH)


@each_format
def test_a_kill_after_the_renaming_and_before_anybody_was_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scores{suffix}"
    write(path, stop=20)
    assert files.is_begun(path, "one")  # not settled
    assert write(path, stop=20) == []
    np.testing.assert_array_equal(files.read(path).data, TRUTH)


def test_a_line_that_was_cut_short_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "scores.mrc"
    with pytest.raises(Kill):
        write(path, stop=5)
    journal = tmp_path / ".scores.mrc.journal"
    journal.write_bytes(journal.read_bytes() + b"5 0a0")
    assert set(SliceJournal(path, "one").finished) == set(range(5))
    assert write(path, stop=20) == list(range(5, 20))
    np.testing.assert_array_equal(files.read(path).data, TRUTH)


def test_without_a_key_nothing_stays(tmp_path: Path) -> None:
    with pytest.raises(Kill), files.create(tmp_path / "a.mrc", LIKE, np.uint8) as writer:
        writer[0] = TRUTH[0]
        raise Kill
    assert not list(tmp_path.iterdir())


def test_begun_bytes_are_what_the_hidden_part_holds(tmp_path: Path) -> None:
    path = tmp_path / "scores.mrc"
    assert files.begun_bytes(path) == 0
    with pytest.raises(Kill):
        write(path, stop=5)
    assert files.begun_bytes(path) == 1024 + TRUTH.nbytes
