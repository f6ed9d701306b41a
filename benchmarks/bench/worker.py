"""A process that does one job whenever it is told to, and says how long it took.

    python -m benchmarks.bench.worker NAME

Prints "ready" once it is prepared and warm; then for each line that comes in, seconds.
"""

from __future__ import annotations

import sys
from time import perf_counter

from benchmarks.bench.jobs import JOBS

WARM = 2


def main() -> None:
    """Serve."""
    work = JOBS[sys.argv[1]]()
    for _ in range(WARM):
        work()
    print("ready", flush=True)
    for _ in sys.stdin:
        started = perf_counter()
        work()
        print(perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
