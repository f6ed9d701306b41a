"""Input that means harm: nothing is run, and nothing is written outside the folder of outputs."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from hostile import WORDS
from seget import files
from seget.errors import InputError
from seget.networks import Architecture
from seget.prediction import segment_files
from seget.recipes import STRUCTURE_NAME, modern
from seget.trained import CARD, WEIGHTS, Trained, load
from seget.volume import Volume

SOURCES = sorted((Path(__file__).parents[1] / "src" / "seget").rglob("*.py"))
PICKLERS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "yaml"}
RUNNERS = {"eval", "exec", "compile", "__import__"}
LOADERS = {("torch", "load"), ("os", "system"), ("os", "popen")}  # np.load reads no objects unasked


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_source_unpickles_or_runs_what_it_reads(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                assert not PICKLERS & {alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(module=str(module)):
                assert module.partition(".")[0] not in PICKLERS
            case ast.Call(func=ast.Name(id=name)):
                assert name not in RUNNERS
            case ast.Attribute(value=ast.Name(id=room), attr=name):
                assert (room, name) not in LOADERS
            case ast.keyword(arg="allow_pickle" | "shell"):
                raise AssertionError(f"line {node.lineno}")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "model"
    untrained(("golgi",)).save(folder)
    return folder


def untrained(structures: tuple[str, ...]) -> Trained:
    shares = dict.fromkeys(structures, 0.5)
    network = Architecture.of(modern(), len(structures)).build()
    return Trained(network.eval(), structures, modern(), shares)


def with_weights(folder: Path, model: Path, weights: bytes) -> Path:
    """Write a model whose card agrees with its weights, as whoever means harm would."""
    card = json.loads((model / CARD).read_bytes())
    card["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    (folder / WEIGHTS).write_bytes(weights)
    (folder / CARD).write_text(json.dumps(card))
    return folder


class Explosive:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path]]:
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("kind", ["pickle", "torch", "numpy"])
def test_a_pickle_named_as_weights_is_refused_and_never_run(
    tmp_path: Path, model: Path, kind: str
) -> None:
    mark, path = tmp_path / "exploded", tmp_path / "harm"
    match kind:
        case "pickle":
            path.write_bytes(pickle.dumps(Explosive(mark)))
        case "torch":
            torch.save({"network": Explosive(mark)}, path)
        case _:
            with path.open("wb") as file:
                np.save(file, np.array([Explosive(mark)], object), allow_pickle=True)
    with pytest.raises(InputError, match=rf"{WEIGHTS}: not the weights of this model"):
        load(with_weights(tmp_path, model, path.read_bytes()))
    assert not mark.exists()
    (tmp_path / "harm.npy").write_bytes(path.read_bytes())
    with pytest.raises(InputError, match=r"harm\.npy: this is not a whole \.npy file"):
        files.read(tmp_path / "harm.npy")
    assert not mark.exists()


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, model: Path) -> None:
    tensors = load_file(model / WEIGHTS)
    tensors["network.head.bias"].fill_(float("inf"))
    save_file(tensors, tmp_path / "infinite")
    with pytest.raises(InputError, match=r"\(network\.head\.bias is not finite\); copy both again"):
        load(with_weights(tmp_path, model, (tmp_path / "infinite").read_bytes()))


def test_a_terabyte_is_not_read_to_say_that_it_is_no_model(tmp_path: Path, model: Path) -> None:
    with_weights(tmp_path, model, b"stub")
    for name in (WEIGHTS, CARD):
        os.truncate(tmp_path / name, 10**12)  # a file of holes, which takes no space
        with pytest.raises(InputError, match=rf"{name}: has 1000000000000 bytes, wanted at most"):
            load(tmp_path)
    (tmp_path / CARD).unlink()
    os.mkfifo(tmp_path / CARD)  # reading it would wait for ever
    with pytest.raises(InputError, match="this is no file; wanted a model folder"):
        load(tmp_path)


def test_a_name_that_leads_out_of_a_folder_names_no_structure() -> None:
    wrong = [*WORDS, "a/b", "a\\b", ".hidden", "golgi\n", "-rf", "a" * 101]
    for name in (word for word in wrong if word not in ("none", "nan", "1e999", "0x10")):
        assert not STRUCTURE_NAME.fullmatch(name)
    for name in ("golgi", "lytic granules", "0x10", "a..b"):
        assert STRUCTURE_NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["../escaped", "/escaped", "..", "a/../../escaped"])
def test_a_card_cannot_name_a_place(tmp_path: Path, model: Path, name: str) -> None:
    with_weights(tmp_path, model, (model / WEIGHTS).read_bytes())
    card = json.loads((tmp_path / CARD).read_text())
    (tmp_path / CARD).write_text(json.dumps(card | {"structures": [name]}))
    with pytest.raises(InputError, match=r"model\.json: structures: .* is no file name"):
        load(tmp_path)


GREY = np.random.default_rng(0).integers(0, 256, (2, 20, 24), np.uint8)


def folder_of_slices(folder: Path) -> Path:
    (folder / "inner").mkdir(parents=True)
    for z, plane in enumerate(GREY):
        Image.fromarray(plane).save(folder / f"{z}.png")
    return folder / "inner" / ".."


def zarr_above(folder: Path) -> Path:
    files.write(folder / "x.zarr", Volume(GREY))
    return folder / "x.zarr" / "0" / ".."


def dotted(folder: Path) -> Path:
    folder.mkdir()
    files.write(folder / "a.mrc", Volume(GREY))
    return (folder / "a.mrc").rename(folder / "...mrc")


def inside_hdf5(folder: Path) -> Path:
    folder.mkdir()
    with h5py.File(folder / "...h5", "w") as h5:
        h5["a/.. /b"] = GREY
    return folder / "...h5:/a/.. /b"


@pytest.mark.parametrize("made", [folder_of_slices, zarr_above, dotted, inside_hdf5])
def test_outputs_stay_in_their_folder_whatever_the_tomogram_is_called(
    tmp_path: Path, seget: Callable[..., tuple[int, str, str]], model: Path, made: Any
) -> None:
    tomogram = made(tmp_path / "data")
    assert files.read(tomogram).name.strip(". /"), "a name that is no way"
    files.write(tmp_path / "other.mrc", Volume(GREY))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    out = tmp_path / "a" / "b" / "out"
    code, _, said = seget("segment", tomogram, tmp_path / "other.mrc", model, "-o", out)
    assert code == 0, said
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert len(list(out.iterdir())) == 2, "a folder a tomogram"
    assert all(out in path.parents for path in new)


def test_the_names_of_a_legend_are_no_places(tmp_path: Path) -> None:
    """Labels may call their structures anything: it is text in files, not the name of one."""
    labels = Volume((GREY > 127).astype(np.uint8))
    legend = files.Legend({1: "../../escaped"}, {1: "#ff0000"})
    with files.create(tmp_path / "in" / "l.zarr", labels, np.uint8, legend=legend) as writer:
        for z in range(2):
            writer[z] = labels.slice(z)
    assert files.legend_of(tmp_path / "in" / "l.zarr") == legend
    segment_files(Volume(GREY, name="cell"), [untrained(("golgi",))], tmp_path / "in" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
