"""A checkpoint is what was saved, bit for bit, or it is not believed."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from seget.dataset import Dataset, read_dataset
from seget.errors import InputError
from seget.training import Run, kept_steps, train
from seget.training.checkpoints import load_checkpoint, save_checkpoint
from training_runs import StopsAt, assert_same_run, short

INNER = {"step": 7, "best": float("-inf"), "rows": [{"loss": 0.1 + 0.2}]}


@pytest.fixture(scope="module")
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


@pytest.fixture(scope="module")
def whole(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    train(dataset, ("rods",), short(), Run(folder))
    return folder


def place(folder: Path, step: int) -> Path:
    return folder / "checkpoints" / f"step-{step:08d}.safetensors"


def some_tensors(seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    weight = torch.randn(4, 3, 3, 3)
    return {
        "weight": weight.to(memory_format=torch.channels_last),
        "half": torch.randn(5).bfloat16(),
        "count": torch.tensor(seed),
        "flags": torch.randn(3) > 0,
        "nothing": torch.zeros(0, 2),
        "strange": torch.tensor([float("nan"), float("inf"), -0.0]),
    }


def assert_is(found: tuple[dict[str, torch.Tensor], dict[str, object]] | None, seed: int) -> None:
    assert found is not None
    wanted = some_tensors(seed)
    assert found[0].keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert found[0][name].dtype == tensor.dtype
        assert torch.equal(found[0][name].nan_to_num(9), tensor.nan_to_num(9))
    assert found[1] == INNER | {"step": seed}


def write(folder: Path, *steps: int) -> None:
    for step in steps:
        save_checkpoint(folder, some_tensors(step), INNER | {"step": step})


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, pytest.fail) is None
    write(tmp_path, 7)
    assert_is(load_checkpoint(tmp_path, pytest.fail), 7)


def test_the_last_two_are_kept_by_number(tmp_path: Path) -> None:
    kept = []
    for step in (8, 9, 10, 99_999_999, 100_000_000):
        write(tmp_path, step)
        kept.append(kept_steps(tmp_path))
    last = [99_999_999, 100_000_000]
    assert kept == [[8], [8, 9], [9, 10], [10, 99_999_999], last]
    assert_is(load_checkpoint(tmp_path, pytest.fail), 100_000_000)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


def test_a_kill_leaves_no_rubbish_for_ever(tmp_path: Path) -> None:
    write(tmp_path, 1)
    (tmp_path / "checkpoints" / ".step-00000002.safetensors.part").write_bytes(b"half")
    (tmp_path / "checkpoints" / "mine.safetensors").write_bytes(b"a person's own")
    write(tmp_path, 3)
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == [
        "mine.safetensors",
        "step-00000001.safetensors",
        "step-00000003.safetensors",
    ]


def test_older_ones_stay_until_the_new_one_stands(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(tmp_path, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert kept_steps(tmp_path) == [1, 2]
    assert_is(load_checkpoint(tmp_path, pytest.fail), 2)


@given(st.data())
def test_a_damaged_one_is_never_believed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Cut short, grown, or a byte changed anywhere: the one before is taken, and that is said."""
    folder = tmp_path_factory.mktemp("run")
    write(folder, 1, 2)
    whole = place(folder, 2).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
    damaged = data.draw(st.sampled_from([whole[:at], whole + whole[:at] + b"x", changed]))
    place(folder, 2).write_bytes(damaged)
    notes: list[str] = []
    found = load_checkpoint(folder, notes.append)
    if found is not None and found[1]["step"] == 2:  # only a blank of the header tells nothing
        assert whole[at : at + 1].isspace()
        assert_is(found, 2)
        return
    assert_is(found, 1)
    (sentence,) = notes
    assert "step-00000002.safetensors: damaged (" in sentence
    assert "going on from step-00000001.safetensors" in sentence


@pytest.mark.parametrize("change", ["number", "name", "shape", "type"])
def test_a_whole_file_with_another_content_is_not_believed(tmp_path: Path, change: str) -> None:
    write(tmp_path, 1, 2)
    with safe_open(place(tmp_path, 2), framework="pt") as file:
        header = file.metadata()
    tensors = {name: tensor.contiguous() for name, tensor in some_tensors(2).items()}
    if change == "number":
        header["numbers"] = header["numbers"].replace("0.3", "0.4")
    elif change == "name":
        tensors["weights"] = tensors.pop("weight")
    elif change == "shape":
        tensors["weight"] = tensors["weight"].reshape(3, 4, 3, 3)
    else:
        tensors["half"] = tensors["half"].view(torch.float16)
    save_file(tensors, place(tmp_path, 2), header)
    notes: list[str] = []
    assert_is(load_checkpoint(tmp_path, notes.append), 1)
    assert "its content does not have the checksum" in notes[0]


def test_one_without_a_checksum_is_not_believed(tmp_path: Path) -> None:
    write(tmp_path, 1)
    metadata = {"numbers": json.dumps(INNER)}
    save_file({"weight": torch.zeros(3)}, place(tmp_path, 2), metadata)
    assert_is(load_checkpoint(tmp_path, lambda _: None), 1)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("tear", [_empty, _cut])
def test_all_of_them_damaged_is_one_sentence(tmp_path: Path, tear: Callable[[Path], None]) -> None:
    write(tmp_path, 1, 2)
    for step in (1, 2):
        tear(place(tmp_path, step))
    with pytest.raises(InputError, match=r"00002\.safetensors: damaged .* --overwrite") as error:
        load_checkpoint(tmp_path, pytest.fail)
    assert "\n" not in str(error.value)


def test_a_run_goes_on_from_the_one_before(dataset: Dataset, tmp_path: Path, whole: Path) -> None:
    """The torn step is made again, and its checkpoint replaced."""
    torn = Run(tmp_path / "torn", checkpoint_minutes=0)
    with pytest.raises(KeyboardInterrupt):
        train(dataset, ("rods",), short(), torn, StopsAt(5))
    assert kept_steps(torn.folder) == [4, 5]
    _cut(place(torn.folder, 5))
    ear = StopsAt(1)
    with pytest.raises(KeyboardInterrupt):
        train(dataset, ("rods",), short(), replace(torn, resume=True), ear)
    assert "step-00000005.safetensors: damaged" in ear.notes[0]
    assert kept_steps(torn.folder) == [4, 5]
    train(dataset, ("rods",), short(), replace(torn, resume=True, checkpoint_minutes=5))
    assert_same_run(whole, torn.folder)


def test_what_lies_after_the_one_that_is_taken_up_is_forgotten(
    dataset: Dataset, tmp_path: Path, whole: Path
) -> None:
    """Back to the middle of the first epoch, when log.csv and the model know of three."""
    run = Run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        train(dataset, ("rods",), short(), run, StopsAt(2))
    early = place(run.folder, 2).read_bytes()
    train(dataset, ("rods",), short(), replace(run, resume=True))
    assert kept_steps(run.folder) == [6, 9]
    place(run.folder, 2).write_bytes(early)
    for step in (6, 9):
        _empty(place(run.folder, step))
    ear = StopsAt(1)
    with pytest.raises(KeyboardInterrupt):
        train(dataset, ("rods",), short(), replace(run, resume=True), ear)
    assert len(ear.notes) == 2
    assert kept_steps(run.folder) == [2, 3]
    assert not (run.folder / "log.csv").exists()
    train(dataset, ("rods",), short(), replace(run, resume=True))
    assert_same_run(whole, run.folder)


@pytest.mark.parametrize("damage", ["all", "identity", "recipe", "version"])
def test_what_cannot_be_taken_up_is_one_sentence(
    dataset: Dataset, tmp_path: Path, damage: str
) -> None:
    run = Run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        train(dataset, ("rods",), short(), run, StopsAt(1))
    saved = load_checkpoint(run.folder, pytest.fail)
    assert saved is not None
    tensors, numbers = saved
    wanted = r"00001\.safetensors: damaged"
    if damage == "all":
        _cut(place(run.folder, 1))
    elif damage == "identity":
        numbers["identity"]["seed"] = 5
        save_checkpoint(run.folder, tensors, numbers)
        wanted = "begun with another seed; resume with the same"
    elif damage == "recipe":
        numbers["identity"]["recipe"] |= {"noise": 0.7, "batch_size": 9}
        save_checkpoint(run.folder, tensors, numbers)
        wanted = "begun with another batch_size, noise; resume with the same"
    else:
        tensors.pop("network.network.head.bias")
        save_checkpoint(run.folder, tensors, numbers)
        wanted = "begun with another version of seget"
    with pytest.raises(InputError, match=wanted):
        train(dataset, ("rods",), short(), replace(run, resume=True))


def test_a_run_from_before_a_key_of_the_recipe_goes_on(dataset: Dataset, tmp_path: Path) -> None:
    """Its default is to do as before; with another value it is another run."""
    run = Run(tmp_path / "run")
    recipe = short().override(["center_dropout=0"])
    with pytest.raises(KeyboardInterrupt):
        train(dataset, ("rods",), recipe, run, StopsAt(1))
    saved = load_checkpoint(run.folder, pytest.fail)
    assert saved is not None
    tensors, numbers = saved
    numbers["identity"]["recipe"].pop("center_dropout")
    save_checkpoint(run.folder, tensors, numbers)
    other = short().override(["center_dropout=0.1"])
    with pytest.raises(InputError, match="another center_dropout; resume"):
        train(dataset, ("rods",), other, replace(run, resume=True))
    train(dataset, ("rods",), recipe, replace(run, resume=True))
