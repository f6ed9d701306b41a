"""Fuses the score maps of all structures into one label volume.

{structure: scores} + thresholds + rules -> label ids, colours, what was decided

`pixelwise` decides each pixel by its scores, as the paper does; `rules` says what else can be
demanded of labels, `clearing` and `objects` apply it in 3-D, slice by slice; `stages` puts them in
their order. It never opens a file.
"""

from seget.fusion.colours import COLOURS, OTHER_COLOURS, colour
from seget.fusion.pixelwise import LARGEST_BYTE_ID, Decision, decide, fuse, with_prior
from seget.fusion.rules import NO_RULES, Rules, StructureRules
from seget.fusion.stages import Fusion, Row

__all__ = [
    "COLOURS",
    "LARGEST_BYTE_ID",
    "NO_RULES",
    "OTHER_COLOURS",
    "Decision",
    "Fusion",
    "Row",
    "Rules",
    "StructureRules",
    "colour",
    "decide",
    "fuse",
    "with_prior",
]
