"""Each task is worked on once: here, in real processes, on a real Dask cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from dask_cluster import local_cluster
from seget.errors import InputError, RunError
from seget.machine import free_memory_bytes
from seget.runners import Work, processes, run
from worker_tasks import (
    always_killed,
    at_a_time,
    free_memory,
    killed_once,
    slow_failure,
    square,
    until,
    until_unwanted,
    visible_gpu,
)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Two workers, each a process of its own."""
    with local_cluster(2) as address:
        yield address


def following(number: int, result: tuple[int, int]) -> list[int]:
    """From 1 follow 10 and 11, from 10 follows 100."""
    return {1: [10, 11], 10: [100]}.get(number, [])


@pytest.fixture(params=["here", "processes:2", "dask"])
def anywhere(request: pytest.FixtureRequest) -> str:
    where: str = request.param
    return request.getfixturevalue("scheduler") if where == "dask" else where


@pytest.fixture(params=["processes:2", "dask"])
def elsewhere(request: pytest.FixtureRequest) -> str:
    where: str = request.param
    return request.getfixturevalue("scheduler") if where == "dask" else where


def test_what_follows_from_a_task_is_done_too(anywhere: str) -> None:
    done = dict(run(Work(square, following), [1, 2, 3], anywhere))
    assert {task: result[0] for task, result in done.items()} == {
        number: number**2 for number in (1, 2, 3, 10, 11, 100)
    }


def test_what_follows_comes_before_what_waits() -> None:
    assert [task for task, _ in run(Work(square, following), [1, 2])] == [1, 10, 100, 11, 2]


def test_the_work_of_a_lost_worker_is_done_again(elsewhere: str, tmp_path: Path) -> None:
    done = dict(run(partial(killed_once, folder=tmp_path), range(5), elsewhere))
    assert (tmp_path / "2").exists(), "the first process that tried was killed"
    assert done == {number: number for number in range(5)}


def test_a_task_that_ends_every_worker_ends_nothing_else(elsewhere: str) -> None:
    work = Work(always_killed, lost=lambda task, sentence: sentence)
    done = dict(run(work, range(5), elsewhere))
    assert "was ended 4 times from outside" in str(done.pop(2))
    assert done == {number: number for number in (0, 1, 3, 4)}


def test_a_task_that_ends_every_worker_is_one_sentence() -> None:
    with pytest.raises(RunError, match=r"2: the process .* was ended 4 times from outside"):
        list(run(always_killed, [1, 2], "processes:1"))


def test_a_task_that_nobody_waits_for_ends(scheduler: str, tmp_path: Path) -> None:
    """Dask does not end what it cancels: the task asks."""
    done = run(partial(until_unwanted, folder=tmp_path), [1, 0], scheduler)
    assert next(done) == (0, 0)
    until(lambda: (tmp_path / "1 began").exists())
    time.sleep(0.2)
    assert not (tmp_path / "1 ended").exists()
    done.close()  # type: ignore[attr-defined]
    until(lambda: (tmp_path / "1 ended").exists())


def test_processes_share_memory_and_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seget.machine.cores", lambda: 6)
    ((_, (free, threads)),) = run(free_memory, [1], "processes:2")
    assert free < 0.6 * free_memory_bytes()
    assert threads == "3"


def test_each_process_sees_its_own_gpu() -> None:
    """It is told before torch is imported there, so that there need not be any."""
    seen = dict(processes.run(Work(visible_gpu), range(4), ["3", "5"]))
    assert set(seen.values()) == {"3", "5"}


def test_processes_end_with_the_one_that_started_them() -> None:
    script = """
import time
from seget.runners import run
from worker_tasks import square
if __name__ == "__main__":
    for _, result in run(square, range(10**6), "processes:1"):
        print(result[1], flush=True)
"""
    started = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert started.stdout is not None
    worker = psutil.Process(int(started.stdout.readline()))
    started.kill()
    started.communicate()
    worker.wait(timeout=10)


def test_here_tasks_are_done_one_by_one_in_order() -> None:
    done = run(square, [3, 1, 2])
    assert next(done) == (3, (9, os.getpid())), "nothing is done before it is asked for"
    assert [(task, result[0]) for task, result in done] == [(1, 1), (2, 4)]


def test_two_processes_share_the_tasks() -> None:
    done = dict(run(square, list(range(6)), "processes:2"))
    assert {task: result[0] for task, result in done.items()} == {n: n * n for n in range(6)}
    workers = {pid for _, pid in done.values()}
    assert 1 <= len(workers) <= 2
    assert os.getpid() not in workers


def test_an_error_in_a_process_is_raised_here() -> None:
    with pytest.raises(ValueError, match="zero"):
        list(run(slow_failure, range(8), "processes:2"))


def test_a_dask_cluster_does_the_tasks(scheduler: str) -> None:
    done = dict(run(square, [1, 2, 3, 3], scheduler))
    assert {task: result[0] for task, result in done.items()} == {1: 1, 2: 4, 3: 9}


def test_a_dask_worker_of_two_threads_is_refused() -> None:
    with local_cluster(1, processes=False, threads_per_worker=2) as address:
        done = run(square, [1, 2, 3], address)
        with pytest.raises(InputError, match=r"does 2 tasks at a time.* --nthreads 1"):
            list(done)


def test_a_dask_worker_that_offers_itself_once_does_one_task_at_a_time() -> None:
    said: list[str] = []
    with local_cluster(1, False, threads_per_worker=4, resources={"seget": 1}) as address:
        done = dict(run(Work(at_a_time, tell=said.append), range(4), address))
    assert set(done.values()) == {1}
    assert any(sentence.startswith("Dask's dashboard: http") for sentence in said)


@pytest.mark.parametrize("where", ["there", "processes:0", "processes:", "cloud:3", ""])
def test_an_unknown_place_is_one_sentence(where: str) -> None:
    with pytest.raises(InputError, match=r"--on .*: wanted here, processes:N"):
        run(square, [1], where)


def test_a_scheduler_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("seget.runners.cluster.ANSWER_S", 0.5)
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        list(run(square, [1], "tcp://127.0.0.1:9"))


def test_without_a_gpu_that_is_said() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match="no CUDA device"):
        run(square, [1], "gpus")
