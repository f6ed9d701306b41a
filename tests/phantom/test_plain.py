"""Plain sections: the mean density of each section, and nothing of its neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seget.phantom.microscope import Microscope
from seget.phantom.plain import photograph

PERFECT = Microscope(4.0, None, math.inf, defocus_nm=0, jitter_nm=0)


def test_an_image_is_the_mean_density_of_its_section() -> None:
    density = np.repeat(np.array([0.1, 0.5, 0.3], np.float32), 4)[:, None, None]
    shown = photograph(np.broadcast_to(density, (12, 40, 50)), PERFECT, 40.0, 3)
    assert shown.shape == (3, 40, 50)
    assert shown.dtype == np.float32
    for section, expected in zip(shown, (0.1, 0.5, 0.3), strict=True):
        np.testing.assert_allclose(section, expected, rtol=1e-3)


def test_a_ball_is_seen_in_its_section_alone_unless_electrons_come_from_below() -> None:
    density = np.zeros((6, 40, 40), np.float32)
    density[2:4, 18:22, 18:22] = 0.2
    sharp = photograph(density, PERFECT, 10.0, 3)
    assert np.unravel_index(sharp.argmax(), sharp.shape)[0] == 1
    assert np.abs(sharp[[0, 2]]).max() < 1e-4
    deep = photograph(density, PERFECT, 10.0, 3, depth_nm=6.0)
    assert deep[[0, 2]].max() > 0.1 * deep[1].max()


@pytest.mark.parametrize("thickness", [5.0, 50.0])
def test_noise_is_what_the_dose_of_an_image_leaves(thickness: float) -> None:
    spread = [
        photograph(np.zeros((4, 128, 128)), Microscope(4.0, None, dose), thickness, 4).std()
        for dose in (2e5, 8e5)
    ]
    assert spread[0] / spread[1] == pytest.approx(2, rel=0.05)
    # One electron in QUANTUM_EFFICIENCY counts, resin absorbs some, the detector blurs.
    detector = np.exp(np.log(0.3) * 4 * np.add.outer(*[np.fft.fftfreq(128) ** 2] * 2))
    counted = 2e5 * 0.15 * 4.0**2 * np.exp(-0.0025 * thickness)
    expected = math.sqrt((detector**2).mean() / counted) / (0.006 * thickness)
    assert spread[0] == pytest.approx(expected, rel=0.03)


def test_slices_have_noise_of_their_own_and_the_seed_s() -> None:
    first, again, other = (
        photograph(np.zeros((3, 64, 64)), Microscope(4.0, None, 1e5, seed), 20.0, 3)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    for one, two in ((first[0], first[1]), (first[0], other[0])):
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.08


def test_a_beam_that_counts_pixel_by_pixel_has_white_noise() -> None:
    def next_pixel(detector: float) -> float:
        microscope = Microscope(4.0, None, 1e5, defocus_nm=0, detector=detector)
        [noise] = photograph(np.zeros((1, 128, 128)), microscope, 20.0, 1)
        return float(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1])

    assert abs(next_pixel(1.0)) < 0.03
    assert next_pixel(0.3) > 0.2
