"""Colours of structures: those of figure 4, and others for names that the paper does not have.

structure, its position -> #rrggbb

It never draws.
"""

from __future__ import annotations

from collections.abc import Mapping

COLOURS: Mapping[str, str] = {
    "synapse": "#ffffff",
    "microtubules": "#ff0000",
    "centriole": "#ffff00",
    "granules": "#0000ff",
    "golgi": "#00ff00",
}

# For structures the paper does not have: bright enough for black, none close to figure 4's.
OTHER_COLOURS = (
    "#00ffff",
    "#ff00ff",
    "#ff9000",
    "#8c78ff",
    "#00a090",
    "#ffa0b4",
    "#a0a0a0",
    "#b06020",
    "#90d0ff",
    "#a02080",
    "#c8e6a0",
    "#808000",
)


def colour(structure: str, index: int) -> str:
    """Colour of a structure as `#rrggbb`: that of figure 4, else one of `OTHER_COLOURS`.

    Parameters
    ----------
    structure
        Name of the structure.
    index
        Its position among the structures, 0-based; only used for names figure 4 does not have.
        Twelve in a row differ, then the colours repeat.
    """
    return COLOURS.get(structure, OTHER_COLOURS[index % len(OTHER_COLOURS)])
