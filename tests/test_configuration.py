"""What is chosen by what is drawn: binning, patch, weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget import files
from seget.configuration import THIN_PX, configured, thin_share
from seget.dataset import Dataset, read_dataset
from seget.errors import InputError
from seget.recipes import modern
from seget.volume import Volume

SHAPE = (4, 200, 200)
AXIS = np.arange(200) - 100.0


def strip(width: float, degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.abs(AXIS[:, None] * np.cos(angle) + AXIS * np.sin(angle)) < width / 2


def dataset(folder: Path, voxel_nm: float = 4.0, **masks: np.ndarray) -> Dataset:
    size = (voxel_nm,) * 3
    image = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
    files.write(folder / "image.mrc", Volume(image, size))
    lines = ['holdout = "none"', "[[tomogram]]", 'image = "image.mrc"', "[tomogram.masks]"]
    for name, mask in masks.items():
        files.write(
            folder / f"{name}.mrc", Volume(np.broadcast_to(mask, SHAPE).astype(np.uint8), size)
        )
        lines.append(f'{name} = "{name}.mrc"')
    (folder / "dataset.toml").write_text("\n".join(lines))
    return read_dataset(folder / "dataset.toml")


@given(st.floats(4, 20), st.floats(0, 180))
def test_a_strip_is_as_thick_as_it_is_drawn_whatever_its_direction(
    width: float, degrees: float
) -> None:
    drawn = strip(width, degrees)
    assert thin_share(drawn, width - 2) < 0.05
    assert thin_share(drawn, width + 2) > 0.9


def test_of_a_body_with_a_tail_the_tail_is_thin() -> None:
    body, tail = np.hypot(AXIS[:, None], AXIS) < 30, strip(4, 0)
    tail[:, :100] = False
    share = (tail & ~body).sum() / (tail | body).sum()
    assert thin_share(tail | body, THIN_PX) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    ("width", "voxel_nm", "settings", "binning"),
    [
        (4, 4.0, [], 1),
        (8, 4.0, [], 2),
        (8, 8.0, [], 1),  # binned, its pixels would be coarser than any that was seen
        (8, 4.0, ["pixel_nm=8"], 1),
        (4, 4.0, ["pixel_nm=2"], 2),  # 8 pixels where the network is trained
        (4, 4.0, ["binning=2"], 2),
    ],
)
def test_thin_structures_are_not_binned(
    tmp_path: Path, width: int, voxel_nm: float, settings: list[str], binning: int
) -> None:
    recipe, choices = configured(
        dataset(tmp_path, voxel_nm, tubes=strip(width, 30)), ["tubes"], settings
    )
    assert (recipe.binning, recipe.patch_px) == (binning, 256 * binning)
    assert ("binning" in {c.key for c in choices}) == ("binning=2" not in settings)


def test_a_rare_structure_weighs_more_and_a_number_that_is_given_stays(tmp_path: Path) -> None:
    dot = np.hypot(AXIS[:, None], AXIS) < 7  # 0.4 %
    read = dataset(tmp_path, dot=dot, half=strip(100, 0))
    recipe, choices = configured(read, ["dot", "half"])
    assert recipe.weight_cap == 20
    [rare] = [choice.reason for choice in choices if choice.key == "weight_cap"]
    assert "dot is 0.3" in rare
    assert configured(read, ["half"])[0].weight_cap is None
    for setting in ("weight_cap=3", "weight_cap=none"):
        kept = configured(read, ["dot"], [setting])[0].weight_cap
        assert kept == modern().override([setting]).weight_cap
    with pytest.raises(InputError, match="patch_px"):
        configured(read, ["dot"], ["patch_px=7"])


def test_what_begins_from_a_model_goes_back_to_it_and_only_random_weights_learn_from_levels(
    tmp_path: Path,
) -> None:
    read = dataset(tmp_path, half=strip(100, 0))
    began, choices = configured(read, ["half"])
    assert began.deep_supervision == 0 and began.weight_interpolation
    assert "trained model" in choices[-1].reason
    scratch, chosen = configured(read, ["half"], scratch=True)
    assert scratch.deep_supervision == modern().deep_supervision > 0
    assert not scratch.weight_interpolation
    assert [c.key for c in chosen] == [c.key for c in choices[:-2]]
    assert configured(read, ["half"], ["deep_supervision=2"])[0].deep_supervision == 2
