"""The commands as a user types them: exit codes, messages, and the whole way once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.cli import main
from seget.cli.demo import _say_scores
from seget.results import Sidecar, write_sidecar
from seget.volume import Volume

TINY = ["--set", "patch_px=32", "--set", "binning=1", "--set", "batch_size=2"]
SHORT = [*TINY, "--set", "epochs=2", "--set", "steps_per_epoch=4"]

Seget = Callable[..., tuple[int, str, str]]


def test_the_whole_way(seget: Seget, small_dataset: Path, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    code, _, err = seget("train", small_dataset, "-o", run, "--joint", "--tensorboard", *SHORT)
    assert code == 0, err
    assert "validation mIOU" in err
    assert (run / "curves.png").is_file()
    assert list((run / "tensorboard").iterdir())

    tomogram = small_dataset.with_name("tomogram.mrc")
    code, _, err = seget("segment", tomogram, run, "-o", out)
    assert code == 0, err
    assert {"tomogram__discs.mrc", "tomogram__rods.mrc", "labels.mrc", "labels.json"} <= {
        path.name for path in out.iterdir()
    }
    image, labels = files.read(tomogram), files.read(out / "labels.mrc")
    assert labels.shape == image.shape
    assert labels.voxel_size_nm == image.voxel_size_nm
    assert labels.origin_nm == image.origin_nm

    code, printed, err = seget("evaluate", out, small_dataset, "--json")
    assert code == 0, err
    result = json.loads(printed)
    assert set(result["structures"]) == {"discs", "rods"}
    assert 0 < result["structures"]["discs"]["miou"] <= 1
    assert len(list((out / "pictures").glob("tomogram_*.png"))) == 2
    assert {"report.html", "scores.csv", "object_errors.csv"} <= {p.name for p in out.iterdir()}
    assert (out / "pictures" / "reliability.png").is_file()
    code, printed, _ = seget("evaluate", out, small_dataset, "--no-pictures", "--slices", "all")
    assert code == 0
    assert "all slices 0-11" in printed
    assert "mean mIOU" in printed


def test_a_structure_on_no_test_slice_is_said_and_has_no_score(
    seget: Seget, small_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in small_dataset.parent.iterdir():
        shutil.copy(path, tmp_path)
    rods = files.read(tmp_path / "rods.mrc")
    data = np.array(rods.data)
    data[10:] = 0
    files.write(tmp_path / "rods.mrc", rods.on_same_grid(data, "rods"))
    for order, structure in enumerate(("discs", "rods")):
        scores = (np.array(files.read(tmp_path / f"{structure}.mrc").data) * 127).astype(np.uint8)
        scores[11, :5, :5] = 127
        path = tmp_path / "out" / f"tomogram__{structure}.mrc"
        files.write(path, rods.on_same_grid(scores, structure))
        write_sidecar(path, Sidecar(structure=structure, threshold=0.5, order=order))
    command = ("evaluate", tmp_path / "out", tmp_path / "dataset.toml", "--no-pictures")
    code, printed, err = seget(*command)
    assert code == 0, err
    line, of_objects = (x.split() for x in printed.splitlines() if x.startswith(" rods "))
    assert of_objects[1:] == ["absent", "-", "absent", "0", "0", "0", "1", "0", "0", "0"]
    assert line[1:] == ["absent", "-", "absent", "-", "absent", "absent", "0.0014", "18,432"]
    assert "rods is on no test slice: it has no mIOU" in printed
    assert "25 px of it were predicted there, 0.136% of the image, 100 nm2." in printed
    result = json.loads(seget(*command, "--json")[1])
    assert result["structures"]["rods"]["miou"] is None
    assert result["mean_miou"] == result["structures"]["discs"]["miou"]
    _say_scores("Test slices", result | {"mean_miou": None})
    assert "Test slices: mean mIOU absent  (discs 0." in capsys.readouterr().err


def test_models_by_structure_and_tomograms_by_folder(
    seget: Seget, small_dataset: Path, tmp_path: Path
) -> None:
    run, out = tmp_path / "runs", tmp_path / "out"
    assert seget("train", small_dataset, "-o", run, *SHORT)[0] == 0
    assert {path.name for path in run.iterdir()} == {"discs", "rods"}
    tomograms = tmp_path / "tomograms"
    tomograms.mkdir()
    for name in ("a", "b"):
        shutil.copy(small_dataset.with_name("tomogram.mrc"), tomograms / f"{name}.mrc")
    code, _, err = seget("predict", tomograms, run, "-o", out, "--window", 48)
    assert code == 0, err
    assert {p.name for p in out.glob("*/*.mrc")} == {
        f"{t}__{s}.mrc" for t in "ab" for s in ("discs", "rods")
    }
    code, _, err = seget("fuse", out / "a", "-o", tmp_path / "a.mrc", "--threshold", "rods=0.4")
    assert code == 0, err
    assert json.loads((tmp_path / "a.json").read_text())["2"]["threshold"] == 0.4


def test_training_is_refused_over_a_run_and_goes_on(
    seget: Seget, small_dataset: Path, tmp_path: Path
) -> None:
    command = ("train", small_dataset, "-o", tmp_path / "run", "-s", "rods", *SHORT)
    assert seget(*command)[0] == 0
    code, _, err = seget(*command)
    assert code == 2
    assert "--resume" in err
    assert "--overwrite" in err
    code, _, err = seget(*command, "--resume")
    assert code == 0
    assert "finished" in err


@pytest.fixture
def folder(small_dataset: Path, tmp_path: Path) -> Path:
    """A copy of the small dataset that a test may spoil."""
    copy = tmp_path / "data"
    shutil.copytree(small_dataset.parent, copy)
    return copy


def spoil(folder: Path, text: str, by: str) -> Path:
    path = folder / "dataset.toml"
    path.write_text(path.read_text().replace(text, by))
    return path


WRONG = {
    "missing dataset": (lambda f: f / "none.toml", "none.toml"),
    "missing image": (lambda f: spoil(f, "tomogram.mrc", "absent.mrc"), "absent.mrc"),
    "not an image": (lambda f: spoil(f, '"tomogram.mrc"', '"dataset.toml"'), "dataset.toml"),
    "unknown key": (lambda f: spoil(f, "name =", "nmae ="), "nmae"),
    "bad name": (lambda f: spoil(f, "rods =", '"../rods" ='), "../rods"),
    "named twice": (lambda f: spoil(f, "rods =", "discs ="), "dataset.toml"),
    "too few": (lambda f: spoil(f, "image =", "slices = [1, 2]\nimage ="), "too few"),
    "out of range": (lambda f: spoil(f, "image =", "slices = [1, 99]\nimage ="), "99"),
}


@pytest.mark.parametrize("case", WRONG, ids=WRONG.keys())
def test_wrong_datasets_are_one_sentence_and_code_2(
    seget: Seget, folder: Path, tmp_path: Path, case: str
) -> None:
    make, words = WRONG[case]
    code, out, err = seget("train", make(folder), "-o", tmp_path / "run")
    assert code == 2
    assert out == ""
    assert words in err
    assert err.strip().count("\n") == 0
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()


def test_wrong_masks_are_one_sentence_and_code_2(
    seget: Seget, folder: Path, tmp_path: Path
) -> None:
    for data, words in (
        (np.zeros((12, 96, 96), np.uint8), "no foreground"),
        (np.ones((3, 4, 5), np.uint8), "shape"),
    ):
        files.write(folder / "rods.mrc", Volume(data))
        code, _, err = seget("train", folder / "dataset.toml", "-o", tmp_path / "run")
        assert (code, words in err) == (2, True), err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "patch_px=17"], "patch_px"),
        (["--set", "speed=3"], "key out of"),
        (["--set", "epochs"], "key=value"),
        (["--recipe", "tasty"], "wanted modern or paper"),
        (["--recipe", "paper", "--joint"], "--recipe paper --joint"),
        (["-s", "golgi"], "no structure golgi"),
        (["-s", "rods,rods"], "named twice"),
        (["--device", "tpu"], "wanted auto, cpu, cuda or mps"),
        (["--max-minutes", "-1"], "max-minutes"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_wrong_options_are_code_2(
    seget: Seget, small_dataset: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    code, _, err = seget("train", small_dataset, "-o", tmp_path / "run", *arguments)
    assert code == 2
    assert words in err
    assert not (tmp_path / "run").exists()


def test_wrong_inputs_of_the_other_verbs_are_code_2(
    seget: Seget, small_dataset: Path, tmp_path: Path
) -> None:
    tomogram = small_dataset.with_name("tomogram.mrc")
    (tmp_path / "text.mrc").write_text("a letter to a friend")
    out = tmp_path / "out"
    for arguments, words in (
        (("predict", tomogram, "-o", out), "found no model"),
        (("predict", tmp_path / "text.mrc", "-o", out), "found no model"),
        (("predict", tmp_path / "absent.mrc", tomogram, "-o", out), "absent.mrc"),
        (("fuse", tmp_path / "absent", "-o", out / "l.mrc"), "no such folder"),
        (("fuse", tmp_path, "-o", out / "l.mrc", "--threshold", "a=b"), "STRUCTURE=T"),
        (("evaluate", tmp_path, small_dataset), "holds no score map"),
        (("evaluate", tmp_path, small_dataset, "--slices", "9-3"), "9-3"),
    ):
        code, printed, err = seget(*arguments)
        assert code == 2, arguments
        assert words in err, err
        assert printed == ""
        assert not out.exists()


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from seget.errors import InputError

    monkeypatch.setattr("sys.argv", ["seget", "--debug", "fuse", str(tmp_path), "-o", "x.mrc"])
    with pytest.raises(InputError):
        main()


def test_help_teaches_by_example(seget: Seget) -> None:
    for verb in ("train", "predict", "fuse", "segment", "evaluate"):
        code, printed, _ = seget(verb, "--help")
        assert code == 0
        assert f"seget {verb} " in printed


def test_train_says_what_is_annotated_before_it_begins(
    seget: Seget, small_dataset: Path, tmp_path: Path
) -> None:
    for path in small_dataset.parent.iterdir():
        shutil.copy(path, tmp_path)
    rods = files.read(tmp_path / "rods.mrc")
    files.write(tmp_path / "rods.mrc", rods.on_same_grid(1 - np.array(rods.data), "rods"))
    code, _, err = seget("train", tmp_path / "dataset.toml", "-o", tmp_path / "run", *SHORT)
    assert code == 0, err
    before, _, after = err.partition("epoch 1")
    (line,) = (line.split() for line in before.splitlines() if line.startswith(" rods "))
    share = 1 - np.array(rods.data).mean()
    assert line == ["rods", "12", "of", "12", f"{share:.2%}"]
    assert '0 may be the structure: rods = { file = "rods.mrc", value = 0 }' in before
    assert "of annotated pixels" not in after
