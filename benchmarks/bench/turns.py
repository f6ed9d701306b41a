"""Jobs that take turns, each in a process of its own.

names of jobs -> median seconds of each
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
ROUNDS = 5


class Worker:
    """A process that waits to do its job."""

    def __init__(self, job: str) -> None:
        words = [sys.executable, "-m", "benchmarks.bench.worker", job]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
        self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"a worker of the benchmark ended: {self.process.args}")
        return answer

    def seconds(self) -> float:
        """Let it do its job once; return how long it took."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self._answer())

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


def in_turn(jobs: Sequence[str], rounds: int = ROUNDS, times: int = 1) -> dict[str, float]:
    """Return the median seconds of each job; `times` in a row each turn, of which the last counts.

    A second time in a row is what a loop sees: caches hold what the job itself left there.
    """
    with ExitStack() as stack:
        workers = {job: stack.enter_context(Worker(job)) for job in jobs}
        taken: dict[str, list[float]] = {job: [] for job in jobs}
        for _ in range(rounds):
            for job, worker in workers.items():
                taken[job].append([worker.seconds() for _ in range(times)][-1])
    return {job: median(seconds) for job, seconds in taken.items()}
