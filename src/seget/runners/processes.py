"""Runs tasks in processes of this machine, each with its share of cores and memory, or its GPU.

function + tasks -> (task, result) as they finish

It never forks: torch hangs in a forked process, whose threads are gone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import TypeVar

from seget import machine
from seget.runners.work import MOST_LOSSES, Work

Task = TypeVar("Task")
Result = TypeVar("Result")

# Of a process that does tasks: whether it does one, and whether it is to stop.
_WORKING: list[bool] = []
_INTERRUPTED: list[bool] = []


@dataclass(frozen=True)
class Share:
    """What one of several processes may use of the machine."""

    cores: int
    memory_bytes: int

    @classmethod
    def of(cls, number: int) -> Share:
        """Return the share of one of `number` processes."""
        return cls(max(1, machine.cores() // number), machine.free_memory_bytes() // number)


@dataclass
class _Slot:
    """A process that does one task after the other, and is replaced if it is lost.

    Each is a pool of its own: a pool of several is broken as a whole when one of them is lost, and
    does not say which task that one had.
    """

    gpu: str | None
    share: Share
    stop: Connection
    pool: ProcessPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Make the process, or a new one; it begins to run with its first task."""
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(1, context, _begin, (self.gpu, self.share, self.stop))

    def submit(self, do: Callable[[Task], Result], task: Task) -> Future[Result]:
        return self.pool.submit(partial(_work, do), task)


def run(
    work: Work[Task, Result], tasks: Sequence[Task], gpus: Sequence[str | None]
) -> Iterator[tuple[Task, Result]]:
    """Yield each task with its result, done by one process for each of `gpus` (None: without)."""
    share = Share.of(len(gpus))
    stopped, stop = multiprocessing.Pipe(duplex=False)
    idle = [_Slot(gpu, share, stopped) for gpu in gpus]
    slots = list(idle)
    waiting = deque((task, 0) for task in tasks)
    running: dict[Future[Result], tuple[Task, int, _Slot]] = {}
    try:
        while waiting or running:
            while waiting and idle:
                slot, (task, losses) = idle.pop(0), waiting.popleft()
                running[slot.submit(work.do, task)] = task, losses, slot
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task, losses, slot = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    slot.start()
                    if losses < MOST_LOSSES:
                        idle.append(slot)
                        waiting.append((task, losses + 1))
                        continue
                    result = work.give_up(task, losses + 1)
                idle.append(slot)
                waiting.extendleft((one, 0) for one in reversed(work.follow(task, result)))
                yield task, result
    except BaseException:  # after an error or Ctrl-C no further task begins, and none goes on
        stop.close()
        raise
    finally:
        for slot in slots:
            slot.pool.shutdown(wait=True, cancel_futures=True)
        stop.close()
        stopped.close()


def _begin(gpu: str | None, share: Share, stop: Connection) -> None:
    """Prepare a new process, before torch is imported there."""
    settle(gpu, share)
    signal.signal(signal.SIGINT, _interrupt)
    threading.Thread(target=_obey, args=(stop,), daemon=True).start()


def settle(gpu: str | None, share: Share) -> None:
    """Give this process its GPU, cores and memory.

    The process is ours alone, so malloc may be told to keep what is freed; a Dask worker is not.
    """
    machine.keep_freed_memory()
    machine.limit_memory(share.memory_bytes)
    os.environ["OMP_NUM_THREADS"] = str(share.cores)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu


def _work(do: Callable[[Task], Result], task: Task) -> Result:
    if _INTERRUPTED:
        raise KeyboardInterrupt
    _WORKING.append(True)
    try:
        return do(task)
    finally:
        _WORKING.clear()


def _interrupt(*_: object) -> None:
    """End the task at hand as Ctrl-C does; a second time, it is left to save what it has."""
    is_first = not _INTERRUPTED
    _INTERRUPTED.append(True)
    if is_first and _WORKING:
        raise KeyboardInterrupt


def _obey(stop: Connection) -> None:
    """Interrupt this process when `stop` is closed; end it when the one that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if parent.sentinel not in wait_for([parent.sentinel, stop]):
        os.kill(os.getpid(), signal.SIGINT)
        parent.join()
    os._exit(1)  # nobody waits for its work
