"""Room: what the cells of a lookup find is what trying every ball finds."""

from __future__ import annotations

import numpy as np
import pytest

from seget.phantom.placing import CELL_NM, CleftSheet, Space


@pytest.mark.parametrize("seed", range(4))
def test_touching_is_found_for_small_and_large_balls(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def balls(n: int) -> np.ndarray:
        radius = rng.choice(
            [5.0, 60.0, CELL_NM - 1, CELL_NM + 1, 900.0], n, p=[0.5, 0.3, *[0.2 / 3] * 3]
        )
        return np.column_stack([rng.uniform(-800, 4000, (n, 3)), radius])

    space = Space(np.full(3, 4000.0), CleftSheet(np.zeros(3), np.array([1.0, 0, 0]), ()))
    taken = [balls(n) for n in (1, 40, 150)]
    for some in taken:
        space.take(some)
    every, asked, gap = np.concatenate(taken), balls(300), 12.0
    apart = np.linalg.norm(asked[:, None, :3] - every[None, :, :3], axis=2)
    expected = (apart < asked[:, None, 3] + every[None, :, 3] + gap).any(axis=1)
    assert 0 < expected.sum() < 300
    assert np.array_equal(space.touches(asked, gap), expected)
    assert [space.touches(ball[None], gap)[0] for ball in asked] == expected.tolist()
