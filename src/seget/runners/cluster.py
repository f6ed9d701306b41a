"""Runs tasks on the workers of a Dask cluster, each of which does one at a time.

function + tasks + scheduler -> (task, result) as they finish

It never starts a worker. Workers must see the same files under the same names, and have the same
seget installed.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import partial
from importlib import import_module
from time import sleep
from typing import Any, TypeVar

from seget import machine
from seget.errors import InputError, RunError
from seget.runners.work import Work

Task = TypeVar("Task")
Result = TypeVar("Result")

ANSWER_S = 10.0
LOOK_S = 2.0  # seconds after which new workers get a task, even if none has ended
# What a worker of several threads offers to get one task at a time: dask worker --resources.
RESOURCE = "seget"


def require(where: str) -> Any:
    """Return the library.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        return import_module("distributed")  # Any: few of its functions are typed
    except ImportError:
        raise InputError(
            f"--on {where}: Dask is not installed; pip install 'seget[cluster]'."
        ) from None


def run(
    work: Work[Task, Result], tasks: Sequence[Task], scheduler: Any
) -> Iterator[tuple[Task, Result]]:
    """Yield each task with its result, done by the workers of a scheduler.

    Parameters
    ----------
    scheduler
        Its address, or a cluster that was started.
    """
    distributed = require(str(scheduler))
    where = scheduler if isinstance(scheduler, str) else scheduler.scheduler_address
    try:
        client = distributed.Client(scheduler, timeout=ANSWER_S)
    except OSError as error:
        raise InputError(f"--on {where}: no Dask scheduler answers ({error}).") from None
    with client:
        with suppress(KeyError):  # a scheduler without a dashboard
            work.say(f"Dask's dashboard: {client.dashboard_link}")
        try:
            yield from _done(work, tasks, client, distributed)
        except (CancelledError, import_module("distributed.comm").CommClosedError):
            raise RunError(
                f"--on {where}: the Dask scheduler was lost; start it, and run the same command "
                "again: what is finished is kept."
            ) from None


def _done(
    work: Work[Task, Result], tasks: Sequence[Task], client: Any, distributed: Any
) -> Iterator[tuple[Task, Result]]:
    """Give each worker one task: Dask blames a lost worker on all that were assigned to it."""
    alone = partial(_alone, work.do)
    resources = _resources(work, client)
    waiting = deque(tasks)
    running: dict[Any, Task] = {}
    try:
        while waiting or running:
            while waiting and len(running) < len(client.nthreads()):
                task = waiting.popleft()
                # pure=False: a second run must not be replaced by the result of the first.
                running[client.submit(alone, task, pure=False, resources=resources)] = task
            for future in _ended(running, distributed):
                task = running.pop(future)
                try:
                    result = future.result()
                except distributed.KilledWorker as error:
                    result = work.give_up(task, error.allowed_failures + 1)
                waiting.extendleft(reversed(work.follow(task, result)))
                yield task, result
    finally:
        client.cancel(list(running))


def _ended(running: Collection[Any], distributed: Any) -> Collection[Any]:
    """Return those of the futures that ended, after a while none: there may be new workers."""
    if not running:
        sleep(LOOK_S)
        return ()
    try:
        ended: Collection[Any] = distributed.wait(
            list(running), timeout=LOOK_S, return_when="FIRST_COMPLETED"
        ).done
    except TimeoutError:
        return ()
    return ended


def _resources(work: Work[Task, Result], client: Any) -> dict[str, int] | None:
    """Return what to ask of a worker, so that it does one task at a time; None for one thread."""
    if not client.nthreads():
        work.say("No Dask worker is there yet; waiting for the first.")
        client.wait_for_workers(1)
    workers = client.scheduler_info()["workers"].values()
    offered = any(RESOURCE in worker["resources"] for worker in workers)
    return {RESOURCE: 1} if offered else None


def is_wanted() -> bool:
    """Whether somebody waits for the task at hand; in a process that is no Dask worker, True.

    Dask does not end a task that it cancels, after Ctrl-C or because the one who asked is gone.
    """
    distributed: Any = sys.modules.get("distributed")
    try:
        worker = distributed.get_worker()
        task = worker.state.tasks.get(worker.get_current_task())
    except (AttributeError, ValueError):  # no Dask, no worker
        return True
    return task is not None and task.state != "cancelled"


def _alone(do: Any, task: Any) -> Any:
    """Do a task in a Dask worker that does one at a time, and refuse to in another.

    It is asked on the worker: workers come and go while the tasks wait. Tasks side by side would
    share the threads of torch, a GPU and its memory, and none would be timed right.
    """
    worker: Any = import_module("distributed").get_worker()
    threads = worker.state.nthreads
    if threads > 1 and worker.state.total_resources.get(RESOURCE) != 1:
        raise InputError(
            f"{worker.address}: this Dask worker does {threads} tasks at a time, wanted one; start "
            f"it with --nthreads 1 or --resources {RESOURCE}=1, and several for several tasks."
        )
    machine.limit_memory(worker.memory_manager.memory_limit)
    try:
        return do(task)
    finally:  # a worker may live in a process that has other work too
        machine.limit_memory(None)
