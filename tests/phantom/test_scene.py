"""Scenes: every structure in every part, nothing in anything else, the same from one seed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from seget.errors import InputError, RunError
from seget.phantom import crowd, scene
from seget.phantom.painting import Canvas
from seget.phantom.placing import Thing
from seget.phantom.presets import PRESETS
from seget.phantom.scene import PAINTED, build
from seget.phantom.settings import Settings
from seget.phantom.structures import STRUCTURES

# The smallest field that promises all structures everywhere, in coarse voxels.
SMALLEST = Settings(shape=(8, 250, 250), voxel_nm=8.0)
SMALL = PRESETS["small"]
MASKED = {"cleft", "microtubule", "centriole", "granule", "golgi"}


@pytest.fixture
def no_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what has no mask: it comes last, so all else stays as it is."""
    monkeypatch.setattr(crowd, "fill", lambda stage: None)


def labels(things: list[Thing], settings: Settings) -> np.ndarray:
    """Labels without the texture, which is most of the work."""
    canvas = Canvas(settings.shape, settings.voxel_nm)
    for thing in things:
        canvas.paint(thing)
    return canvas.labels


def masks_only(settings: Settings) -> np.ndarray:
    """Labels of a scene, without the crowd that has none."""
    things = [thing for thing in build(settings) if thing.kind in MASKED]
    return labels(things, settings)


@pytest.mark.parametrize("seed", range(20))
def test_every_structure_is_in_every_part(no_crowd: None, seed: int) -> None:
    found = masks_only(replace(SMALLEST, seed=seed))
    train, validation = round(0.65 * 8), round(0.15 * 8)
    for part in np.split(found, [train, train + validation]):
        assert set(np.unique(part)) == {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    "settings",
    [
        Settings(shape=(8, 500, 500), voxel_nm=4.51, seed=1),
        Settings(shape=(50, 110, 110), voxel_nm=20.0, seed=2),  # as thick as a section can be
        Settings(shape=(19, 220, 340), voxel_nm=10.0, seed=3),
    ],
    ids=["thin", "thick", "long"],
)
def test_other_sizes_hold_every_structure_too(no_crowd: None, settings: Settings) -> None:
    found = masks_only(settings)
    n = settings.shape[0]
    train, validation = round(0.65 * n), round(0.15 * n)
    for part in np.split(found, [train, train + validation]):
        assert set(np.unique(part)) == {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("seed", range(4))
def test_fractions_resemble_the_paper_s(no_crowd: None, seed: int) -> None:
    found = masks_only(replace(SMALL, shape=(12, 256, 256), voxel_nm=9.02, seed=seed))
    share = np.bincount(found.ravel(), minlength=6) / found.size
    assert 0.004 < share[1] < 0.02  # synapse
    assert 1 / 1000 < share[2] < 1 / 250  # microtubules: the paper's 1 in 508
    assert 0.003 < share[3] < 0.06  # one centriole, rarely two
    assert 0.008 < share[4] < 0.08  # granules
    assert 0.004 < share[5] < 0.06  # golgi


@pytest.mark.parametrize("seed", range(3))
def test_structures_do_not_overlap_in_space(no_crowd: None, seed: int) -> None:
    """Painted alone, each structure has the voxels that it has in the whole scene."""
    settings = replace(SMALL, shape=(12, 256, 256), voxel_nm=9.02, seed=seed)
    things = [thing for thing in build(settings) if thing.kind in MASKED]
    together = np.bincount(labels(things, settings).ravel(), minlength=6)
    for number, name in enumerate(STRUCTURES, start=1):
        own = [thing for thing in things if thing.structure == name]
        alone = int((labels(own, settings) == number).sum())
        assert alone - together[number] <= 0.005 * alone


def test_every_thing_hits_the_section() -> None:
    for thing in build(replace(SMALL, seed=2)):
        for low, high, edge in zip(thing.low, thing.high, SMALL.extent_nm, strict=True):
            assert low < edge
            assert high > 0


def test_things_fit_json_and_come_in_painting_order() -> None:
    things = build(replace(SMALL, seed=5))
    order = [PAINTED.index(thing.kind) for thing in things]
    assert order == sorted(order)
    for thing in things:
        assert json.loads(json.dumps(thing.geometry)) == thing.geometry


def test_the_scene_is_the_seed_s_and_not_the_voxel_s() -> None:
    coarse = Settings(shape=(24, 256, 256), voxel_nm=8.0, seed=4)
    fine = Settings(shape=(48, 512, 512), voxel_nm=4.0, seed=4)
    kinds = [[thing.kind for thing in build(settings)] for settings in (coarse, fine)]
    assert kinds[0] == kinds[1]
    assert build(coarse) == build(coarse)
    assert build(replace(coarse, seed=6)) != build(coarse)


def test_a_small_field_is_a_window_into_a_scene(no_crowd: None) -> None:
    whole = Settings(shape=(8, 250, 250), voxel_nm=8.0, seed=3)
    window = replace(whole, shape=(8, 100, 150))
    seeds = {thing.geometry.get("seed"): thing for thing in build(whole)}
    moved = [thing for thing in build(window) if "seed" in thing.geometry]
    assert len(moved) > 1
    for thing in moved:
        shift = np.subtract(seeds[thing.geometry["seed"]].low, thing.low)
        assert np.allclose(shift, [0, 600, 400])
    # The small irregularities of the surfaces stay with the field, all else moves with it.
    seen, cut = masks_only(whole), masks_only(window)
    assert (seen[:, 75:175, 50:200] != cut).mean() < 0.01


def test_no_room_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "SCENES", 0)
    with pytest.raises(RunError, match=r"seed 7 .* choose another seed"):
        build(replace(SMALL, seed=7))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"voxel_nm": 0.1}, "0.1 nm was asked for"),
        ({"voxel_nm": float("nan")}, "nan nm was asked for"),
        ({"shape": (4, 512, 512)}, "4 x 512 x 512 was asked for, at least 8 slices"),
        ({"shape": (24, 512, 40)}, "24 x 512 x 40"),
        ({"shape": (400, 512, 512)}, "a section of 1804 nm"),
        ({"seed": -1}, "the seed is -1"),
        ({"dose": 0.0}, "dose is 0 electrons"),
        ({"dose": float("inf")}, "dose is inf"),
        ({"tilt": (60.0, -60.0, 1.0)}, "60 to -60 degrees by 1"),
        ({"tilt": (-90.0, 60.0, 1.0)}, "-90 to 60"),
        ({"tilt": (-60.0, 60.0, 0.0)}, "by 0"),
    ],
)
def test_wrong_settings_are_said(change: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=r"^phantom: ") as error:
        replace(SMALL, **change)
    assert words in str(error.value)
    assert ";" in str(error.value)
