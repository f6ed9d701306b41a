"""The table's numbers are those of the cells, worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from seget.comparison.table import describe_split, interval
from seget.dataset import read_dataset
from seget.metrics import Counts


@pytest.mark.parametrize(
    ("holdout", "part", "flatters", "words"),
    [
        ("block", "test", False, "neither trained nor chose"),
        ("every-5th", "validation", True, "between training slices"),
        ("none", "all", True, "were trained on"),
    ],
)
def test_a_split_that_flatters_is_said_in_words(
    small_dataset: Path, tmp_path: Path, holdout: str, part: str, flatters: bool, words: str
) -> None:
    text = small_dataset.read_text().replace('"block"', f'"{holdout}"')
    for name in ("tomogram", "discs", "rods"):
        text = text.replace(f"{name}.mrc", str(small_dataset.with_name(f"{name}.mrc")))
    (tmp_path / "dataset.toml").write_text(text)
    split = describe_split(read_dataset(tmp_path / "dataset.toml"))
    assert (split["part"], split["flatters"]) == (part, flatters)
    assert words in split["text"]


def row(z: int, tp: int, fp: int, fn: int, tn: int) -> list[object]:
    return ["a", z, tp, fp, fn, tn]


def test_slices_that_agree_have_an_interval_of_no_width() -> None:
    same = [row(z, 30, 10, 20, 940) for z in range(5)]
    expected = Counts(30, 10, 20, 940).miou
    assert interval([same]) == pytest.approx([expected, expected])
    assert interval([same, same]) == pytest.approx([expected, expected])


def test_the_interval_lies_between_the_worst_and_the_best_slice_and_holds_the_whole() -> None:
    rng = np.random.default_rng(3)
    rows = [row(z, *map(int, rng.integers(50, 500, 4))) for z in range(12)]
    counts = [Counts(*r[2:]) for r in rows]  # type: ignore[arg-type]
    low, high = interval([rows])  # type: ignore[misc]
    assert min(c.miou for c in counts) < low < sum(counts, Counts()).miou < high
    assert high < max(c.miou for c in counts)


def test_the_interval_is_that_of_a_plain_loop() -> None:
    rng = np.random.default_rng(5)
    rows = [row(z, *map(int, rng.integers(0, 50, 4))) for z in range(6)]
    drawn = np.random.default_rng(0).integers(6, size=(200, 6))
    mious = [sum((Counts(*rows[z][2:]) for z in one), Counts()).miou for one in drawn]  # type: ignore[arg-type]
    assert interval([rows], resamples=200) == pytest.approx(list(np.percentile(mious, [2.5, 97.5])))


def test_draws_without_a_labelled_pixel_are_left_out() -> None:
    low, high = interval([[row(0, 0, 0, 0, 0), row(1, 5, 1, 1, 50)]])  # type: ignore[misc]
    assert low == pytest.approx(high) == pytest.approx(Counts(5, 1, 1, 50).miou)


def test_a_class_that_is_absent_is_left_out_and_one_slice_has_no_interval() -> None:
    empty = [row(z, 0, 0, 0, 10) for z in range(3)]
    assert interval([empty]) == [1.0, 1.0]
    assert interval([empty[:1]]) is None
    assert not any(math.isnan(x) for x in interval([[*empty, row(3, 5, 0, 0, 5)]]) or [])
