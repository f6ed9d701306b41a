"""Each task is worked on once: here, in real processes, on a real Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from seget.errors import InputError
from seget.runners import run
from worker_tasks import slow_failure, square


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", protocol="tcp"
    ) as cluster:
        yield cluster.scheduler_address


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
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0", protocol="tcp"
    ) as cluster:
        done = run(square, [1, 2, 3], cluster.scheduler_address)
        with pytest.raises(InputError, match=r"does 2 tasks at a time.* --nthreads 1"):
            list(done)


@pytest.mark.parametrize("where", ["there", "processes:0", "processes:", "cloud:3", ""])
def test_an_unknown_place_is_one_sentence(where: str) -> None:
    with pytest.raises(InputError, match=r"--on .*: wanted here, processes:N"):
        run(square, [1], where)


def test_a_scheduler_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("seget.runners.ANSWER_S", 0.5)
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        list(run(square, [1], "tcp://127.0.0.1:9"))


def test_without_a_gpu_that_is_said() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match="no CUDA device"):
        run(square, [1], "gpus")
