"""Random fields: unit variance, correlated over the length asked for, the same in every block."""

from __future__ import annotations

import numpy as np
import pytest

from seget.phantom.noise import lattice_noise, ripples


def axes(shape: tuple[int, int, int], voxel_nm: float) -> tuple[np.ndarray, ...]:
    return tuple((np.arange(n, dtype=np.float32) + 0.5) * voxel_nm for n in shape)


@pytest.mark.parametrize("scale_nm", [6.0, 15.0, 40.0])
def test_mean_0_variance_1(scale_nm: float) -> None:
    field = lattice_noise(axes((40, 200, 200), 4.51), scale_nm, 3)
    assert field.dtype == np.float32
    assert abs(field.mean()) < 0.1
    assert field.std() == pytest.approx(1, abs=0.05)


def test_a_block_is_a_piece_of_the_whole() -> None:
    z, y, x = axes((12, 90, 80), 4.51)
    whole = lattice_noise((z, y, x), 20.0, 7)
    block = lattice_noise((z[3:9], y[40:70], x[11:60]), 20.0, 7)
    assert np.allclose(whole[3:9, 40:70, 11:60], block, atol=1e-5)


def test_a_finer_voxel_samples_the_same_field() -> None:
    coarse = lattice_noise(axes((9, 50, 50), 6.0), 25.0, 1)
    fine = lattice_noise(axes((27, 150, 150), 2.0), 25.0, 1)
    assert np.allclose(fine[1::3, 1::3, 1::3], coarse, atol=1e-5)


def test_correlation_falls_over_the_scale() -> None:
    field = lattice_noise(axes((30, 300, 300), 5.0), 25.0, 2)

    def correlation(lag_px: int) -> float:
        return float((field[..., lag_px:] * field[..., : 300 - lag_px]).mean())

    assert correlation(1) > 0.9
    assert correlation(5) == pytest.approx(0.5, abs=0.12)
    assert abs(correlation(20)) < 0.05


def test_seeds_and_scales_differ() -> None:
    at = axes((8, 40, 40), 4.0)
    fields = [lattice_noise(at, scale, seed) for scale, seed in ((8, 0), (8, 1), (16, 0))]
    for i in range(3):
        for j in range(i):
            assert abs(np.corrcoef(fields[i].ravel(), fields[j].ravel())[0, 1]) < 0.1


def test_ripples_have_variance_1_in_any_frame() -> None:
    z, y, x = (
        axis.reshape(shape)
        for axis, shape in zip(
            axes((30, 120, 120), 5.0), ((-1, 1, 1), (1, -1, 1), (1, 1, -1)), strict=True
        )
    )
    field = ripples((z, (y + x) / np.sqrt(2), (y - x) / np.sqrt(2)), 60.0, 4, waves=12)
    assert field.shape == (30, 120, 120)
    assert field.std() == pytest.approx(1, abs=0.1)
