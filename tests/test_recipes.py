"""The recipes are the paper's, number by number, and a setting is checked before it is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from seget.errors import InputError
from seget.recipes import (
    PAPER,
    Recipe,
    centriole,
    differing,
    golgi,
    granules,
    microtubules,
    modern,
    paper,
    synapse,
)

# Section 3.2: learning rate, decay, epochs, patience of the stop and of the reducer, cap of the
# weight, copies of positive patches.
SECTION_3_2 = {
    "synapse": (1e-4, 1e-6, 38, 8, 3, None, 1),
    "microtubules": (1e-3, 1e-5, 300, 8, 3, 2000, 1),
    "centriole": (2e-3, 1e-6, 300, 10, 3, 2000, 4),
    "granules": (2e-3, 1e-5, 60, 5, 2, None, 1),
    "golgi": (2e-3, 1e-5, 124, 5, 2, 1000, 2),
}


@pytest.mark.parametrize("structure", SECTION_3_2)
def test_the_five_recipes_are_the_paper_s(structure):
    recipe = paper(structure)
    assert (
        recipe.learning_rate,
        recipe.decay,
        recipe.epochs,
        recipe.stop_patience,
        recipe.reduce_patience,
        recipe.weight_cap,
        recipe.positive_copies,
    ) == SECTION_3_2[structure]


@pytest.mark.parametrize("structure", SECTION_3_2)
def test_what_the_five_share_is_the_paper_s_too(structure):
    recipe = paper(structure)
    assert (recipe.name, recipe.schedule, recipe.batch_size) == ("paper", "keras", 12)
    assert (recipe.patch_px, recipe.stride_px) == (512, 256)
    assert recipe.weight_decay == 1e-5  # ours: the paper gives no lambda
    assert recipe.steps_per_epoch is None  # every patch once
    # Its conclusion leaves augmentation to the future; it has no averaging and no binning either.
    assert (recipe.flips, recipe.warp, recipe.grey, recipe.noise) == (False, 0, 0, 0)
    assert (recipe.average, recipe.binning) == (None, 1)
    assert recipe.network == "seget_printed"
    assert not recipe.tuned_thresholds  # "threshold optimization might be applied": future work


def test_each_structure_of_the_paper_has_a_function_of_its_own():
    assert PAPER.keys() == SECTION_3_2.keys()
    for function in (synapse, microtubules, centriole, granules, golgi):
        assert function() == paper(function.__name__)


@pytest.mark.parametrize("structure", ["mitochondria", "Synapse", "golgi 2"])
def test_a_structure_the_paper_lacks_gets_the_microtubules_recipe(structure):
    assert paper(structure) == microtubules()


def test_modern_has_an_epoch_of_its_own_and_neither_stop_nor_reducer():
    recipe = modern()
    assert recipe.name == "modern"
    assert recipe.schedule == "one_cycle"
    assert recipe.steps_per_epoch
    assert (recipe.stop_patience, recipe.reduce_patience) == (None, None)


def test_a_recipe_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        modern().epochs = 3


@pytest.mark.parametrize("recipe", [modern(), synapse(), centriole()])
def test_a_recipe_survives_its_way_through_json(recipe):
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_a_recipe_with_a_field_from_elsewhere_is_refused():
    with pytest.raises(ValidationError, match="extra"):
        Recipe.model_validate({**modern().model_dump(), "momentum": 0.9})


def test_keys_that_came_later_count_as_their_default():
    now = modern().override(["warp=0", "context=2", "noise=0.5"]).model_dump()
    before = {key: value for key, value in now.items() if key not in ("warp", "context")}
    assert differing(now, now) == {}
    assert differing(before, now) == {"context": 0}, "no warp is the default"
    assert differing({**now, "noise": 0.2, "gone": 1}, now) == {"noise": 0.2, "gone": 1}


@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("learning_rate=1e-3", "learning_rate", 1e-3),
        ("decay=1e-6", "decay", 1e-6),
        ("epochs=7", "epochs", 7),
        ("batch_size=3", "batch_size", 3),
        ("stop_patience=4", "stop_patience", 4),
        ("stop_patience=none", "stop_patience", None),
        ("reduce_patience = 2 ", "reduce_patience", 2),
        ("weight_cap=2000", "weight_cap", 2000.0),
        ("weight_cap=None", "weight_cap", None),
        ("positive_copies=4", "positive_copies", 4),
        ("patch_px=128", "patch_px", 128),
        ("context=2", "context", 2),
        ("stride_px=64", "stride_px", 64),
        ("weight_decay=0", "weight_decay", 0.0),
        ("steps_per_epoch=10", "steps_per_epoch", 10),
        ("steps_per_epoch=none", "steps_per_epoch", None),
        ("flips=false", "flips", False),
    ],
)
def test_a_setting_changes_its_field_alone(setting, field, value):
    before = golgi().override(["stop_patience=9", "flips=true", "weight_cap=3"])
    after = before.override([setting])
    assert getattr(after, field) == value
    assert type(getattr(after, field)) is type(value)
    assert after.model_dump(exclude={field}) == before.model_dump(exclude={field})


def test_the_last_of_several_settings_wins_and_none_changes_nothing():
    assert golgi().override(["epochs=3", "batch_size=2", "epochs=4"]).epochs == 4
    assert golgi().override([]) == golgi()


@given(st.floats(1e-9, 1))
def test_a_number_is_taken_to_its_last_digit(rate):
    assert modern().override([f"learning_rate={rate!r}"]).learning_rate == rate


@pytest.mark.parametrize("setting", ["momentum=0.9", "epochs", "", "=3", "name=paper", "Epochs=3"])
def test_a_setting_that_names_no_field_is_told_the_fields(setting):
    with pytest.raises(InputError) as error:
        modern().override([setting])
    said = str(error.value)
    meant = " (did you mean epochs?)" if setting.lower().startswith("epochs") else ""
    assert said.startswith(f"--set {setting}{meant}: wanted key=value with a key out of: average, ")
    assert "learning_rate" in said
    assert " name," not in said


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("learning_rate=0", "learning_rate=0: .*greater than 0"),
        ("learning_rate=fast", "learning_rate=fast: .*valid number"),
        ("learning_rate=nan", "learning_rate=nan: .*finite"),
        ("learning_rate=none", "learning_rate=None: .*valid number"),
        ("epochs=2.5", "epochs=2.5: .*valid integer"),
        ("epochs=0", "epochs=0: .*greater than 0"),
        ("patch_px=500", "patch_px=500: .*multiple of 16"),
        ("patch_px=0", "patch_px=0: .*greater than or equal to 16"),
        ("positive_copies=0", "positive_copies=0: .*greater than or equal to 1"),
        ("weight_cap=-1", "weight_cap=-1: .*greater than 0"),
        ("weight_cap=inf", "weight_cap=inf: .*finite"),
        ("steps_per_epoch=0", "steps_per_epoch=0: .*greater than 0"),
        ("foreground_share=1.5", "foreground_share=1.5: .*less than or equal to 1"),
        ("average=1", "average=1: .*less than 1"),
        ("schedule=cosine", "schedule=cosine: .*'keras' or 'one_cycle'"),
        ("flips=perhaps", "flips=perhaps: .*valid boolean"),
    ],
)
def test_a_value_out_of_range_is_told_the_range(setting, words):
    with pytest.raises(InputError, match=f"^--set {words}") as error:
        modern().override([setting])
    assert "\n" not in str(error.value)
