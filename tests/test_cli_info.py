"""`seget info`: what it shows to people and to programs, and the copy it mends."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mrc_bytes import write_mrc
from seget import files
from seget.cli.options import parse_voxel_size
from seget.errors import InputError
from seget.volume import Volume

Seget = Callable[..., tuple[int, str, str]]
KEYS = ["path", "format", "shape_zyx", "dtype", "voxel_size_nm", "origin_nm", "signed", "faults"]
RAMP = np.arange(24, dtype=np.uint8)


@pytest.fixture
def right(tmp_path: Path) -> Path:
    """A file without fault, with another number for each axis."""
    path = tmp_path / "right.mrc"
    files.write(path, Volume(RAMP.reshape(2, 3, 4), (3.0, 2.0, 1.0), (-4.0, 5.0, 6.5)))
    return path


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A file without voxel size and statistics."""
    return write_mrc(
        tmp_path / "wrong.mrc", RAMP, cell=(0.0,) * 3, statistics=(2.0, 1.0, 0.0), ispg=1
    )


def test_one_file_for_people(seget: Seget, right: Path, wrong: Path) -> None:
    code, out, _ = seget("info", right)
    said = " ".join(out.split())
    assert code == 0
    for words in (
        "shape (z, y, x) 2 x 3 x 4",
        "type uint8",
        "voxel size (z, y, x) 3 x 2 x 1 nm",
        "origin (z, y, x) -4, 5, 6.5 nm",
        "bytes are unsigned because IMOD's flag 1 is clear",
        "min, max, mean stored 0, 23, 11.5",
        "min, max, mean true 0, 23, 11.5 of slices all",
        "label seget",
        "no faults found",
    ):
        assert words in said
    code, out, _ = seget("info", wrong)
    assert (code, "2 faults" in out, "voxel size (z, y, x)" in out) == (0, True, True)
    faults = [line for line in out.splitlines() if line.startswith("- ")]
    assert len(faults) == 2
    assert "voxel size is unknown" in faults[0]


def test_named_slices_have_imod_s_numbers_beside(seget: Seget, tmp_path: Path) -> None:
    data = np.zeros((1100, 2, 2), np.uint8)
    files.write(tmp_path / "deep.mrc", Volume(data, (1.0, 1.0, 1.0)))
    said = " ".join(seget("info", tmp_path / "deep.mrc")[1].split())
    assert "of slices 0, 73, " in said
    assert "1099 (z from 0; in IMOD 1, 74, " in said


def test_json_has_these_keys_and_no_other(seget: Seget, right: Path, wrong: Path) -> None:
    code, out, err = seget("info", right, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "path": str(right),
        "format": "MRC",
        "shape_zyx": [2, 3, 4],
        "dtype": "uint8",
        "voxel_size_nm": [3.0, 2.0, 1.0],
        "origin_nm": [-4.0, 5.0, 6.5],
        "signed": False,
        "faults": [],
    }
    both = json.loads(seget("info", right, wrong, "--json")[1])
    assert [list(one) for one in both] == [KEYS, KEYS]
    assert (both[1]["voxel_size_nm"], len(both[1]["faults"])) == (None, 2)
    folder = json.loads(seget("info", right.parent, "--json")[1])
    assert [one["path"] for one in folder] == [str(right), str(wrong)]
    signed = json.loads(seget("info", wrong, "--json", "--mode0", "signed")[1])
    assert (signed["signed"], signed["dtype"]) == (True, "int8")


def test_several_files_are_a_line_each(seget: Seget, right: Path, wrong: Path) -> None:
    (right.parent / "broken.mrc").write_bytes(b"cut short")
    code, out, err = seget("info", right.parent)
    assert code == 1
    assert "broken.mrc: the file has 9 bytes" in err
    lines = {line.split()[0]: line.split()[-1] for line in out.splitlines() if ".mrc" in line}
    assert lines == {str(right): "0", str(wrong): "2"}
    code, out, _ = seget("info", right, right.parent / "none.mrc", "--json")
    assert (code, len(json.loads(out))) == (1, 1)


def test_what_cannot_be_shown(seget: Seget, right: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mrc").write_bytes(b"cut short")
    for arguments, words in (
        ((tmp_path / "none.mrc",), "no such file"),
        ((tmp_path / "broken.mrc",), "has 9 bytes"),
        ((right, "--mode0", "odd"), "mode0 is 'odd'"),
        ((right, "--voxel-size", "1"), "give --fix OUT too"),
        ((right, "--fix", right), "the file is there already; give --overwrite"),
        ((right, "--fix", right, "--overwrite"), "this is the file to mend"),
        ((right, right, "--fix", tmp_path / "new.mrc"), "2 files are named, wanted one"),
        ((tmp_path, "--fix", tmp_path / "new.mrc"), "only MRC files are mended"),
        ((right, "--fix", tmp_path / "new.mrc", "--voxel-size", "1,2"), "wanted one number"),
    ):
        code, out, err = seget("info", *arguments)
        assert (code, out) == (2, "")
        assert words in err


def test_a_mended_copy(seget: Seget, wrong: Path, tmp_path: Path) -> None:
    new = tmp_path / "out" / "new.mrc"
    code, out, err = seget("info", wrong, "--fix", new)
    assert (code, out) == (0, "")
    assert "new.mrc: 1 fault left" in err
    assert "voxel size is unknown" in err
    code, _, err = seget("info", wrong, "--fix", new, "--voxel-size", "3,2,1", "--overwrite")
    assert (code, err) == (0, f"{new}\n")
    found = files.describe(new)
    assert (found.voxel_size_nm, found.faults) == ((3.0, 2.0, 1.0), ())


def test_voxel_sizes_on_the_command_line() -> None:
    assert parse_voxel_size("1.5") == (1.5, 1.5, 1.5)
    assert parse_voxel_size("3, 2,1") == (3.0, 2.0, 1.0)
    for text in ("", "a", "1,2", "1,2,3,4", "0", "1,-2,3", "nan", "inf"):
        with pytest.raises(InputError, match=r"wanted one number, or three"):
            parse_voxel_size(text)


def test_padding_and_outliers_are_faults_of_a_tomogram_and_not_of_a_mask(
    seget: Seget, tmp_path: Path
) -> None:
    grey = np.random.default_rng(0).normal(120, 20, (4, 60, 60)).astype(np.float32)
    grey[1, 5, 5] = 1e5
    mask = np.zeros((4, 80, 80), np.uint8)
    mask[:, 30:50, 30:50] = 1
    framed = np.pad(grey, ((0, 0), (10, 10), (10, 10)))
    blocks = np.kron(np.arange(64).reshape(8, 8), np.ones((10, 10)))
    instances = blocks[None].repeat(4, axis=0).astype(np.uint16)
    faults = {}
    for name, data in {"framed": framed, "mask": mask, "instances": instances}.items():
        files.write(tmp_path / f"{name}.mrc", Volume(data, (2.0, 2.0, 2.0)))
        said = json.loads(seget("info", tmp_path / f"{name}.mrc", "--json")[1])
        faults[name] = said["faults"]
    assert faults["mask"] == faults["instances"] == []
    padding, hot = faults["framed"]
    assert padding.startswith("44% of the sampled slices is padding")
    assert hot.startswith("1 sampled voxel lies more than 100 deviations from the mean")


def test_the_environment_is_what_a_report_needs(seget: Seget) -> None:
    code, printed, err = seget("info", "--environment", "--json")
    assert (code, err) == (0, "")
    found = json.loads(printed)
    assert {"seget", "python", "system", "processor", "memory", "device", "torch"} <= found.keys()
    assert "pytest" not in found
    assert found["numpy"] == np.__version__
    assert found["device"].split(",")[0] in ("cpu", "cuda")
    code, printed, _ = seget("info", "--environment")
    assert [line.split()[0] for line in printed.splitlines()][:2] == ["seget", "python"]
    # It is pasted where everybody reads it.
    assert str(Path.home()) not in printed
    assert platform.node() not in printed


def test_without_a_file_it_says_what_to_name(seget: Seget) -> None:
    code, _, err = seget("info")
    assert (code, "seget info ." in err) == (2, True)
