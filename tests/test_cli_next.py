"""`seget next`: what is printed, where, and what is wrong in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from seget import files
from seget.networks import Architecture
from seget.recipes import modern
from seget.trained import Trained
from seget.volume import Volume

Seget = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset of 6 slices, two of them drawn, beside runs of golgi and of rods."""
    monkeypatch.chdir(tmp_path)
    grey = np.random.default_rng(0).integers(1, 255, (6, 40, 40)).astype(np.uint8)
    mask = np.zeros_like(grey)
    mask[:, 10:30, 10:30] = 1
    files.write(tmp_path / "cell.mrc", Volume(grey, (1.0, 1.0, 1.0)))
    files.write(tmp_path / "mask.mrc", Volume(mask, (1.0, 1.0, 1.0)))
    for seed, structure in enumerate(("golgi", "rods")):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = Architecture("seget").build()
        model = Trained(network, (structure,), modern().override(["binning=1"]), {structure: 0.5})
        model.save(tmp_path / "runs" / structure / "model")
    (tmp_path / "dataset.toml").write_text(
        'holdout = "none"\n[[tomogram]]\nimage = "cell.mrc"\nslices = [0, 2]\n'
        '[tomogram.masks]\ngolgi = "mask.mrc"\nrods = "mask.mrc"\n'
    )
    return tmp_path


def test_slices_are_said_with_their_reasons(seget: Seget, data: Path) -> None:
    code, said, err = seget("next", "dataset.toml", "runs", "-n", 2)
    assert code == 0, err
    lines = said.splitlines()
    numbers = [int(line.removeprefix("slice ").partition(":")[0]) for line in lines]
    assert len(set(numbers)) == 2
    assert not {0, 2} & set(numbers)
    assert all(" from any drawn" in line for line in lines)
    assert "next: 8 of 8" in err
    assert f"they are numbers {numbers[0] + 1}, {numbers[1] + 1})" in err


def test_json_stands_alone(seget: Seget, data: Path) -> None:
    code, said, err = seget("next", "dataset.toml", "runs", "-s", "golgi", "--views", 1, "--json")
    assert code == 0, err
    (found,) = json.loads(said)["next"]
    assert found.keys() == {"tomogram", "slice", "reason", "value", "structures"}
    assert found["tomogram"] == "cell"
    assert list(found["structures"]) == ["golgi"]
    assert found["structures"]["golgi"].keys() == {
        "uncertainty",
        "disagreement",
        "uncertainty_ratio",
        "disagreement_ratio",
        "distance_slices",
    }
    assert 0 < found["structures"]["golgi"]["uncertainty"] <= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["runs/golgi"],
            "none of the models scores rods; name a model of it too, or give -s golgi",
        ),
        (["runs", "--slices", "0,2"], "every slice that --slices names is annotated"),
        (["runs", "--slices", "3-99"], "3 to 99 are named, and the slices are 0 to 5"),
        (["runs", "--slices", "x"], "is not a slice number"),
        (["runs", "-s", "er"], "there is no mask of er"),
        (["runs", "--views", "3"], "wanted 1, 4 or 8"),
        (["runs", "--max-memory", "lots"], "--max-memory"),
        (["cell.mrc"], "cell.mrc: there is no model"),
        (["nothing"], "nothing: there is no model"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    seget: Seget, data: Path, arguments: list[str], words: str
) -> None:
    code, said, err = seget("next", "dataset.toml", *arguments)
    assert (code, said) == (2, ""), err
    assert words in err
    assert err.count("\n") == 1


def test_a_tomogram_of_an_unknown_format_and_one_in_the_place_of_a_dataset(
    seget: Seget, data: Path
) -> None:
    code, _, err = seget("next", "cell.mrc", "runs")
    assert (code, "give the path of a dataset.toml" in err) == (2, True), err
    text = (data / "dataset.toml").read_text()
    (data / "cell.xyz").write_bytes(b"what is this")
    (data / "dataset.toml").write_text(text.replace("cell.mrc", "cell.xyz"))
    code, _, err = seget("next", "dataset.toml", "runs")
    assert (code, "cell.xyz" in err, err.count("\n")) == (2, True, 1), err
