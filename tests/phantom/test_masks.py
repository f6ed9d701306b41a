"""Masks of slices that are painted in layers, of buried sections and of compressed cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seget.phantom import ALL_STRUCTURES, Picture, Settings, Specimen, simulate
from seget.phantom.masks import masks
from seget.phantom.painting import Canvas
from seget.phantom.placing import Thing
from seget.phantom.scene import build

SERIAL = Settings(
    shape=(8, 64, 64), voxel_nm=5.0, structures=("microtubules", "golgi", "membranes"),
    picture=Picture(section_nm=48.0),
)  # fmt: skip


def canvas(settings: Settings) -> Canvas:
    return Canvas(settings.painted, settings.voxel_nm, settings.step_nm, membranes=True)


def tube(z: float) -> Thing:
    geometry = {"path": [[z, 160.0, -50.0], [z, 160.0, 400.0]]}
    return Thing("microtubule", "microtubules", (z - 30, 100, 0), (z + 30, 220, 320), geometry)


def test_a_tube_that_lies_in_a_thick_section_is_in_its_mask_alone() -> None:
    drawn = canvas(SERIAL)
    assert drawn.density.shape == (64, 64, 64)  # eight layers of 6 nm a section
    drawn.paint(tube(2.5 * 48))
    mask = masks(drawn, SERIAL)["microtubules"]
    assert mask.shape == SERIAL.shape
    assert mask.any(axis=(1, 2)).tolist() == [False, False, True, False, False, False, False, False]
    assert mask[2].any(axis=1).sum() * 5.0 == pytest.approx(20, abs=5)


def test_a_pixel_is_of_what_fills_most_of_its_depth() -> None:
    drawn = canvas(SERIAL)
    drawn.labels[:3], drawn.labels[3:8] = 2, 5
    drawn.labels[8:10] = 2
    drawn.membranes[16:19, 10:15, 10:15] = 1  # its rim is thinned by what is beside it
    found = masks(drawn, SERIAL)
    assert found["golgi"][0].all()
    assert not found["microtubules"].any()
    assert found["membranes"].sum() == 9


def test_what_is_buried_is_cut_off() -> None:
    settings = replace(SERIAL, picture=Picture(buried=3))
    drawn = canvas(settings)
    assert drawn.density.shape == (14, 64, 64)
    drawn.labels[3] = 2
    found = masks(drawn, settings)["microtubules"]
    assert found.shape == settings.shape
    assert found[0].all()
    assert not found[1:].any()


@pytest.mark.parametrize("picture", [Picture(buried=3), Picture(section_nm=30.0)])
def test_the_picture_lies_on_its_masks(picture: Picture) -> None:
    settings = Settings(
        shape=(8, 128, 128), voxel_nm=8.0, seed=1, tilt=(-60, 60, 5), picture=picture,
        structures=ALL_STRUCTURES, focus="granules",
    )  # fmt: skip
    made = simulate(settings)
    assert made.tomogram.shape == settings.shape
    assert made.tomogram.voxel_size_nm == (picture.section_nm or 8.0, 8.0, 8.0)
    granules = made.masks["granules"].data > 0
    assert granules.any()
    grey = made.tomogram.data
    assert grey[granules].mean() < grey[~granules].mean() - 5


def test_a_compressed_ball_is_as_much_shorter() -> None:
    settings = Settings(shape=(40, 100, 100), voxel_nm=4.0, specimen=Specimen(kept=(0.7, 1, 0.8)))
    assert settings.extent_nm == pytest.approx((160 / 0.7, 400, 500))
    drawn = canvas(settings)
    ball = {"centre": [114.0, 200.0, 250.0], "radius": 80.0, "stain": 1.0}
    drawn.paint(Thing("sphere", "golgi", (0, 0, 0), settings.extent_nm, ball))
    at = np.argwhere(drawn.labels == 5)
    wide = (at.max(axis=0) - at.min(axis=0) + 1) * 4.0
    assert wide == pytest.approx([112, 160, 128], abs=6)


@pytest.mark.parametrize("structure", ["centriole", "golgi", "synapse", "granules", "vesicles"])
def test_a_small_field_lies_around_its_focus(structure: str) -> None:
    for seed in range(3):
        settings = Settings(
            shape=(8, 64, 64), voxel_nm=8.0, seed=seed, structures=ALL_STRUCTURES, focus=structure
        )
        assert any(thing.structure == structure for thing in build(settings))


def test_a_crowd_is_as_dense_as_it_is_said_to_be() -> None:
    settings = Settings(shape=(8, 250, 250), voxel_nm=8.0, structures=ALL_STRUCTURES)

    def count(structure: str, **specimen: float) -> int:
        things = build(replace(settings, specimen=Specimen(**specimen)))
        return sum(thing.structure == structure for thing in things)

    assert count("ribosomes", ribosomes=3.0) > 2 * count("ribosomes")
    assert count("ribosomes", ribosomes=0.2) < 0.5 * count("ribosomes")
    assert count("vesicles", crowd=2.5) > 1.5 * count("vesicles") > 2 * count("vesicles", crowd=0.3)
