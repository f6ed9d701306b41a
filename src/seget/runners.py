"""Runs tasks: in this process, in several, in one for each GPU, or on a Dask cluster.

function + tasks -> (task, result) as they finish

It never keeps a result. Function, tasks and results must be picklable, since they are sent to other
processes.
"""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

from seget import machine
from seget.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")

ANSWER_S = 10.0
WHERE = "here, processes:N, gpus, or a Dask scheduler's address (tcp://host:8786)"


def run(
    work: Callable[[Task], Result], tasks: Sequence[Task], where: str = "here"
) -> Iterator[tuple[Task, Result]]:
    """Yield each task with its result: in order if `here`, else as they finish.

    Parameters
    ----------
    work
        A function at the top level of a module, or a `functools.partial` of one.
    tasks
        What it is called with, one at a time.
    where
        `here`; `processes:N`, which share the machine's cores; `gpus`, one process for each; or the
        address of a Dask scheduler, whose workers must see the same files and have one thread each.

    Raises
    ------
    InputError
        `where` is none of these, there is no GPU, no scheduler answers, or a Dask worker does
        several tasks at a time.
    """
    check(where)
    if where == "here":
        return ((task, work(task)) for task in tasks)
    if where == "gpus":
        return _in_processes(work, tasks, _gpus())
    kind, _, rest = where.partition(":")
    if kind == "processes":
        return _in_processes(work, tasks, [None] * int(rest))
    return _on_dask(work, tasks, where)


def check(where: str) -> None:
    """Refuse a `where` that `run` does not know, before any work begins.

    Raises
    ------
    InputError
        `where` is none of them, or asks for GPUs where there are none.
    """
    if where == "gpus":
        _gpus()
    elif where != "here" and not re.fullmatch(r"processes:[1-9]\d*|\w+://.+", where):
        raise InputError(f"--on {where}: wanted {WHERE}.")


def _gpus() -> list[str | None]:
    """Return the numbers of the CUDA devices."""
    import torch

    if not torch.cuda.is_available():
        raise InputError("--on gpus: torch finds no CUDA device here; leave it out.")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible:
        return list(visible.split(","))
    return [str(number) for number in range(torch.cuda.device_count())]


def _in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], gpus: list[str | None]
) -> Iterator[tuple[Task, Result]]:
    # Spawned, not forked: torch hangs in a forked process, whose threads are gone.
    context = multiprocessing.get_context("spawn")
    shares = context.Queue()
    cores = max(1, (os.cpu_count() or 1) // len(gpus))
    for gpu in gpus:
        shares.put((gpu, cores))
    with ProcessPoolExecutor(len(gpus), context, _begin, (shares,)) as pool:
        futures: dict[Future[Result], Task] = {pool.submit(work, task): task for task in tasks}
        yield from _collected(futures)


def _begin(shares: Any) -> None:
    """Give a new process its GPU and its cores, before torch is imported there.

    The process is ours alone, so malloc may be told to keep what is freed; a Dask worker is not.
    """
    machine.keep_freed_memory()
    gpu, cores = shares.get()
    os.environ["OMP_NUM_THREADS"] = str(cores)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu


def _collected(futures: dict[Future[Result], Task]) -> Iterator[tuple[Task, Result]]:
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:  # after an error or Ctrl-C no further task begins
        for future in futures:
            future.cancel()


def _on_dask(
    work: Callable[[Task], Result], tasks: Sequence[Task], address: str
) -> Iterator[tuple[Task, Result]]:
    try:
        distributed: Any = import_module("distributed")  # Any: few of its functions are typed
    except ImportError:
        raise InputError(
            f"--on {address}: Dask is not installed; pip install 'seget[cluster]'."
        ) from None
    try:
        client = distributed.Client(address, timeout=ANSWER_S)
    except OSError as error:
        raise InputError(f"--on {address}: no Dask scheduler answers ({error}).") from None
    with client:
        # pure=False: Dask must not replace a second run of a task by the result of the first.
        alone = partial(_alone, work)
        futures = {client.submit(alone, task, pure=False): task for task in tasks}
        try:
            for future in distributed.as_completed(list(futures)):
                yield futures[future], future.result()
        finally:
            client.cancel(list(futures))


def _alone(work: Callable[[Task], Result], task: Task) -> Result:
    """Do a task in a Dask worker that does one at a time, and refuse to in another.

    It is asked on the worker: workers come and go while the tasks wait. Tasks side by side would
    share the threads of torch, a GPU and its memory, and none would be timed right.
    """
    worker: Any = import_module("distributed").get_worker()
    if worker.state.nthreads > 1:
        raise InputError(
            f"{worker.address}: this Dask worker does {worker.state.nthreads} tasks at a time, "
            "wanted one; start it with --nthreads 1, and several workers for several tasks."
        )
    return work(task)
