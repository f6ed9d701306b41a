"""The hold-out: known answers, and parts that divide the annotated slices."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget.dataset import Split, hold_out, parse_slices, slice_ranges
from seget.errors import InputError


def test_block_of_20_slices_is_the_split_of_the_vnc_data() -> None:
    split = hold_out(range(20), "block")
    assert split.train == tuple(range(13))
    assert split.validation == (13, 14, 15)
    assert split.test == (16, 17, 18, 19)
    assert split.scored() == ("test", (16, 17, 18, 19))


def test_every_5th_of_76_is_the_papers_hold_out() -> None:
    split = hold_out(range(76), "every-5th")
    assert split.validation == tuple(range(0, 76, 5))
    assert len(split.validation) == 16
    assert split.test == ()
    assert split.scored() == ("validation", split.validation)


def test_none_trains_on_all_and_scores_all() -> None:
    assert hold_out((3, 17), "none") == Split("none", (3, 17))
    assert hold_out((3, 17), "none").scored() == ("all", (3, 17))


def test_holdouts_count_along_the_annotated_slices() -> None:
    sparse = (3, 17, 42, 50, 51, 70, 71)
    assert hold_out(sparse, "every-5th").validation == (3, 70)
    assert hold_out(sparse, "block") == Split("block", (3, 17, 42, 50, 51), (70,), (71,))


def test_a_gap_takes_from_the_part_before_the_border() -> None:
    split = hold_out(range(20), "block", gap=2)
    assert split == Split("block", tuple(range(11)), (13,), (16, 17, 18, 19))


def test_in_an_explicit_table_what_is_not_named_trains() -> None:
    split = hold_out(range(6), {"validation": [5, 0], "test": [2]})
    assert split == Split("explicit", (1, 3, 4), (0, 5), (2,))
    assert hold_out(range(2), {"test": [0, 1]}).train == ()


@given(
    st.sets(st.integers(0, 200), min_size=7, max_size=90).map(sorted),
    st.sampled_from(["every-5th", "block", "none"]),
)
def test_parts_divide_the_annotated_slices(annotated: list[int], holdout: str) -> None:
    split = hold_out(annotated, holdout)
    assert sorted(split.train + split.validation + split.test) == annotated
    assert split.train == tuple(sorted(split.train))


@given(st.integers(7, 90), st.integers(0, 12))
def test_a_gap_leaves_out_just_the_borders(n: int, gap: int) -> None:
    whole = hold_out(range(n), "block")
    try:
        split = hold_out(range(n), "block", gap)
    except InputError:
        assert gap >= min(len(whole.train), len(whole.validation))
        return
    assert split.test == whole.test
    assert len(split.train) + len(split.validation) + len(split.test) == n - 2 * gap
    assert min(split.validation) - max(split.train) == 1 + gap
    assert min(split.test) - max(split.validation) == 1 + gap


@given(st.data())
def test_an_explicit_table_divides_them_too(data: st.DataObject) -> None:
    annotated = sorted(data.draw(st.sets(st.integers(0, 99), min_size=1)))
    validation = data.draw(st.lists(st.sampled_from(annotated), unique=True, min_size=1))
    rest = sorted(set(annotated) - set(validation))
    test = data.draw(st.lists(st.sampled_from(rest), unique=True)) if rest else []
    split = hold_out(annotated, {"validation": validation, "test": test})
    assert sorted(split.train + split.validation + split.test) == annotated
    assert set(split.validation) == set(validation) and set(split.test) == set(test)


@pytest.mark.parametrize(
    ("text", "slices"),
    [("3", (3,)), ("16-19,25", (16, 17, 18, 19, 25)), ("25, 3 - 4,4", (3, 4, 25))],
)
def test_parse_slices(text: str, slices: tuple[int, ...]) -> None:
    assert parse_slices(text) == slices


@pytest.mark.parametrize("text", ["", "a", "19-16", "1,", "-3", "1-2-3", "1.5", "all"])
def test_parse_slices_refuses(text: str) -> None:
    with pytest.raises(InputError, match=r"^--slices .*; write slice numbers"):
        parse_slices(text)


@pytest.mark.parametrize(
    ("slices", "text"),
    [((), ""), ((4,), "4"), ((1, 2, 4), "1-2, 4"), (range(0, 76, 5), "0, 5, ..., 75")],
)
def test_slices_are_said_in_short(slices: Sequence[int], text: str) -> None:
    assert slice_ranges(list(slices)) == text


@pytest.mark.parametrize("n", range(1, 9))
def test_few_slices_all_teach_and_enough_are_held_out(n: int) -> None:
    split = hold_out(range(n), "auto")
    assert split == hold_out(range(n), "block" if n >= 5 else "none")
    assert bool(split.validation) == bool(split.test) == (n >= 5)
