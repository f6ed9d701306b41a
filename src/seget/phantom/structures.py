"""Names of the structures that a phantom can write masks of.

`all` or names with commas between -> names (checked)

It never says what they look like: the docstrings of `shapes`, `golgi` and `organelles` do.
"""

from __future__ import annotations

from collections.abc import Sequence

from seget.errors import InputError

# The five of the paper's section 3.1.
STRUCTURES = ("synapse", "microtubules", "centriole", "granules", "golgi")
# The others are in every phantom too. The envelope is the nuclear one: both membranes and the space
# between, without the pores. The reticulum is sheets and tubules.
ORGANELLES = ("mitochondria", "reticulum", "vesicles", "envelope", "ribosomes")
# Unit membranes of whatever they enclose: the one mask that shares voxels with others.
MEMBRANES = "membranes"
ALL_STRUCTURES = (*STRUCTURES, *ORGANELLES, MEMBRANES)


def checked(names: Sequence[str]) -> tuple[str, ...]:
    """Return some structures' names in the order of `ALL_STRUCTURES`; raise for an unknown one."""
    unknown = [name for name in names if name not in ALL_STRUCTURES]
    if unknown or not names:
        raise InputError(
            f"phantom: structures {', '.join(names) or '(none)'} were asked for, there are "
            f"{', '.join(ALL_STRUCTURES)}; name some of these, or say all."
        )
    return tuple(name for name in ALL_STRUCTURES if name in names)


def parsed(text: str) -> tuple[str, ...]:
    """Return the names in `all`, or in a text of names with commas between."""
    if text == "all":
        return ALL_STRUCTURES
    return checked([name.strip() for name in text.split(",") if name.strip()])
