"""Sizes as people write them; and whose malloc is changed: a command's and a worker's, no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

import seget as front_door
from seget import runners
from seget.errors import InputError, RunError
from seget.machine import keep_freed_memory, parse_bytes
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
    shares: SimpleQueue[Any] = SimpleQueue()
    shares.put((None, 1))
    runners._begin(shares)
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
