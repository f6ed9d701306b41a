"""Runs tasks: in this process, in several, in one for each GPU, or on a Dask cluster.

function + tasks -> (task, result) as they finish

It never keeps a result. Function, tasks and results must be picklable, since they are sent to other
processes, which share nothing but the file system. `processes` runs them on this machine, `cluster`
by Dask on others, whose jobs `job_queue` asks SLURM, PBS or LSF for.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TypeVar

from seget.errors import InputError
from seget.runners import cluster, job_queue, processes
from seget.runners.work import Work

__all__ = ["WHERE", "Work", "check", "is_wanted", "run"]

Task = TypeVar("Task")
Result = TypeVar("Result")

is_wanted = cluster.is_wanted

WHERE = (
    "here, processes:N, gpus, a Dask scheduler's address (tcp://host:8786), or slurm, pbs or lsf "
    "(slurm:FILE.toml)"
)


def run(
    work: Callable[[Task], Result] | Work[Task, Result],
    tasks: Sequence[Task],
    where: str = "here",
) -> Iterator[tuple[Task, Result]]:
    """Yield each task with its result: in order if `here`, else as they finish.

    A task whose worker is lost is done again by another one.

    Parameters
    ----------
    work
        A function at the top level of a module, or a `functools.partial` of one; or a `Work`, which
        says, too, what follows from a task, and what becomes of one whose workers are all lost.
    tasks
        What it is called with, one at a time.
    where
        `here`; `processes:N`, which share the machine's cores and memory; `gpus`, one process for
        each; the address of a Dask scheduler, whose workers see the same files and do one task at
        a time; or `slurm`, `pbs` or `lsf`, with a file of `job_queue.Table` behind a colon.

    Raises
    ------
    InputError
        `where` is none of these, there is no GPU, no scheduler answers, or a Dask worker does
        several tasks at a time.
    RunError
        The workers of a task are lost, or a scheduler is.
    """
    check(where)
    work = work if isinstance(work, Work) else Work(work)
    kind, _, rest = where.partition(":")
    if where == "here":
        return _here(work, tasks)
    if where == "gpus":
        return processes.run(work, tasks, _gpus())
    if kind == "processes":
        return processes.run(work, tasks, [None] * int(rest))
    if kind in job_queue.KINDS:
        return _on_jobs(work, tasks, where)
    return cluster.run(work, tasks, where)


def check(where: str) -> None:
    """Refuse a `where` that `run` does not know, before any work begins.

    Raises
    ------
    InputError
        `where` is none of them, asks for GPUs where there are none, for Dask where it is not
        installed, or for jobs that no file describes.
    """
    kind = where.partition(":")[0]
    if where == "gpus":
        _gpus()
    elif kind in job_queue.KINDS:
        job_queue.read_table(where)
    elif re.fullmatch(r"\w+://.+", where):
        cluster.require(where)
    elif where != "here" and not re.fullmatch(r"processes:[1-9]\d*", where):
        raise InputError(f"--on {where}: wanted {WHERE}.")


def _here(work: Work[Task, Result], tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
    waiting = deque(tasks)
    while waiting:
        task = waiting.popleft()
        result = work.do(task)
        waiting.extendleft(reversed(work.follow(task, result)))
        yield task, result


def _on_jobs(
    work: Work[Task, Result], tasks: Sequence[Task], where: str
) -> Iterator[tuple[Task, Result]]:
    if tasks:
        with closing(job_queue.started(where, len(tasks))) as jobs:
            yield from cluster.run(work, tasks, jobs)


def _gpus() -> list[str | None]:
    """Return the numbers of the CUDA devices."""
    import torch

    if not torch.cuda.is_available():
        raise InputError("--on gpus: torch finds no CUDA device here; leave it out.")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible:
        return list(visible.split(","))
    return [str(number) for number in range(torch.cuda.device_count())]
