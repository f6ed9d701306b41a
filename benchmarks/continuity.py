"""How alike the neighbouring slices of tomograms are, and where a stack jumps.

    python benchmarks/continuity.py FILE ...

Prints a Markdown table: the typical likeness of a slice and the next, and the slices that the next
one does not follow (src/seget/continuity.py).
"""

from __future__ import annotations

import sys

import seget
from seget.continuity import TELLING, Continuity


def main() -> None:
    """Print a row a file."""
    print("| file | slices | typical likeness | jumps after |")
    print("|---|---:|---:|---|")
    for path in sys.argv[1:]:
        volume = seget.read(path)
        seen = Continuity(volume)
        jumps = [z for z in range(volume.shape[0] - 1) if seen.jumps(z)]
        said = ", ".join(map(str, jumps)) or ("-" if seen.typical >= TELLING else "not told")
        print(f"| {path} | {volume.shape[0]} | {seen.typical:.2f} | {said} |", flush=True)


if __name__ == "__main__":
    main()
