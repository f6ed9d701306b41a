"""Rates and patience agree with Keras' own arithmetic, worked by hand."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget.recipes import golgi, granules, microtubules, modern, synapse
from seget.training.schedule import (
    REDUCE_MIN_DELTA,
    STOP_MIN_DELTA,
    Callbacks,
    Patience,
    learning_rate,
)

mious = st.lists(st.sampled_from([0.1, 0.5, 0.50004, 0.5002, 0.7, math.nan]), max_size=30)


@pytest.mark.parametrize(
    ("recipe", "step", "expected"),
    [
        (microtubules(), 0, 1e-3),
        (microtubules(), 1, 1e-3 / 1.00001),
        (microtubules(), 100_000, 5e-4),  # 1e-5 times 1e5 is 1
        (microtubules(), 300_000, 2.5e-4),
        (synapse(), 1_000_000, 5e-5),
    ],
)
def test_decay_is_keras_own(recipe, step, expected):
    assert learning_rate(recipe, step, 0.3, 1.0) == pytest.approx(expected, rel=1e-12)


def test_the_reducer_multiplies_on_top_of_the_decay():
    assert learning_rate(microtubules(), 100_000, 0.3, 0.25) == pytest.approx(1.25e-4)


def test_keras_decay_does_not_know_how_long_the_run_is():
    assert len({learning_rate(golgi(), 500, share, 1.0) for share in (0.0, 0.5, 1.0)}) == 1


def test_one_cycle_by_hand():
    recipe = modern().override(["learning_rate=0.004", "warmup=0.2"])
    rates = [learning_rate(recipe, 0, progress, 1.0) for progress in (0.1, 0.2, 0.4, 0.6, 0.8, 1)]
    # Half of the warm-up, its end, then a quarter, half, three quarters and all of the cosine.
    low, high = (1 - math.sqrt(0.5)) / 2, (1 + math.sqrt(0.5)) / 2
    assert rates == pytest.approx([0.002, 0.004, 0.004 * high, 0.002, 0.004 * low, 0], abs=1e-12)


@given(st.floats(0.01, 0.9), st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_one_cycle_rises_to_the_peak_and_falls_to_nothing(warmup, places):
    recipe = modern().override([f"warmup={warmup!r}"])
    rates = {p: learning_rate(recipe, 0, p, 1.0) for p in sorted({*places, warmup, 1.0})}
    assert rates[warmup] == pytest.approx(recipe.learning_rate)
    assert rates[1.0] == pytest.approx(0, abs=1e-12)
    assert max(rates.values()) <= recipe.learning_rate
    rising = [rate for place, rate in rates.items() if place <= warmup]
    falling = [rate for place, rate in rates.items() if place >= warmup]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert all(rate > 0 for place, rate in rates.items() if place < 0.999)


@given(st.floats(0.01, 0.9))
def test_one_cycle_does_not_jump(warmup):
    recipe = modern().override([f"warmup={warmup!r}"])
    before, after = (learning_rate(recipe, 0, warmup + d, 1.0) for d in (-1e-6, 1e-6))
    assert before == pytest.approx(after, rel=1e-3)


def test_one_cycle_without_warm_up_begins_at_the_peak():
    recipe = modern().override(["warmup=0"])
    assert learning_rate(recipe, 0, 0.0, 1.0) == recipe.learning_rate


def test_one_cycle_beyond_its_end_stays_at_nothing():
    assert learning_rate(modern(), 0, 1.2, 1.0) == pytest.approx(0, abs=1e-12)


def test_the_first_step_of_a_warm_up_moves():
    assert learning_rate(modern(), 0, 0.0, 1.0) > 0


def test_one_cycle_knows_progress_and_no_steps():
    assert learning_rate(modern(), 0, 0.4, 1.0) == learning_rate(modern(), 999, 0.4, 1.0)


@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_patience_acts_at_its_own_epoch_without_improvement(number):
    patience = Patience(number, 0.0)
    assert [patience.acts(0.5) for _ in range(number + 1)] == [False] * number + [True]


def test_an_improvement_begins_the_count_anew():
    patience = Patience(2, 0.0)
    assert [patience.acts(m) for m in (0.5, 0.4, 0.6, 0.6, 0.5)] == [False] * 4 + [True]


def test_what_improves_by_less_than_the_least_counts_as_none():
    assert (STOP_MIN_DELTA, REDUCE_MIN_DELTA) == (0.0, 1e-4)
    reducer = Patience(1, REDUCE_MIN_DELTA)
    assert not reducer.acts(0.5)
    assert not reducer.acts(0.50011)
    assert reducer.acts(0.50020)
    assert not Patience(1, STOP_MIN_DELTA, best=0.5).acts(0.50001)


def test_small_improvements_add_up_against_the_best_that_counted():
    reducer = Patience(2, REDUCE_MIN_DELTA)
    assert [reducer.acts(m) for m in (0.5, 0.50006, 0.50012, 0.50018)] == [False] * 4


def test_without_patience_nothing_ever_acts():
    callbacks = Callbacks(modern())
    assert not any(callbacks.after_epoch(0.5) for _ in range(100))
    assert callbacks.reduction == 1.0


def test_an_epoch_without_a_number_does_not_count():
    patience = Patience(2, 0.0)
    seen = [patience.acts(m) for m in (math.nan, 0.5, math.nan, 0.4, math.nan, math.nan, 0.4)]
    assert seen == [False] * 6 + [True]


@pytest.mark.parametrize("recipe", [synapse, granules, golgi, microtubules])
def test_without_anything_to_judge_by_nothing_stops_and_no_rate_falls(recipe):
    callbacks = Callbacks(recipe())
    assert not any(callbacks.after_epoch(math.nan) for _ in range(recipe().epochs))
    assert callbacks.reduction == 1.0


def test_the_reducer_halves_and_waits_anew_until_the_stop():
    callbacks = Callbacks(synapse())  # reduce 3, stop 8
    seen = [(callbacks.after_epoch(0.5), callbacks.reduction) for _ in range(9)]
    assert [stop for stop, _ in seen] == [False] * 8 + [True]
    assert [reduction for _, reduction in seen] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


@given(mious)
def test_both_callbacks_do_what_keras_does(history):
    callbacks = Callbacks(granules())
    found = [(callbacks.after_epoch(miou), callbacks.reduction) for miou in history]
    # Keras knows no epoch without a number: ours leaves it out and goes on as it was.
    counted = [not math.isnan(miou) for miou in history]
    verdicts = _keras([m for m in history if not math.isnan(m)], stop=5, reduce=2)
    assert [verdict for verdict, counts in zip(found, counted, strict=True) if counts] == verdicts
    assert not any(stop for (stop, _), counts in zip(found, counted, strict=True) if not counts)
    reductions = [1.0, *(reduction for _, reduction in found)]
    assert all(
        counts or before == after
        for (before, after), counts in zip(pairwise(reductions), counted, strict=True)
    )


@given(mious, mious)
def test_a_state_put_away_and_taken_up_goes_on_alike(before, after):
    callbacks, resumed = Callbacks(granules()), Callbacks(granules())
    for miou in before:
        callbacks.after_epoch(miou)
    resumed.restore(json.loads(json.dumps(callbacks.state())))
    assert resumed.state() == callbacks.state()
    for miou in after:
        assert resumed.after_epoch(miou) == callbacks.after_epoch(miou)
        assert resumed.reduction == callbacks.reduction


def _keras(history: list[float], stop: int, reduce: int) -> list[tuple[bool, float]]:
    """EarlyStopping and ReduceLROnPlateau in mode max, by looking back over the whole history."""
    verdicts, reduction, reduced_at = [], 1.0, -1
    for now in range(len(history)):
        improved = [
            [i for i in range(now + 1) if _improves(history[: i + 1], least)]
            for least in (STOP_MIN_DELTA, REDUCE_MIN_DELTA)
        ]
        waited = [now - max([-1, *epochs]) for epochs in improved]
        if min(waited[1], now - reduced_at) >= reduce:
            reduction, reduced_at = reduction / 2, now
        verdicts.append((waited[0] >= stop, reduction))
    return verdicts


def _improves(history: list[float], least: float) -> bool:
    """Whether the last of `history` is above the best before it by more than `least`."""
    best = -math.inf
    better = False
    for miou in history:
        better = miou > best + least
        best = miou if better else best
    return better
