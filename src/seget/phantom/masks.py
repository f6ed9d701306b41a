"""Masks of a tomogram's slices, from the labels of the layers that were painted.

labels and membranes (layer, y, x) -> structure -> mask (z, y, x), 0 or 1

It never paints. Where a slice is one layer, a mask is the voxels of one label.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from seget.phantom.painting import Canvas, Labels
from seget.phantom.settings import Settings
from seget.phantom.structures import ALL_STRUCTURES, MEMBRANES

# A pixel of a thick section belongs to the structure that fills most of its depth, if that is this
# share or more: a microtubule lying in a section of 60 nm is seen, and drawn.
SEEN_SHARE = 1 / 3


def masks(canvas: Canvas, settings: Settings) -> dict[str, Labels]:
    """Return the masks of the structures that are wanted, in the order of `ALL_STRUCTURES`."""
    buried = settings.picture.buried * settings.layers
    kept = slice(buried, len(canvas.labels) - buried)
    layers, labels = settings.layers, canvas.labels[kept]
    if layers > 1:
        labels = _most_of(labels, layers)
    found = {}
    for name in settings.structures:
        if name == MEMBRANES and canvas.membranes is not None:
            membranes = canvas.membranes[kept]
            found[name] = _share(membranes, layers) if layers > 1 else membranes
        else:
            found[name] = (labels == ALL_STRUCTURES.index(name) + 1).astype(np.uint8)
    return found


def _most_of(labels: Labels, layers: int) -> Labels:
    """Label that fills most of each pixel of a section, 0 where none fills enough."""
    stack = labels.reshape(-1, layers, *labels.shape[1:])
    result = np.zeros((len(stack), *labels.shape[1:]), dtype=np.uint8)
    most = np.full(result.shape, np.ceil(SEEN_SHARE * layers) - 1, dtype=np.uint8)
    for label in range(1, len(ALL_STRUCTURES) + 1):
        count = (stack == label).sum(axis=1, dtype=np.uint8)
        more = count > most
        result[more], most[more] = label, count[more]
    return result


def _share(mask: Labels, layers: int) -> Labels:
    """Whether enough of the layers of each pixel and its neighbours are in a mask."""
    count = mask.reshape(-1, layers, *mask.shape[1:]).sum(axis=1, dtype=np.float32)
    # A membrane as thin as a layer would be striped where it leans.
    count = uniform_filter(count, (1, 3, 3), mode="nearest")
    seen: Labels = (count >= SEEN_SHARE * layers).astype(np.uint8)
    return seen
