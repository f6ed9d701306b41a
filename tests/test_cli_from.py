"""`seget train --from`: what a training begins from, by default and when told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import seget as package
from seget.trained import load

Seget = Callable[..., tuple[int, str, str]]
SHORT = ("patch_px=32", "batch_size=2", "epochs=1", "steps_per_epoch=1")
QUICK = tuple(word for setting in SHORT for word in ("--set", setting))


def begun_from(run: Path) -> dict[str, object] | None:
    found: dict[str, object] | None = load(run).provenance["start"]
    return found


def test_modern_begins_from_general_and_a_run_from_a_run(
    seget: Seget, small_dataset: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    code, _, err = seget("train", small_dataset, "-o", first, "-s", "discs", *QUICK)
    assert code == 0, err
    assert "tensors taken over; the output of discs is drawn anew" in err
    start = begun_from(first)
    assert start is not None
    assert start["structures"] == list(package.general().structures)
    code, _, err = seget("train", small_dataset, "-o", second, *QUICK, "--joint", "--from", first)
    assert code == 0, err
    assert "the output of discs too; the output of rods is drawn anew" in err
    start = begun_from(second)
    assert start is not None
    assert start["structures"] == ["discs"]


def test_a_network_of_several_slices_begins_from_general_too(
    seget: Seget, small_dataset: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    options = ("-s", "discs", *QUICK, "--set", "context=1")
    code, _, err = seget("train", small_dataset, "-o", run, *options)
    assert code == 0, err
    assert begun_from(run) is not None
    code, _, err = seget("train", small_dataset, "-o", tmp_path / "b", "-s", "discs", "--from", run)
    assert code == 2
    assert "give --set context=1, or --from scratch" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "scratch"), ""),
        (("--recipe", "paper", "--set", "stride_px=96", "--set", "positive_copies=1"), ""),
        (("--set", "network=unet"), "begins from scratch, since the model to begin from is SegET"),
    ],
)
def test_what_begins_from_scratch(
    seget: Seget, small_dataset: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    settings = ("--set", "patch_px=96", "--set", "epochs=1") if "paper" in options else QUICK
    run = tmp_path / "run"
    code, _, err = seget("train", small_dataset, "-o", run, "-s", "discs", *settings, *options)
    assert code == 0, err
    assert begun_from(run) is None
    assert words in err
    assert ("begins from scratch" in err) == bool(words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "nowhere"), "wanted general, scratch, or the folder of one model"),
        (("--from", "general", "--set", "network=unet"), "give --set network=seget, or --from"),
    ],
)
def test_what_cannot_be_begun_from_is_refused_with_the_mend(
    seget: Seget, small_dataset: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    run = tmp_path / "run"
    code, _, err = seget("train", small_dataset, "-o", run, "-s", "discs", *QUICK, *options)
    assert code == 2
    assert words in err
    assert not run.exists()
