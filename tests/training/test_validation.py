from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget import files
from seget.dataset import Dataset, Mask, Split, Tomogram, read_dataset
from seget.dataset.selection import Selection
from seget.metrics import Histogram
from seget.recipes import modern, paper
from seget.samples import Samples
from seget.training.alarm import Alarm
from seget.training.clock import Clock
from seget.training.held_out import validation_slices
from seget.training.state import State
from seget.training.validation import Validation
from seget.volume import Volume


@pytest.fixture
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


def of(score: int, foreground: int, background: int) -> Validation:
    scores = np.full(foreground + background, score, np.uint8)
    return Validation(
        {"discs": {("t", 0): Histogram.of(scores, np.arange(scores.size) < foreground)}}
    )


def test_validation_takes_a_tenth_of_the_time_at_most(dataset: Dataset) -> None:
    (tomogram,) = dataset.tomograms
    long = modern().override(["patch_px=96", "steps_per_epoch=100"])
    short = modern().override(["patch_px=16", "steps_per_epoch=1"])
    for recipe, number in ((long, 2), (short, 1), (paper("golgi"), 2)):
        samples = Samples(dataset, ("discs",), recipe, 0)
        ((_, _, slices),) = validation_slices(dataset, samples)
        assert len(slices) == number
        assert set(slices) <= set(tomogram.split.validation)


def test_an_empty_foreground_is_explained_once(dataset: Dataset) -> None:
    samples = Samples(dataset, ("discs",), modern().override(["patch_px=32"]), 0)
    alarm = Alarm(dataset, samples)
    assert list(alarm.at_start(validation_slices(dataset, samples))) == []
    said = [list(alarm.after_epoch(of(12, 100, 900))) for _ in range(6)]
    assert [len(sentences) for sentences in said] == [0, 0, 1, 0, 0, 0]
    sentence = said[2][0]
    assert "discs" in sentence
    assert "highest validation score is 0.09" in sentence
    assert "--set weight_cap=2000" in sentence
    found = Alarm(dataset, samples)
    assert [s for _ in range(6) for s in found.after_epoch(of(90, 100, 900))] == []


def rare_dataset(folder: Path, on: tuple[int, ...]) -> Dataset:
    """20 slices, the last ten held out; a stripe on each, a spot on the slices `on`."""
    image = np.random.default_rng(0).integers(0, 255, (20, 32, 32)).astype(np.uint8)
    stripe, spot = np.zeros_like(image), np.zeros_like(image)
    stripe[:, 20:24] = 1
    for z in on:
        spot[z, 4:9, 4:9] = 1
    for name, data in {"image": image, "stripe": stripe, "spot": spot}.items():
        files.write(folder / f"{name}.mrc", Volume(data))
    (folder / "d.toml").write_text(
        '[[tomogram]]\nimage = "image.mrc"\n'
        f"[tomogram.holdout]\nvalidation = {list(range(10, 20))}\n"
        '[tomogram.masks]\nstripe = "stripe.mrc"\nspot = "spot.mrc"\n'
    )
    return read_dataset(folder / "d.toml")


def rare_samples(dataset: Dataset, steps: int) -> Samples:
    """An epoch of 11 steps has time to validate three of the ten slices, one of 5 for one."""
    recipe = modern().override([f"steps_per_epoch={steps}", "batch_size=4", "patch_px=16"])
    return Samples(dataset, ("stripe", "spot"), recipe, 0)


@pytest.mark.parametrize(
    ("on", "chosen"),
    [
        ((0, 14), [10, 14, 19]),  # already on one of those evenly spread
        ((0, 11, 12, 13), [11, 14, 19]),
        ((0, 17), [10, 14, 17]),
        ((0,), [10, 14, 19]),
    ],
)
def test_a_rare_structure_is_on_one_of_the_slices_validated(
    tmp_path: Path, on: tuple[int, ...], chosen: list[int]
) -> None:
    dataset = rare_dataset(tmp_path, on)
    ((_, _, slices),) = validation_slices(dataset, rare_samples(dataset, steps=11))
    assert slices == chosen


def test_of_the_slices_with_a_rare_structure_the_one_that_shows_most_is_validated(
    tmp_path: Path,
) -> None:
    rare_dataset(tmp_path, (0, 11, 12, 13))
    spot = np.array(files.read(tmp_path / "spot.mrc").data)
    spot[12, 4:16, 4:16] = 1
    files.write(tmp_path / "spot.mrc", Volume(spot))
    dataset = read_dataset(tmp_path / "d.toml")
    ((_, _, slices),) = validation_slices(dataset, rare_samples(dataset, steps=11))
    assert slices == [12, 14, 19]


def drawn(shows: list[list[set[int]]], steps: int) -> list[list[int]]:
    """Choose among tomograms whose held-out slices show these structures, a pixel of each."""
    tomograms = []
    for slices in shows:
        every = tuple(range(len(slices)))
        volume: Any = SimpleNamespace(shape=(len(slices), 10, 10))
        masks = {
            str(s): Mask(
                volume,
                Selection(values=(1,)),
                every,
                Split("explicit", (), every),
                tuple(int(s in shown) for shown in slices),
                (100,) * len(slices),
            )
            for s in range(5)
        }
        tomograms.append(Tomogram(volume, masks, "t"))
    samples: Any = SimpleNamespace(
        readers=[SimpleNamespace(shape=(9, 10, 10)) for _ in shows],
        recipe=SimpleNamespace(steps_per_epoch=steps, batch_size=1),
        structures=tuple("01234"),
        steps_per_epoch=steps,
        patch_px=10,
    )
    dataset: Any = SimpleNamespace(tomograms=tomograms)
    return [slices for _, _, slices in validation_slices(dataset, samples)]


shown_on_slices = st.lists(st.sets(st.integers(0, 4), max_size=3), min_size=1, max_size=6)


@given(st.lists(shown_on_slices, min_size=1, max_size=2), st.integers(1, 30))
def test_no_other_choice_of_as_many_slices_shows_more_structures(
    shows: list[list[set[int]]], steps: int
) -> None:
    chosen = drawn(shows, steps)
    share = min(1.0, 0.3 * steps / sum(len(slices) for slices in shows))
    assert [len(z) for z in chosen] == [max(1, int(len(s) * share)) for s in shows]
    assert all(z == sorted(set(z)) for z in chosen)

    def seen(choice: Iterable[Iterable[int]]) -> int:
        return len({s for i, slices in enumerate(choice) for z in slices for s in shows[i][z]})

    rivals = product(
        *(combinations(range(len(s)), len(z)) for s, z in zip(shows, chosen, strict=True))
    )
    assert seen(chosen) == max(map(seen, rivals))


def test_a_structure_that_is_not_validated_is_said_at_the_start(tmp_path: Path) -> None:
    dataset = rare_dataset(tmp_path, (0,))
    samples = rare_samples(dataset, steps=11)
    (sentence,) = Alarm(dataset, samples).at_start(validation_slices(dataset, samples))
    assert sentence.startswith("spot has no foreground on any validation slice")
    (tmp_path / "two").mkdir()
    dataset = rare_dataset(tmp_path / "two", (0, 12))
    stripe = np.array(files.read(tmp_path / "two" / "stripe.mrc").data)
    stripe[12] = 0  # so that no one slice shows both
    files.write(tmp_path / "two" / "stripe.mrc", Volume(stripe))
    dataset = read_dataset(tmp_path / "two" / "d.toml")
    samples = rare_samples(dataset, steps=5)
    (sentence,) = Alarm(dataset, samples).at_start(validation_slices(dataset, samples))
    assert "is on no validation slice that an epoch has time for (1 of 10)" in sentence
    assert "--set steps_per_epoch" in sentence


def test_a_structure_on_no_validated_slice_judges_nothing() -> None:
    present = of(90, 100, 900).slices["discs"]
    for score in (0, 90, 127):  # nothing predicted, or everything
        absent = {("t", 0): Histogram.of(np.full(1000, score, np.uint8), np.zeros(1000, bool))}
        both = Validation({"discs": present, "rods": absent})
        assert both.miou == Validation({"discs": present}).miou
        assert both.thresholds()["rods"] == 0.5
        assert both.mious()["rods"] is None
        assert math.isnan(Validation({"rods": absent}).miou)


def test_thresholds_maximise_the_mean_iou() -> None:
    scores = np.array([10] * 50 + [40] * 50, np.uint8)
    truth = np.arange(100) >= 50
    validation = Validation({"x": {("t", 0): Histogram.of(scores, truth)}})
    threshold = validation.thresholds()["x"]
    assert 10 < threshold * 127 < 40
    assert validation.histograms["x"].counts_at(threshold).miou == 1


@pytest.mark.parametrize("schedule", ["one_cycle", "keras"])
def test_the_clock_follows_steps_or_time(schedule: str) -> None:
    from seget.device import choose_device

    recipe = modern().override(["epochs=2", "steps_per_epoch=10", f"schedule={schedule}"])
    state = State(recipe, 1, 0, choose_device("cpu"))
    by_steps = Clock(recipe, 10)
    state.step = 5
    assert by_steps.progress(state) == 0.25
    assert not by_steps.is_over(state)
    state.step = 20
    assert by_steps.is_over(state)
    by_time = Clock(recipe, 10, 10)
    state._elapsed_before = 300.0
    state.step = 2
    assert by_time.progress(state) == pytest.approx(0.5, abs=0.01)
    state.step = 20
    assert by_time.is_over(state) == (schedule == "keras")
    state.rows = [{"validation_s": 30.0}]
    state._elapsed_before = 571.0
    assert by_time.is_time_up(state), "only the last validation's 30 s are left"
    state._elapsed_before = 560.0
    assert not by_time.is_time_up(state)
    goes_back = recipe.override(["weight_interpolation=true"])
    assert Clock(goes_back, 10, 10).is_time_up(state), "five validations more are to come"


def test_without_validation_it_is_said_that_scores_are_not_calibrated(tmp_path: Path) -> None:
    rare_dataset(tmp_path, (0, 14))
    toml = (tmp_path / "d.toml").read_text().partition("[tomogram.holdout]")[0]
    masks = '[tomogram.masks]\nstripe = "stripe.mrc"\nspot = "spot.mrc"\n'
    (tmp_path / "d.toml").write_text(f'holdout = "none"\n{toml}{masks}')
    dataset = read_dataset(tmp_path / "d.toml")
    said = list(Alarm(dataset, rare_samples(dataset, 5)).at_start([]))
    assert len(said) == 1
    assert "scores are not calibrated" in said[0]
