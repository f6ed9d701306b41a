"""Recipes that cut small patches of a small tomogram, and its shape."""

from __future__ import annotations

from seget.recipes import Recipe, golgi, modern

EDGE = 96
SHAPE = (12, EDGE, EDGE)


def plain(*settings: str) -> Recipe:
    """Return a recipe that samples small patches as they are."""
    still = ("flips=no", "warp=0", "grey=0", "noise=0", "patch_px=32", "batch_size=4")
    return modern().override([*still, *settings])


def gridded(*settings: str) -> Recipe:
    """Return a paper's recipe on small patches: 32 px every 16."""
    return golgi().override(["patch_px=32", "stride_px=16", *settings])
