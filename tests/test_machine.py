"""Sizes as people write them; and whose malloc is changed: a command's and a worker's, no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import seget as front_door
from seget import machine
from seget.errors import InputError, RunError
from seget.machine import keep_freed_memory, parse_bytes
from seget.runners.processes import Share, settle
from seget.training import Run
from training_runs import short

Seget = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("4G", 4e9), ("4 GB", 4e9), ("500 MB", 5e8), ("1.5g", 1.5e9), ("70k", 7e4), ("123", 123)],
)
def test_a_size_is_read_in_powers_of_ten(text: str, wanted: float) -> None:
    assert parse_bytes(text, "--max-memory") == wanted


@pytest.mark.parametrize(
    "text", ["", "0", "0.2", "-4G", "much", "1,5G", "1.5.5G", "4 G of it", "4GB!", "9" * 400 + "G"]
)
def test_what_is_no_size_is_one_sentence(text: str) -> None:
    with pytest.raises(InputError, match=r"--max-memory .*: wanted a size as 4G or 500M"):
        parse_bytes(text, "--max-memory")


GB = 10**9


def group(folder: Path, limit: object, current: int, cached: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{current}\n")
    stat = f"anon {current - cached}\nactive_file {cached // 2}\ninactive_file {cached // 2}\n"
    (folder / "memory.stat").write_text(stat)


def test_a_job_has_the_memory_that_it_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Under SLURM the limit is on a group within groups; files in its memory do not count."""
    (tmp_path / "own").write_text("1:name=systemd:/\n0::/slurm/job_7/step_0\n")
    monkeypatch.setattr(machine, "OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(machine, "CGROUP", tmp_path / "groups")
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=500 * GB))
    assert machine.free_memory_bytes() == 500 * GB
    group(tmp_path / "groups" / "slurm" / "job_7", 16 * GB, 15 * GB, cached=14 * GB)
    group(tmp_path / "groups" / "slurm" / "job_7" / "step_0", "max", GB)
    assert machine.free_memory_bytes() == 15 * GB
    group(tmp_path / "groups" / "slurm" / "job_7" / "step_0", 8 * GB, GB)
    assert machine.free_memory_bytes() == 7 * GB


def test_a_worker_counts_on_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_limits", [])
    machine.limit_memory(0)
    assert machine.free_memory_bytes() == 0
    machine.limit_memory(2**60)
    assert 0 < machine.free_memory_bytes() < 2**60
    machine.limit_memory(0)
    machine.limit_memory(None)
    assert machine.free_memory_bytes() > 0


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens, in order: malloc is changed, or somebody asks for a training or comparison."""
    events: list[str] = []

    def stop(*_: object) -> None:
        events.append("work")
        raise RunError("that is enough")

    monkeypatch.setattr("seget.machine.keep_freed_memory", lambda: events.append("malloc"))
    monkeypatch.setattr("seget.training.train", stop)
    monkeypatch.setattr("seget.comparison.compare", stop)
    return events


@pytest.mark.parametrize("command", ["train", "compare", "demo"])
def test_a_command_that_trains_changes_malloc_first(
    events: list[str],
    monkeypatch: pytest.MonkeyPatch,
    seget: Seget,
    small_dataset: Path,
    tmp_path: Path,
    command: str,
) -> None:
    monkeypatch.setattr("seget.cli.demo.write_phantom", lambda *_: small_dataset)
    dataset = [] if command == "demo" else [small_dataset]
    code, _, err = seget(command, *dataset, "-o", tmp_path / "out")
    assert (code, events) == (1, ["malloc", "work"]), err


def test_a_worker_process_changes_its_malloc(
    events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(machine, "_limits", [])
    settle(None, Share(1, 10**9))
    assert events == ["malloc"]


def test_a_library_function_leaves_malloc_alone(
    monkeypatch: pytest.MonkeyPatch, small_dataset: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr("seget.machine.keep_freed_memory", lambda: pytest.fail("malloc changed"))
    recipe = short().override(["epochs=1"])
    dataset = front_door.read_dataset(small_dataset)
    front_door.train(dataset, ("rods",), recipe, Run(tmp_path / "run"))


def test_it_may_be_called_twice_on_any_system() -> None:
    keep_freed_memory()
    keep_freed_memory()
