from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seget.dataset import Dataset, read_dataset
from seget.metrics import Histogram
from seget.recipes import modern, paper
from seget.samples import Samples
from seget.training.clock import Clock
from seget.training.state import State
from seget.training.validation import Alarm, Validation, validation_slices


@pytest.fixture
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


def of(score: int, foreground: int, background: int) -> Validation:
    scores = np.full(foreground + background, score, np.uint8)
    return Validation({"discs": Histogram.of(scores, np.arange(scores.size) < foreground)})


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
    assert list(alarm.at_start()) == []
    said = [list(alarm.after_epoch(of(12, 100, 900))) for _ in range(6)]
    assert [len(sentences) for sentences in said] == [0, 0, 1, 0, 0, 0]
    sentence = said[2][0]
    assert "discs" in sentence
    assert "highest validation score is 0.09" in sentence
    assert "--set weight_cap=2000" in sentence
    found = Alarm(dataset, samples)
    assert [s for _ in range(6) for s in found.after_epoch(of(90, 100, 900))] == []


def test_a_split_without_foreground_to_judge_is_said_at_the_start(
    small_dataset: Path, tmp_path: Path
) -> None:
    from seget import files
    from seget.volume import Volume

    image = np.random.default_rng(0).integers(0, 255, (6, 32, 32)).astype(np.uint8)
    mask = np.zeros_like(image)
    mask[0, 4:9, 4:9] = 1
    files.write(tmp_path / "image.mrc", Volume(image))
    files.write(tmp_path / "mask.mrc", Volume(mask))
    (tmp_path / "d.toml").write_text(
        'holdout = "block"\n[[tomogram]]\nimage = "image.mrc"\n'
        'slices = [0, 1, 2, 3, 4, 5]\n[tomogram.masks]\nspot = "mask.mrc"\n'
    )
    dataset = read_dataset(tmp_path / "d.toml")
    samples = Samples(dataset, ("spot",), modern(), 0)
    (sentence,) = Alarm(dataset, samples).at_start()
    assert "no foreground on any validation slice" in sentence


def test_thresholds_maximise_the_mean_iou() -> None:
    scores = np.array([10] * 50 + [40] * 50, np.uint8)
    truth = np.arange(100) >= 50
    validation = Validation({"x": Histogram.of(scores, truth)})
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
