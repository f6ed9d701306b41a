"""A score map or labels are kept only if they are what the command would make again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from listening import Heard
from seget import files
from seget.errors import InputError
from seget.prediction import Options, predict_files, segment_files
from seget.recipes import modern
from seget.results import find_score_maps, read_labels
from seget.trained import Trained
from seget.volume import Volume


class Scaled(nn.Module):
    """Answers with the image times a weight."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, image: Tensor) -> Tensor:
        return image * self.weight


def model(structure: str, weight: float = 1.0, threshold: float = 0.5) -> Trained:
    return Trained(Scaled(weight), (structure,), modern(), {structure: threshold})


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*__*.mrc")}


def legend(folder: Path) -> list[tuple[str, float]]:
    found = json.loads((folder / "labels.json").read_text())
    return [
        (found[str(i)]["structure"], found[str(i)]["threshold"]) for i in range(1, 1 + len(found))
    ]


def test_labels_follow_the_models_of_the_last_command(ramp: Volume, tmp_path: Path) -> None:
    golgi, synapse = model("golgi", 0.5), model("synapse")
    segment_files(ramp, [golgi], tmp_path)
    before, heard = times(tmp_path), Heard()
    segment_files(ramp, [synapse, golgi], tmp_path, listener=heard)
    assert legend(tmp_path) == [("synapse", 0.5), ("golgi", 0.5)]
    assert times(tmp_path).items() >= before.items(), "the scores of golgi are kept"
    assert any("the order of labels is synapse, golgi now" in note for note in heard.notes)
    assert any("fusing anew" in note for note in heard.notes)
    whole = tmp_path / "whole"
    segment_files(ramp, [synapse, golgi], whole)
    np.testing.assert_array_equal(
        np.asarray(files.read(tmp_path / "labels.mrc").data),
        np.asarray(files.read(whole / "labels.mrc").data),
    )
    segment_files(ramp, [golgi], tmp_path)
    assert legend(tmp_path) == [("synapse", 0.5), ("golgi", 0.5)], "this order is as good as any"


def test_a_threshold_of_the_model_counts_at_once(ramp: Volume, tmp_path: Path) -> None:
    segment_files(ramp, [model("golgi")], tmp_path)
    before, heard = times(tmp_path), Heard()
    segment_files(ramp, [model("golgi", threshold=0.25)], tmp_path, listener=heard)
    assert legend(tmp_path) == [("golgi", 0.25)]
    assert find_score_maps(tmp_path)[0].sidecar.threshold == 0.25
    assert times(tmp_path) == before
    assert any("the threshold of golgi is 0.25 now, it was 0.5" in note for note in heard.notes)
    labels = np.asarray(files.read(tmp_path / "labels.mrc").data)
    np.testing.assert_array_equal(labels, np.asarray(find_map(tmp_path)) > 0.25 * 127)
    quiet = Heard()
    segment_files(ramp, [model("golgi", threshold=0.25)], tmp_path, listener=quiet)
    assert not quiet.notes


def find_map(folder: Path) -> Any:
    return files.read(find_score_maps(folder)[0].path).data


def test_labels_with_chosen_thresholds_are_not_replaced(ramp: Volume, tmp_path: Path) -> None:
    from seget.results import fuse_files

    predict_files(ramp, [model("golgi")], tmp_path)
    fuse_files(tmp_path, tmp_path / "labels.mrc", {"golgi": 0.75})
    with pytest.raises(InputError, match=r"labels\.mrc: exists and was made by another command"):
        segment_files(ramp, [model("golgi")], tmp_path)


def test_models_in_memory_are_told_apart_by_their_weights(ramp: Volume, tmp_path: Path) -> None:
    first, second = model("golgi"), model("golgi", 2.0)
    predict_files(ramp, [first], tmp_path)
    before = times(tmp_path)
    predict_files(ramp, [model("golgi")], tmp_path)
    assert times(tmp_path) == before
    with pytest.raises(InputError, match="was made by another command"):
        predict_files(ramp, [second], tmp_path)
    with torch.no_grad():
        first.network.weight.fill_(3.0)  # trained further
    with pytest.raises(InputError, match="was made by another command"):
        predict_files(ramp, [replace(first, weights_sha256="as in the file")], tmp_path)


def test_a_saved_model_makes_what_it_made_in_memory(ramp: Volume, tmp_path: Path) -> None:
    from seget.networks import Architecture
    from seget.trained import load

    recipe = modern().override(["network=fcn8s"])
    network = Architecture.of(recipe, 1).build().eval()
    trained = Trained(network, ("golgi",), recipe, {"golgi": 0.5})
    trained.save(tmp_path / "model")
    options = Options(engine="torch")
    predict_files(ramp, [trained], tmp_path / "out", options)
    before = times(tmp_path / "out")
    predict_files(ramp, [load(tmp_path / "model")], tmp_path / "out", options)
    assert times(tmp_path / "out") == before


@pytest.mark.parametrize(
    "change",
    [
        lambda trained: replace(trained, structures=("b", "a")),
        lambda trained: replace(trained, recipe=modern().override(["binning=1"])),
    ],
)
def test_what_a_model_json_says_of_its_network_counts(
    ramp: Volume, tmp_path: Path, change: Callable[[Trained], Trained]
) -> None:
    network = nn.Conv2d(1, 2, 1)
    trained = Trained(network, ("a", "b"), modern(), {"a": 0.5, "b": 0.5}, weights_sha256="w")
    predict_files(ramp, [trained], tmp_path)
    with pytest.raises(InputError, match="was made by another command"):
        predict_files(ramp, [change(trained)], tmp_path)


def test_labels_of_other_scores_are_refused(ramp: Volume, tmp_path: Path) -> None:
    segment_files(ramp, [model("golgi")], tmp_path)
    maps = {one.structure: one for one in find_score_maps(tmp_path)}
    assert read_labels(tmp_path, maps)[1] == {"golgi": 1}
    predict_files(ramp, [model("golgi", 2.0)], tmp_path, Options(overwrite=True))
    maps = {one.structure: one for one in find_score_maps(tmp_path)}
    with pytest.raises(InputError, match="was fused from another score map of golgi"):
        read_labels(tmp_path, maps)
