"""Simulated objects against the geometry that scene.json holds: numbers in nm, no voxels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from bodies import VOXELS
from seget.phantom import Settings, members
from seget.phantom.painting import Canvas, paint
from seget.phantom.placing import Thing
from seget.phantom.scene import build
from seget.phantom.shapes import cleft_depth
from seget.volume import Volume

STRUCTURES = ("synapse", "microtubules", "centriole", "granules", "golgi")
SETTINGS = Settings()  # 24 x 512 x 512 at 4.51 nm


def _alone(thing: Thing, voxel, room: float = 20.0) -> tuple[Volume, np.ndarray]:
    """Paint one thing in the middle of a volume of its own; return it, and its moved centre."""
    low, high = np.array(thing.low), np.array(thing.high)
    shape = tuple(int(n) for n in np.ceil((high - low + 2 * room) / voxel))
    moved = {**thing.geometry, "centre": (np.array(thing.geometry["centre"]) - low + room).tolist()}
    canvas = Canvas(shape, min(voxel), voxel)
    box = tuple((high - low + 2 * room).tolist())
    canvas.paint(replace(thing, low=(0.0, 0.0, 0.0), high=box, geometry=moved))
    # The scene counts from the corner of the first voxel, a file's origin from its middle.
    labels = Volume((canvas.labels > 0).astype(np.uint8), voxel, tuple(v / 2 for v in voxel))
    return labels, np.array(moved["centre"])


def _tight(thing: Thing, half: float) -> Thing:
    centre = np.array(thing.geometry["centre"])
    return replace(thing, low=tuple(centre - half), high=tuple(centre + half))


@pytest.mark.parametrize("voxel", VOXELS[1:])
def test_a_centriole_is_the_barrel_of_the_scene(measure, voxel) -> None:
    rng = np.random.default_rng(4)
    thing, _ = members.a_centriole(rng, np.zeros(3), np.array([0.6, 0.0, 0.8]))
    labels, centre = _alone(_tight(thing, 235.0), voxel)
    (one,) = measure(labels).objects
    length, radius = thing.geometry["length"], 116.0
    assert one.volume_nm3 == pytest.approx(math.pi * radius**2 * length, rel=0.02)
    assert one.mesh.surface_nm2 == pytest.approx(2 * math.pi * radius * (length + radius), rel=0.05)
    assert (abs(one.centroid_nm - centre) < np.array(voxel) / 2).all()
    along = abs(one.axes[0] @ np.array(thing.geometry["frame"][0]))
    assert math.degrees(math.acos(min(along, 1))) < 1


@pytest.mark.parametrize("voxel", VOXELS)
def test_a_granule_has_the_volume_and_surface_of_a_four_times_finer_one(measure, voxel) -> None:
    thing, _ = members.a_granule(np.random.default_rng(2), np.zeros(3), 60.0)
    thing = _tight(thing, 1.1 * thing.geometry["semi"][0])
    (fine,) = measure(_alone(thing, (1.5, 1.5, 1.5))[0]).objects
    labels, centre = _alone(thing, voxel)
    (one,) = measure(labels).objects
    assert one.volume_nm3 == pytest.approx(fine.volume_nm3, rel=0.02)
    assert one.mesh.surface_nm2 == pytest.approx(fine.mesh.surface_nm2, rel=0.02)
    apart = abs(one.equivalent_diameter_nm - fine.equivalent_diameter_nm)
    assert apart < min(voxel)
    assert (abs(one.centroid_nm - fine.centroid_nm) < np.array(voxel) / 2).all()
    assert (abs(one.centroid_nm - centre) < 0.08 * 60).all()  # its outline is uneven


def _width_of(geometry: Mapping[str, Any], canvas: Canvas) -> float:
    """Mean width of a cleft where its middle lies in the volume, from its geometry."""
    widths = []
    for _, block in canvas.blocks((0, 0, 0), canvas.extent_nm):
        depth = cleft_depth(block, geometry["origin"], geometry["normal"], geometry["waves"])
        swing = np.clip(0.6 * block.noise(600.0, geometry["seed"]), -1, 1)
        gap = geometry["gap"]
        widths.append((gap[0] + gap[1] * swing)[np.abs(depth) < 4])
    return float(np.concatenate(widths).mean())


@pytest.mark.parametrize("voxel", [(2.255,) * 3, (4.51,) * 3, (9.0, 2.255, 2.255)])
@pytest.mark.parametrize("turn", [0.0, 0.5])
def test_a_cleft_is_as_wide_as_in_the_scene(measure, voxel, turn) -> None:
    extent = np.array([110.0, 330.0, 330.0])
    normal = np.array([np.sin(turn) * 0.4, np.cos(turn), np.sin(turn)])
    normal /= np.linalg.norm(normal)
    wave = np.array([0.0005, 0.0011, 0.0016])  # bends the sheet, and runs along it
    geometry = {
        "origin": (extent / 2).tolist(), "normal": normal.tolist(), "gap": [19.6, 4.0], "seed": 5,
        "waves": [[9.0, 0.3, *(wave - normal * (wave @ normal))]],
    }  # fmt: skip
    canvas = Canvas(tuple(int(n) for n in extent // voxel), min(voxel), voxel)
    thing = Thing("cleft", "synapse", (0.0,) * 3, tuple(canvas.extent_nm), geometry)
    canvas.paint(thing)
    labels = Volume((canvas.labels > 0).astype(np.uint8), voxel)
    (one,) = measure(labels).objects
    found = one.mesh.widths_nm[np.isfinite(one.mesh.widths_nm)]
    wanted = _width_of(geometry, canvas)
    assert found.mean() == pytest.approx(wanted, abs=1.0)
    assert one.width_nm == pytest.approx(wanted, abs=1.0)


@pytest.fixture(scope="module")
def scene() -> tuple[list[Thing], Volume]:
    things = build(SETTINGS)
    labels = paint(things, SETTINGS).labels
    half = tuple(v / 2 for v in SETTINGS.voxel_size_nm)
    return things, Volume(labels, SETTINGS.voxel_size_nm, half)


def _length_in(path: np.ndarray, extent) -> float:
    fine = np.concatenate([np.linspace(a, b, 20) for a, b in pairwise(path)])
    inside = ((fine >= 0) & (fine <= np.array(extent))).all(axis=1)
    steps = np.linalg.norm(np.diff(fine, axis=0), axis=1)
    return float(steps[inside[:-1] & inside[1:]].sum())


@pytest.mark.parametrize("binned", [1, 2])
def test_microtubules_of_a_scene_have_the_lengths_of_their_paths(measure, scene, binned) -> None:
    things, labels = scene
    paths = [np.array(thing.geometry["path"]) for thing in things if thing.kind == "microtubule"]
    size = (binned * 4.51, 4.51, 4.51)
    labels = Volume(labels.data[binned // 2 :: binned], size, (size[0] / 2, 2.255, 2.255))
    found = measure(labels, structures=("microtubules=2",))
    tubes = [one for one in found.objects if one.line is not None]
    assert len(tubes) == 3
    for one in tubes:
        points = one.line.points_nm + found.origin_nm
        apart = [np.linalg.norm(p[:, None] - points, axis=2).min(axis=1) for p in paths]
        path = paths[int(np.argmin([np.median(a) for a in apart]))]
        assert one.line.length_nm == pytest.approx(_length_in(path, SETTINGS.extent_nm), rel=0.03)
        assert one.line.diameter_nm == pytest.approx(25, abs=1)


def test_of_a_scene_every_structure_is_measured(measure, scene) -> None:
    _, labels = scene
    labels = replace(labels, data=labels.data[:, ::2, ::2], voxel_size_nm=(4.51, 9.02, 9.02))
    named = tuple(f"{name}={value}" for value, name in enumerate(STRUCTURES, start=1))
    found = measure(labels, structures=named)
    assert {one.structure for one in found.objects} == set(STRUCTURES)
    for one in found.objects:
        assert one.mesh.is_closed != one.touches_border
