"""A patch augmented in one go: drawn and applied."""

from __future__ import annotations

import numpy as np

from seget.augmentation import Patch, augment, draw
from seget.recipes import Recipe


def augmented(patch: Patch, recipe: Recipe, margin: int, rng: np.random.Generator) -> Patch:
    channels, size, _ = patch[0].shape
    view = draw((channels, size - 2 * margin, size - 2 * margin), recipe, rng)
    return augment(patch, view, margin)
