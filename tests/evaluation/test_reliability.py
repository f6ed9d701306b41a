from __future__ import annotations

import io

import numpy as np
from PIL import Image

from seget.evaluation import draw_reliability

ROWS = [
    {"pixels": 90, "score": 0.1, "foreground": 0.2},
    {"pixels": 10, "score": 0.9, "foreground": 0.8},
]


def test_a_structure_leaves_points_and_one_that_is_nowhere_leaves_none() -> None:
    found = {"calibration_error": 0.1, "reliability": ROWS}
    nowhere = {"calibration_error": None, "reliability": []}
    pictures = []
    for structures in ({"granules": found, "$x_$": nowhere}, {"$x_$": nowhere}):
        png = io.BytesIO()
        draw_reliability(png, structures)
        pictures.append(np.asarray(Image.open(png).convert("RGB")))
    blue = [(picture == (0, 0, 255)).all(axis=-1).sum() for picture in pictures]
    assert blue[0] > 100
    assert blue[1] == 0
