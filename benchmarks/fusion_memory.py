"""What fusing a large tomogram takes: peak memory, and seconds a slice.

    python benchmarks/fusion_memory.py [--shape 608,2048,2048] [--slices 16] [--rules]

Scores of five structures are made up slice by slice, so that no disk is needed: discs that repeat
along z. Prints the peak resident memory over that of the imports, and seconds a slice of each part.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from seget.fusion import NO_RULES, Fusion, Rules

NAMES = ("synapse", "microtubules", "centriole", "granules", "golgi")
RULES = Rules.model_validate(
    {
        "priority": ["microtubules over golgi"],
        "structure": {
            "synapse": {"clear_nm": 20},
            "granules": {"not_inside": ["golgi"], "smallest_nm3": 1e4, "fill_holes": True},
            "golgi": {"fewest_slices": 2},
        },
    }
)


def scores(z: int, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Return made-up scores `(y, x)` of a slice: discs, some of which overlap."""
    found = {}
    for number, name in enumerate(NAMES):
        y, x = (np.arange(extent) for extent in shape)
        period, radius = 90 + 37 * number, 14 + 9 * number + z % 7
        apart = np.add.outer(
            ((y + 11 * number) % period - period / 2) ** 2, (x % period - period / 2) ** 2
        )
        found[name] = np.clip(127 * (1.3 - apart / (2 * radius**2)), 0, 127).astype(np.uint8)
        found[name][: shape[0] // 2] *= number % 2
    return found


def main() -> None:
    """Fuse, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default="608,2048,2048")
    parser.add_argument("--slices", type=int, default=16)
    parser.add_argument("--rules", action="store_true")
    asked = parser.parse_args()
    depth, height, width = map(int, asked.shape.split(","))
    plane = (height, width)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rules = RULES if asked.rules else NO_RULES
    one = Fusion(
        lambda z: scores(z, plane),
        NAMES,
        (min(depth, asked.slices), *plane),
        dict.fromkeys(NAMES, 0.5),
        rules,
        (5.0, 5.0, 5.0),
    )
    slices = one.shape[0]
    started = time.perf_counter()
    for z in range(slices):
        one.read(z)
    print(f"scores: {(time.perf_counter() - started) / slices:.2f} s a slice, in each reading")
    for name, part in (("labels", one.slice), ("conflicts", one.conflicts)):
        started = time.perf_counter()
        for z in range(slices):
            part(z)
        print(f"{name}: {(time.perf_counter() - started) / slices:.2f} s a slice")
    started = time.perf_counter()
    rows = one.table()
    print(f"table: {(time.perf_counter() - started) / slices:.2f} s a slice, {len(rows)} rows")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"peak memory: {peak / 1000:.0f} MB more than before, {slices} slices of {plane}")


if __name__ == "__main__":
    main()
