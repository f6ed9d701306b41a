"""The microscope keeps the laws of tomography: central slice, wedge, dose, streaks, bytes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seget.errors import InputError
from seget.phantom import microscope as room
from seget.phantom.backprojection import Rays
from seget.phantom.finish import to_bytes
from seget.phantom.microscope import Microscope, image

PERFECT = Microscope(2.0, dose=math.inf, defocus_nm=0, jitter_nm=0)


def grid(shape: tuple[int, int, int]):
    """Voxels from the middle, one open array an axis."""
    return np.ogrid[tuple(slice(-(n // 2), n - n // 2) for n in shape)]


def blob(shape: tuple[int, int, int], sigma: float, height: float = 0.1):
    z, y, x = grid(shape)
    return (height * np.exp(-(z**2 + y**2 + x**2) / (2 * sigma**2))).astype(np.float32)


def texture(shape: tuple[int, int, int], seed: int = 0):
    return 0.5 + 0.1 * np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def test_a_point_projects_where_its_ray_goes():
    angles = (-60.0, -30.0, 0.0, 45.0, 60.0)
    density = np.zeros((21, 1, 128), dtype=np.float32)
    density[16, 0, 64] = 1  # six layers above the middle
    projections = Rays(angles, 21, 128).project(density)[:, 0, :128]
    np.testing.assert_allclose(projections.sum(axis=1), 1, atol=0.02)
    centre = (projections * np.arange(128)).sum(axis=1) / projections.sum(axis=1)
    np.testing.assert_allclose(centre, 64 - 6 * np.tan(np.deg2rad(angles)), atol=0.3)


def test_a_ball_reappears_in_its_place():
    away = (9, -4, 17)  # off the middle along every axis: a mirrored way back would show
    ball = np.roll(blob((49, 33, 129), 2.0), away, axis=(0, 1, 2))
    picture = image(ball, PERFECT)
    assert np.unravel_index(picture.argmax(), picture.shape) == (24 + 9, 16 - 4, 64 + 17)


def test_the_missing_wedge_is_empty():
    shape = (96, 8, 160)
    noisy = Microscope(2.0, tilt=(-60, 60, 1), dose=1e5, seed=3)
    picture = image(texture(shape), noisy)
    # A window along z and x, so that the ends of the array do not leak into the wedge.
    window = np.hanning(96)[:, None, None] * np.hanning(160)
    power = (np.abs(np.fft.fftn((picture - picture.mean()) * window)) ** 2).sum(axis=1)
    kz, kx = np.abs(np.fft.fftfreq(96))[:, None], np.abs(np.fft.fftfreq(160))
    leak_z, leak_x = 3 / 96, 3 / 160  # the window's own line width
    tangent = math.tan(math.radians(60))
    inside = kz - leak_z > tangent * (kx + leak_x)
    outside = kz + leak_z < tangent * (kx - leak_x)
    assert inside.sum() > 1000
    assert power[inside].sum() < 0.01 * power[outside].sum()
    assert power[inside].mean() < 0.01 * power[outside].mean()


@pytest.mark.parametrize("limit", [45, 60, 70])
def test_a_ball_is_elongated_as_the_wedge_demands(limit):
    picture = image(
        blob((65, 33, 129), 4.0), Microscope(2.0, (-limit, limit, 1), math.inf, 0, 0, 0)
    )
    z, y, x = 32, 16, 64
    peak = picture[z, y, x]
    across = 2 * peak - picture[z, y, x - 1] - picture[z, y, x + 1]
    along = 2 * peak - picture[z - 1, y, x] - picture[z + 1, y, x]
    alpha, mixed = math.radians(limit), math.sin(2 * math.radians(limit)) / 2
    # Radermacher's elongation factor: 1.55 at 60 degrees.
    assert math.sqrt(across / along) == pytest.approx(
        math.sqrt((alpha + mixed) / (alpha - mixed)), rel=0.03
    )


def test_a_ball_keeps_the_share_of_its_height_that_was_tilted_over():
    ball = blob((65, 33, 129), 6.0)
    picture = image(ball, PERFECT)
    ratio = (picture.max() - np.median(picture)) / ball.max()
    assert ratio == pytest.approx(60 / 90, rel=0.05)


def test_noise_is_what_the_dose_leaves():
    shape, dose, beam = (16, 64, 192), 2e6, Microscope(2.0, dose=2e6)
    spread = np.var(image(np.zeros(shape), beam))
    fourfold = np.var(image(np.zeros(shape), Microscope(2.0, dose=4 * dose, seed=1)))
    assert spread / fourfold == pytest.approx(4, rel=0.08)

    # The same from the literature's formulas: shot noise of each image through ramp and detector.
    tilt = np.deg2rad(beam.angles_deg)[:, None, None]
    k, ky = np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128))
    q = np.abs(k) / np.cos(tilt)
    radial = np.abs(k) * np.exp(-0.5 * (np.maximum(q - 0.35, 0) / 0.05) ** 2)
    filtered = radial * np.deg2rad(1.5) / np.cos(tilt) ** 2 * 0.3 ** (4 * (q**2 + ky**2))
    path = 2.0 / np.cos(tilt)
    arriving = dose / 81 * 0.15 * 2.0**2 * np.cos(tilt) * np.exp(-0.0025 * path * 16)
    each = (filtered**2).mean(axis=(1, 2), keepdims=True) / arriving / (0.006 * path) ** 2
    assert spread == pytest.approx(each.sum(), rel=0.05)


def test_gold_throws_streaks_along_its_rays():
    shape = (49, 21, 257)
    z, y, x = grid(shape)
    gold = 20 * (z**2 + y**2 + x**2 <= 3.5**2).astype(np.float32)
    picture = np.abs(image(gold, PERFECT) / 20)
    height = 20  # layers above the bead
    ray, beside = round(height * math.tan(math.radians(60))), 80
    streak = picture[24 + height, 10, 128 + ray - 5 : 128 + ray + 6].max()
    assert streak > 0.02
    assert streak > 5 * picture[24 + height, 10, 128 + beside :].max()
    assert streak > 5 * picture[24 + height, 0, 128 + ray]  # none along the tilt axis


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads():
    density = texture((9, 70, 60))
    density[4, 30:40, 20:30] += 2
    one, three = (
        to_bytes(image(density, Microscope(2.0, seed=5), threads=threads)) for threads in (1, 3)
    )
    np.testing.assert_array_equal(one, three)
    assert (one != to_bytes(image(density, Microscope(2.0, seed=6)))).mean() > 0.5


def test_dense_is_dark():
    density = np.full((24, 48, 48), 0.2, dtype=np.float32)
    z, y, x = grid(density.shape)
    ball = z**2 + y**2 + x**2 < 6**2
    density[ball] = 1
    grey = to_bytes(image(density, Microscope(2.0))).astype(float)
    assert grey[ball].mean() < grey[~ball].mean() - 40


def test_an_even_section_is_flat_up_to_its_borders():
    picture = image(np.full((12, 40, 50), 0.7, dtype=np.float32), PERFECT)
    assert np.ptp(picture) < 1e-3


def test_no_border_is_brighter_than_what_is_beside_it():
    shape = (24, 40, 200)
    slope = np.broadcast_to(0.5 + np.linspace(0, 1, 200), shape)  # its two ends do not match
    even = image(slope, PERFECT).mean(axis=(0, 1))
    assert np.abs(np.diff(even)).max() < 0.02
    assert np.diff(even[::20]).min() > 0  # dense remains dense
    picture = image(texture(shape), PERFECT)
    for border in (picture[:, :, :6], picture[:, :, -6:], picture[:, :3], picture[:, -3:]):
        assert border.std() < 1.5 * picture[:, 10:-10, 60:140].std()


def test_defocus_draws_fringes_and_misalignment_blurs():
    _, _, x = grid((9, 40, 120))
    edge = np.broadcast_to((x > 0).astype(np.float32) * 0.5, (9, 40, 120))
    angles = (-1.0, 1.0, 1.0)  # three nearly straight images: the edge stays an edge

    def steepest(**optics: float) -> float:
        series = Microscope(2.0, angles, math.inf, 0, **{"defocus_nm": 0, "jitter_nm": 0} | optics)
        return float(np.abs(np.diff(image(edge, series)[4, 20, 40:80])).max())

    assert steepest(defocus_nm=2000) > 1.1 * steepest()
    assert steepest(jitter_nm=20) < 0.9 * steepest()


def test_bytes_centre_on_128_and_cut_the_longer_tail():
    values = np.random.default_rng(0).gamma(4, size=(20, 100, 100)).astype(np.float32)
    grey = to_bytes(values, clipped=0.01)
    assert grey.mean() == pytest.approx(128, abs=1)
    assert (grey <= 1).mean() == pytest.approx(0.01, abs=0.002)
    assert (np.diff(grey.ravel()[np.argsort(values, axis=None)].astype(int)) <= 0).all()
    assert (to_bytes(np.full((2, 3, 4), 7.0)) == 128).all()


def test_few_electrons_are_counted_one_by_one():
    counted = room._counted(np.full((200, 200), 3.0, dtype=np.float32), np.random.default_rng(0))
    assert (counted == counted.round()).all()
    assert counted.mean() == pytest.approx(3, rel=0.03)
    assert counted.var() == pytest.approx(3, rel=0.05)
    assert np.isfinite(image(np.zeros((3, 20, 20)), Microscope(2.0, dose=50))).all()


@pytest.mark.parametrize("mean", [0.4, 12.0, 60.0])
def test_noise_does_not_hang_on_how_a_pixel_is_rounded(mean):
    """Two processors round otherwise; else all pixels after one would have other noise."""
    expected = np.full((100, 100), mean, dtype=np.float32)
    expected[0, 0] = mean / 3
    nearly = expected * np.float32(1 + 3e-7)
    one, other = (room._counted(e, np.random.default_rng(2)) for e in (expected, nearly))
    assert (np.abs(one - other) > 1e-3).sum() <= 1
    few, much = room._counted(expected, np.random.default_rng(2)), np.full((100, 100), 900.0)
    noise = room._counted(much.astype(np.float32), np.random.default_rng(2))
    assert np.corrcoef(few.ravel(), noise.ravel())[0, 1] > 0.7, "of the same deviates"


@settings(max_examples=15, deadline=None)
@given(depth=st.integers(1, 7), height=st.integers(1, 40), width=st.integers(1, 40))
def test_every_shape_comes_back_finite(depth, height, width):
    shares: list[float] = []
    picture = image(
        texture((depth, height, width)), Microscope(3.0, (-50, 40, 15)), progress=shares.append
    )
    assert picture.shape == (depth, height, width)
    assert picture.dtype == np.float32
    assert np.isfinite(picture).all()
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_angles_end_where_the_last_step_fits():
    assert Microscope(2.0).angles_deg[::80] == (-60, 60)
    assert len(Microscope(2.0).angles_deg) == 81
    assert Microscope(2.0, tilt=(-10, 11, 4)).angles_deg == (-10, -6, -2, 2, 6, 10)


@pytest.mark.parametrize(
    ("faulty", "words"),
    [
        ({"tilt": (60, -60, 1.5)}, "60,-60,1.5"),
        ({"tilt": (-90, 90, 1)}, "-80 to 80"),
        ({"tilt": (-60, 60, 0)}, "positive step"),
        ({"tilt": (-1, 1, 5)}, "positive step"),
        ({"dose": 0}, "dose of 0"),
        ({"dose": math.nan}, "dose of nan"),
        ({"voxel_nm": -1}, "voxel of -1 nm"),
        ({"jitter_nm": -1}, "misalignment of -1 nm"),
        ({"detector": 0}, "detector that transmits 0"),
        ({"detector": 1.5}, "detector that transmits 1.5"),
    ],
)
def test_a_wrong_microscope_is_refused_in_words(faulty, words):
    with pytest.raises(InputError, match=words):
        Microscope(**{"voxel_nm": 2.0} | faulty)
