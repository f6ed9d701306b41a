"""Names of files for structures, which may be called anything.

names of structures -> names of files, all different, none of which leaves its folder
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST = 100


def names_of_files(structures: Sequence[str]) -> dict[str, str]:
    """Return a name of a file, without suffix, for each structure.

    >>> names_of_files(["golgi", "../golgi", "Golgi apparatus", "Golgi_apparatus"])
    {'golgi': 'golgi', '../golgi': 'golgi-2', 'Golgi apparatus': 'Golgi_apparatus', \
'Golgi_apparatus': 'Golgi_apparatus-2'}
    """
    found: dict[str, str] = {}
    for structure in structures:
        plain = re.sub(r"[^A-Za-z0-9.-]+", "_", structure).strip("._")[:LONGEST] or "structure"
        name, number = plain, 2
        while name.lower() in {other.lower() for other in found.values()}:
            name, number = f"{plain}-{number}", number + 1
        found[structure] = name
    return found
