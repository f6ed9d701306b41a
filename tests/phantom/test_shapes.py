"""Shapes measured back from what was painted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget.phantom.golgi import golgi
from seget.phantom.ink import Block, Ink, both, covered, either, layer
from seget.phantom.painting import Canvas
from seget.phantom.placing import Thing, frame
from seget.phantom.shapes import centriole, cleft, granule, microtubule, sphere


def box(shape: tuple[int, int, int], voxel_nm: float) -> Block:
    """Voxel centres around the origin."""
    z, y, x = ((np.arange(n, dtype=np.float32) - (n - 1) / 2) * voxel_nm for n in shape)
    return Block(z[:, None, None], y[None, :, None], x[None, None, :], voxel_nm)


@given(
    radius=st.floats(25, 60),
    voxel_nm=st.sampled_from([2.255, 3.0, 4.51]),
    offset=st.tuples(*[st.floats(-0.5, 0.5)] * 3),
)
def test_a_sphere_has_its_volume(
    radius: float, voxel_nm: float, offset: tuple[float, float, float]
) -> None:
    edge = int(2 * radius / voxel_nm) + 5
    ink = sphere(box((edge,) * 3, voxel_nm), offset, radius, stain=0.5)
    volume = 4 / 3 * np.pi * radius**3
    assert ink.cover.sum() * voxel_nm**3 == pytest.approx(volume, rel=0.01)
    assert ink.stain.sum() * voxel_nm**3 == pytest.approx(0.5 * volume, rel=0.01)
    assert ink.inside.sum() * voxel_nm**3 == pytest.approx(volume, rel=0.03)


def test_a_sphere_painted_in_blocks_has_its_volume() -> None:
    canvas = Canvas((80, 90, 100), 2.0)
    geometry = {"centre": (81.0, 92.0, 103.0), "radius": 70.0, "stain": 1.0}
    canvas.paint(Thing("sphere", "golgi", (10, 20, 30), (155, 165, 175), geometry))
    volume = 4 / 3 * np.pi * 70.0**3
    assert canvas.density.sum() * 8 == pytest.approx(volume, rel=0.01)
    assert (canvas.labels == 5).sum() * 8 == pytest.approx(volume, rel=0.01)


def test_coverage_is_a_share_of_the_voxel() -> None:
    distance = np.array([-9.0, -1.0, 0.0, 1.0, 9.0], dtype=np.float32)
    assert covered(distance, 4.0).tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert layer(distance, -2.0, 2.0, 4.0).tolist() == [0, 0.75, 1, 0.75, 0]


def test_ink_laid_over_ink_hides_it() -> None:
    ink = Ink(box((1, 1, 2), 1.0))
    ink.lay(np.ones((1, 1, 2), dtype=np.float32), 0.2)
    ink.lay(np.array([[[1.0, 0.5]]], dtype=np.float32), 1.0)
    assert np.allclose(ink.stain, [[[1.0, 0.6]]])
    assert np.allclose(ink.cover, 1)


def test_distances_join() -> None:
    a, b = np.array([-3.0, 1.0]), np.array([-5.0, 4.0])
    assert both(a, b).tolist() == [-3, 4]
    assert either(a, b).tolist() == [-5, 1]
    assert both(a, a, 4.0).tolist() == [-2, 2]  # rounded: an edge is cut back


@pytest.mark.parametrize("direction", [(0, 0, 1), (0, 1, 1), (0.3, 1, -2)])
def test_a_microtubule_is_25_nm_wide_with_a_5_nm_wall(direction: tuple[float, ...]) -> None:
    voxel_nm = 1.0
    axis = np.array(direction) / np.linalg.norm(direction)
    block = box((48, 48, 48), voxel_nm)
    ink = microtubule(block, [axis * -80, axis * 80])
    assert ink is not None
    s = block.along((0, 0, 0), axis)
    rho = np.sqrt(block.from_point((0, 0, 0)) ** 2 - s * s)
    middle = np.abs(s) < 10
    area = (ink.inside & middle).sum() * voxel_nm**3 / 20
    assert 2 * np.sqrt(area / np.pi) == pytest.approx(25, abs=0.5)
    # The profile across: half of the wall's height is crossed at the inner and outer radius.
    radii = np.arange(4, 16, 0.5)
    profile = np.array([ink.stain[middle & (np.abs(rho - r) < 0.5)].mean() for r in radii])
    dark = radii[profile > (profile.max() + 0.3) / 2]
    assert dark.min() == pytest.approx(7.5, abs=0.75)
    assert dark.max() == pytest.approx(12.5, abs=0.75)


def test_a_bent_microtubule_has_no_seams() -> None:
    turn = np.linspace(0, 1.5, 20)
    path = 400 * np.column_stack([np.zeros(20), np.sin(turn), 1 - np.cos(turn)]) + (30, 10, 20)
    geometry = {"path": path.tolist()}
    whole, parts = Canvas((15, 110, 110), 4.0), Canvas((15, 110, 110), 4.0)
    whole.paint(Thing("microtubule", "microtubules", (0, 0, 0), (60, 440, 440), geometry))
    for y in (0, 160, 320):
        box_ = ((0, y, 0), (60, min(y + 160, 440), 440))
        parts.paint(Thing("microtubule", "microtubules", *box_, geometry))
    assert np.allclose(whole.density, parts.density, atol=1e-5)
    assert (whole.labels == parts.labels).all()


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 0, 1), (0.5, -0.6, 0.62)])
def test_a_centriole_is_nine_fold_and_230_nm_wide(axis: tuple[float, ...]) -> None:
    frame_ = frame(np.array(axis) / np.linalg.norm(axis))
    block = box((64, 64, 64), 4.51)
    ink = centriole(block, (0, 0, 0), frame_, 440.0, turn=0.4, seed=3)
    assert ink is not None
    s, a, b = (block.along((0, 0, 0), way) for way in frame_)
    rho, phi = np.hypot(a, b), np.arctan2(b, a)
    ring = (np.abs(s) < 60) & (rho > 70) & (rho < 116)
    counts, edges = np.histogram(phi[ring], bins=120)
    around = np.histogram(phi[ring], bins=edges, weights=ink.stain[ring])[0] / counts
    power = np.abs(np.fft.rfft(around - around.mean())) ** 2
    assert power[1:31].argmax() + 1 == 9
    assert power[9] > 5 * np.delete(power, np.s_[::9]).max()
    inside = ink.inside & (np.abs(s) < 60)
    area = inside.sum() / (np.abs(s) < 60).sum() * (64 * 4.51) ** 2
    if axis == (1, 0, 0):  # the box holds the whole of this cross-section
        assert 2 * np.sqrt(area / np.pi) == pytest.approx(230, abs=5)
    assert rho[ink.inside].max() == pytest.approx(115, abs=3)


@pytest.mark.parametrize("mean_nm", [18.0, 22.0])
@pytest.mark.parametrize("lean", [0.0, 0.3])
def test_the_cleft_is_as_wide_as_it_is_said_to_be(mean_nm: float, lean: float) -> None:
    block = box((40, 160, 160), 2.0)
    normal = np.array([np.sin(lean), np.cos(lean), 0.0])
    waves = [(20.0, 0.3, 0.0, 0.0, 1 / 700), (4.0, 1.1, 0.0005, 0.0, 1 / 200)]
    ink = cleft(block, (0, 0, 0), normal, waves, [mean_nm, 0.0], seed=5)
    assert ink is not None
    across = ink.inside.sum(axis=1) * 2.0  # along y, whatever the slope: too wide by its cosine
    x = block.x.ravel()
    slope = sum(a * 2 * np.pi * k * np.cos(2 * np.pi * k * x + p) for a, p, _, _, k in waves)
    width = across * np.cos(lean) / np.sqrt(1 + slope**2)
    assert width.mean() == pytest.approx(mean_nm, rel=0.03)
    assert np.abs(width - mean_nm).max() < 3  # a voxel and a half
    # Two membranes of 7 nm lie on the cleft, darker than it.
    assert ink.stain[ink.inside].mean() < 0.4
    assert ink.stain.max() > 0.8


def test_a_granule_has_membrane_halo_and_core() -> None:
    block = box((60, 60, 60), 4.51)
    ink = granule(block, (0, 0, 0), (0, 0, 1), [120.0, 100.0], 15.0, [], seed=1)
    assert ink is not None
    far = block.from_point((0, 0, 0))
    assert ink.stain[far < 60].mean() > 0.75
    volume = 4 / 3 * np.pi * 120 * 100 * 100
    assert ink.inside.sum() * 4.51**3 == pytest.approx(volume, rel=0.15)
    assert ink.cover[far > 140].max() == 0


def test_the_golgi_s_mask_is_its_stack() -> None:
    block = box((24, 90, 160), 4.51)
    ways = frame(np.array([0.0, 1.0, 0.0]))
    sheets = [[height, 10.0, 300.0, 280.0, 0.3] for height in (-48, -16, 16, 48)]
    ink = golgi(block, (0, 0, 0), ways, sheets, [0.0008, 0.0003], seed=2)
    assert ink is not None
    line = ink.inside[12, :, 80]
    assert line.sum() * 4.51 == pytest.approx(96 + 2 * 9, abs=12)
    assert np.diff(np.flatnonzero(line)).max() == 1  # the gaps belong to the stack
    stain = ink.stain[12, :, 80]
    peaks = (stain[1:-1] > stain[:-2]) & (stain[1:-1] >= stain[2:]) & (stain[1:-1] > 0.5)
    assert peaks.sum() >= 4


@pytest.mark.parametrize("far", [(0.0, 0.0, 5000.0), (900.0, 0.0, 0.0)])
def test_out_of_reach_is_no_ink(far: tuple[float, float, float]) -> None:
    block = box((8, 8, 8), 4.51)
    ways = frame(np.array([0.0, 1.0, 0.0]))
    assert microtubule(block, [far, np.add(far, 50)]) is None
    assert centriole(block, far, ways, 440.0, 0.0, 0) is None
    assert granule(block, far, (0, 0, 1), [200.0, 150.0], 10.0, [], 0) is None
    assert golgi(block, far, ways, [[0.0, 10.0, 300.0, 300.0, 0.3]] * 3, [0, 0], 0) is None
    assert cleft(block, far, np.array(far) / np.linalg.norm(far), [], [20.0, 4.0], 0) is None
