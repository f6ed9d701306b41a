"""What is trained follows from what is asked, and from nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget.comparison import Cell, ComparisonSettings, Terms
from seget.comparison.compare import in_known_seconds
from seget.configuration import configured
from seget.dataset import Dataset, read_dataset
from seget.recipes import modern, paper

PACE = {"unet": 0.5, "seget": 1.0}
NOTHING = Dataset("nothing", Path("dataset.toml"), (), ())  # only SegET as shipped looks at it


def settings(
    terms: Terms, rates: tuple[float, ...] = (1e-3, 3e-3), seeds: tuple[int, ...] = (0, 1)
) -> ComparisonSettings:
    return ComparisonSettings(("unet", "seget"), (("golgi",), ("synapse",)), terms, rates, seeds)


def test_equal_time_gives_the_faster_network_more_steps_and_equal_steps_do_not() -> None:
    cells = settings(Terms("budget", 100)).cells(PACE, {})
    assert {(c.network, c.steps) for c in cells} == {("unet", 200), ("seget", 100)}
    cells = settings(Terms("steps", 70)).cells(PACE, {})
    assert {c.steps for c in cells} == {70}


def test_each_rate_is_searched_in_a_fifth_of_the_length_with_the_first_seed() -> None:
    search = settings(Terms("budget", 100)).search(PACE)
    assert len(search) == 2 * 2 * 2
    assert {(c.network, c.steps, c.seed) for c in search} == {("unet", 40, 0), ("seget", 20, 0)}
    assert all(c.search for c in search)
    assert settings(Terms("steps", 70), rates=(1e-3,)).search(PACE) == []


def test_the_table_takes_the_rates_that_were_chosen() -> None:
    chosen = {("unet", ("golgi",)): 3e-3}
    cells = settings(Terms("steps", 70), rates=(1e-3,)).cells(PACE, chosen)
    rates = {(c.network, c.structures[0]): c.learning_rate for c in cells}
    assert rates["unet", "golgi"] == 3e-3
    assert set(rates.values()) == {1e-3, 3e-3}
    assert [c.seed for c in cells] == [0] * 4 + [1] * 4, "a whole table before the next seed"


def test_every_cell_has_a_folder_of_its_own() -> None:
    asked = settings(Terms("steps", 70))
    cells = asked.search(PACE) + asked.cells(PACE, {})
    assert len({cell.key for cell in cells}) == len(cells)
    changed = Cell("unet", ("golgi",), 0, 1e-2, 70)
    assert changed.key not in {cell.key for cell in cells}, "another rate is another cell"


@given(steps=st.integers(1, 5000))
def test_a_cell_s_recipe_is_about_as_long_as_it_is_allowed_and_never_longer(steps: int) -> None:
    recipe = Cell("unet", ("golgi",), 0, 1e-2, steps).recipe(NOTHING, ())
    assert recipe.steps_per_epoch is not None
    made = recipe.epochs * recipe.steps_per_epoch
    assert steps - recipe.epochs < made <= steps
    assert (recipe.network, recipe.learning_rate) == ("unet", 1e-2)


def test_the_paper_s_recipes_are_the_paper_s_for_every_network() -> None:
    cell = Cell("unet", ("golgi",), 0, None, Terms("paper").steps(1.0))
    assert cell.recipe(NOTHING, ()) == paper("golgi").override(["network=unet"])


def test_seget_as_shipped_has_the_recipe_of_seget_train(small_dataset: Path) -> None:
    read, asked = read_dataset(small_dataset), ("weight_cap=7",)
    shipped = Cell("seget_shipped", ("discs",), 0, 1e-3, 70).recipe(read, asked)
    chosen, choices = configured(read, ("discs",), asked)
    assert len(choices) > 1
    for choice in choices:
        assert getattr(shipped, choice.key) == choice.value
    assert shipped.weight_cap == chosen.weight_cap == 7
    other = Cell("unet", ("discs",), 0, 1e-3, 70).recipe(read, asked)
    assert (other.context, other.deep_supervision) == (0, modern().deep_supervision)


def test_a_busy_day_gives_a_network_that_joins_no_fewer_steps() -> None:
    today = {"seget": 1.2, "unet": 1.0, "segnet": 1.6}
    assert in_known_seconds({}, today) == today
    known = {"unet": 0.5, "segnet": 0.8}
    joined = in_known_seconds(known, today)
    assert joined == {**known, "seget": pytest.approx(0.6)}
    one_disturbed = in_known_seconds(known, {**today, "unet": 4.0})
    assert one_disturbed["seget"] == pytest.approx(1.2 / (8 * 2) ** 0.5)
