"""The whole way: settings -> tomogram, masks, scene."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest

from listening import Heard
from seget.phantom import ALL_STRUCTURES, PRESETS, STRUCTURES, Phantom, Settings, simulate

SETTINGS = Settings(shape=(8, 256, 256), voxel_nm=8.0, seed=1, tilt=(-60.0, 60.0, 6.0))


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return simulate(SETTINGS)


def fingerprint(phantom: Phantom) -> str:
    digest = hashlib.sha256(json.dumps(phantom.scene).encode())
    for volume in (phantom.tomogram, *phantom.masks.values()):
        digest.update(np.ascontiguousarray(volume.data).tobytes())
    return digest.hexdigest()


def test_tomogram_and_masks_lie_on_one_grid(phantom: Phantom) -> None:
    assert tuple(phantom.masks) == STRUCTURES
    for volume in (phantom.tomogram, *phantom.masks.values()):
        assert volume.shape == SETTINGS.shape
        assert volume.data.dtype == np.uint8
        assert volume.voxel_size_nm == (8.0, 8.0, 8.0)
        assert volume.origin_nm == (0, 0, 0)


def test_masks_never_overlap(phantom: Phantom) -> None:
    total = sum(mask.data.astype(int) for mask in phantom.masks.values())
    assert set(np.unique(total)) == {0, 1}


def test_dense_is_dark(phantom: Phantom) -> None:
    grey = phantom.tomogram.data
    granules = phantom.masks["granules"].data > 0
    assert grey[granules].mean() < grey[~granules].mean() - 5


def test_the_same_settings_give_the_same_bytes(phantom: Phantom) -> None:
    assert fingerprint(simulate(SETTINGS)) == fingerprint(phantom)
    assert fingerprint(simulate(replace(SETTINGS, seed=2))) != fingerprint(phantom)


def test_the_dataset_names_what_is_there(phantom: Phantom) -> None:
    dataset = tomllib.loads(phantom.dataset_toml)
    assert dataset["holdout"] == "block"
    [tomogram] = dataset["tomogram"]
    assert tomogram["image"] == "tomogram.mrc"
    assert tomogram["masks"] == {name: f"{name}.mrc" for name in STRUCTURES}


def test_a_structure_outside_of_a_small_field_is_not_in_the_dataset(phantom: Phantom) -> None:
    empty = phantom.tomogram.on_same_grid(np.zeros(SETTINGS.shape, np.uint8), "golgi")
    partial = replace(phantom, masks={**phantom.masks, "golgi": empty})
    assert "golgi" not in tomllib.loads(partial.dataset_toml)["tomogram"][0]["masks"]


def test_the_scene_is_json_and_holds_every_thing(phantom: Phantom) -> None:
    scene = json.loads(json.dumps(phantom.scene))
    assert Settings(**scene["settings"]).seed == 1
    kinds = {thing["kind"] for thing in scene["things"]}
    assert kinds >= {"cleft", "microtubule", "centriole", "granule", "golgi", "ribosome"}
    for thing in scene["things"]:
        if thing["structure"] == "microtubules":
            path = np.array(thing["geometry"]["path"])
            assert path.shape[1] == 3
            assert np.isfinite(path).all()


def test_progress_is_told() -> None:
    heard = Heard()
    simulate(replace(SETTINGS, shape=(8, 64, 64)), heard)
    assert heard.parts == ["painting", "imaging"]
    assert heard.counts[-1] == (100, 100)
    assert all(0 <= done <= total == 100 for done, total in heard.counts)


def contrast(settings: Settings, structure: str) -> float:
    """How much darker than the rest a structure is, in deviations of the rest."""
    made = simulate(replace(settings, seed=3, structures=ALL_STRUCTURES, focus="microtubules"))
    assert made.tomogram.shape == settings.shape
    assert made.tomogram.voxel_size_nm == settings.voxel_size_nm
    drawn = made.masks[structure].data > 0
    rest = made.tomogram.data[
        ~np.logical_or.reduce([mask.data > 0 for mask in made.masks.values()])
    ]
    return float((rest.mean() - made.tomogram.data[drawn].mean()) / rest.std())


def test_tubes_of_the_real_preset_stand_out_less_than_clean_ones() -> None:
    real = replace(PRESETS["real"], shape=(8, 160, 200))
    clean = Settings(shape=real.shape, voxel_nm=real.voxel_nm)
    assert 0.1 < contrast(real, "microtubules") < 0.6 * contrast(clean, "microtubules")


@pytest.mark.parametrize("preset", ["real-serial", "real-face"])
def test_membranes_of_the_real_tissues_stand_out(preset: str) -> None:
    settings = replace(PRESETS[preset], shape=(8, 160, 160))
    assert 1 < contrast(settings, "membranes") < 3.5
