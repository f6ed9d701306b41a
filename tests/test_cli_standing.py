"""`seget` alone: what it says leads, command by command, from a tomogram to a table."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from grey_cell import write_run
from seget.cli.standing import standing

Seget = Callable[..., tuple[int, str, str]]
TINY = ["--set", "patch_px=32", "--set", "binning=1", "--set", "batch_size=2"]
SHORT = [*TINY, "--set", "epochs=1", "--set", "steps_per_epoch=2"]


@pytest.fixture
def here(small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tomogram and masks, in which the commands run."""
    for path in small_dataset.parent.glob("*.mrc"):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def proposed(seget: Seget) -> list[list[str]]:
    """Return the commands that `seget` alone proposes, as words."""
    code, said, err = seget()
    assert (code, err) == (0, "")
    return [shlex.split(line) for line in said.splitlines() if line.startswith("    ")]


def test_what_it_says_leads_from_a_tomogram_to_a_table(seget: Seget, here: Path) -> None:
    pytest.importorskip("cc3d", reason="the extra `measure` is not installed")
    done = []
    for _ in range(5):
        (_, verb, *arguments), *_ = proposed(seget)
        done.append(verb)
        more = SHORT if verb == "train" else []
        code, _, err = seget(
            verb, *[a for a in arguments if a not in ("--max-minutes", "15")], *more
        )
        assert code == 0, err
    assert done == ["init", "train", "segment", "evaluate", "measure"]
    assert (here / "measured" / "objects.csv").is_file()
    assert [verb for _, verb, *_ in proposed(seget)] == ["next"]


def test_a_tomogram_alone_is_to_be_drawn_on(seget: Seget, here: Path) -> None:
    for mask in ("discs.mrc", "rods.mrc"):
        (here / mask).unlink()
    wanted = [["view", "tomogram.mrc"], ["init", "."], ["info", "tomogram.mrc"]]
    assert [words[1:] for words in proposed(seget)] == wanted


def test_an_imod_model_is_a_mask(here: Path) -> None:
    (here / "cell.mod").write_bytes(b"IMODV1.2")
    assert Path("cell.mod") in standing(Path()).masks


def test_an_empty_folder_offers_a_phantom(seget: Seget, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [words[1] for words in proposed(seget)] == ["demo", "phantom"]


def test_a_training_without_a_model_is_gone_on_with(
    seget: Seget, small_dataset: Path, here: Path
) -> None:
    shutil.copy(small_dataset, here)
    (here / "runs" / "discs" / "checkpoints").mkdir(parents=True)
    (words,) = proposed(seget)
    assert words[1:] == ["train", "dataset.toml", "-o", "runs/discs", "--resume"]


def test_tomograms_elsewhere_are_found_through_their_dataset(
    seget: Seget, small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = small_dataset.read_text().replace('"tomogram', f'"{small_dataset.parent}/tomogram')
    (tmp_path / "my cell.toml").write_text(toml)
    write_run(tmp_path / "first run")
    monkeypatch.chdir(tmp_path)
    first, second = proposed(seget)
    tomogram = small_dataset.with_name("tomogram.mrc")
    assert first[1:] == ["segment", str(tomogram), "first run", "-o", "segmented"]
    assert second[1:] == ["next", "my cell.toml", "first run"]


@pytest.mark.parametrize("text", ["[[tomogram", "a = 1", 'tomogram = "x"', "\0", "a." * 10**5])
def test_a_text_that_is_no_dataset_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "x.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert standing(Path()).datasets == ()
