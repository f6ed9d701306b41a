from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from listening import Heard
from seget import files
from seget.calibration import ValidationScores
from seget.errors import InputError
from seget.fusion import Fusion, Rules, StructureRules
from seget.metrics import Goal, Histogram
from seget.results import Sidecar, Wishes, explain, fuse_files, map_path, write_sidecar
from seget.volume import Volume

SIZE_NM = (10.0, 5.0, 5.0)
RULES = Rules(
    priority=("synapse over golgi",), structure={"golgi": StructureRules(smallest_nm3=300.0)}
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    """Return a function that writes a score map of a structure."""

    def do(structure: str, scores: np.ndarray, order: int, **more: object) -> None:
        path = map_path(tmp_path, "cell", structure, ".mrc")
        files.write(path, Volume(scores, SIZE_NM, None, "cell"))
        write_sidecar(path, Sidecar(structure=structure, order=order, id=structure, **more))

    return do


@pytest.fixture
def folder(tmp_path: Path, write: Callable[..., None]) -> Path:
    """Two structures that both claim four voxels; one speck of golgi; one near miss."""
    golgi, synapse = np.zeros((2, 3, 8, 9), np.uint8)
    golgi[0, :2, :4] = 110
    synapse[0, :2, 2:6] = 100
    golgi[2, 7, 8] = 90
    synapse[2, 0, 0] = 62
    write("golgi", golgi, 0)
    write("synapse", synapse, 1)
    return tmp_path


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "conflicts.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def read(folder: Path, name: str) -> np.ndarray:
    return np.asarray(files.read(folder / name).data)


def test_what_two_claim_and_what_one_misses_is_marked_and_counted(folder: Path) -> None:
    fuse_files(folder, folder / "labels.mrc")
    wanted = np.zeros((3, 8, 9), np.uint8)
    wanted[0, :2, 2:4] = 1
    wanted[2, 0, 0] = 2
    np.testing.assert_array_equal(read(folder, "conflicts.mrc"), wanted)
    row = {"structure_a": "golgi", "structure_b": "synapse", "voxels": "4", "nm3": "1000"}
    assert rows(folder) == [row | {"objects": "1", "decided_by": "score"}]


def test_rules_of_a_file_decide_and_are_told(folder: Path) -> None:
    fuse_files(folder, folder / "labels.mrc", wishes=Wishes(rules=RULES))
    labels = read(folder, "labels.mrc")
    assert (labels[0, :2, 2:4] == 2).all()
    assert labels[2, 7, 8] == 0
    found = [(r["structure_a"], r["structure_b"], r["decided_by"]) for r in rows(folder)]
    assert found == [("synapse", "golgi", "priority"), ("golgi", "", "smallest_nm3")]
    fuse_files(folder, folder / "labels.mrc", wishes=Wishes(rules=RULES))
    with pytest.raises(InputError, match="other maps, thresholds or rules"):
        fuse_files(folder, folder / "labels.mrc")


def test_the_label_of_a_voxel_is_explained(folder: Path) -> None:
    said = explain(folder, (0, 1, 3), Wishes(rules=RULES))
    assert said[0] == "golgi claims it: score 110 of 127, 0.866; its threshold is 0.500."
    assert said[2:] == ["a priority gives it to synapse, not golgi.", "label 2: synapse."]
    said = explain(folder, (2, 7, 8), Wishes(rules=RULES))
    assert said[-2:] == [
        "the rules of objects make it background, it was golgi.",
        "label 0: background.",
    ]
    assert "no structure claims it; one missed by" in explain(folder, (2, 0, 0), Wishes())[2]
    with pytest.raises(InputError, match=r"0,0,0 to 2,7,8"):
        explain(folder, (3, 0, 0), Wishes())


def test_thresholds_follow_the_goal(folder: Path, write: Callable[..., None]) -> None:
    scores = np.arange(128, dtype=np.uint8).repeat(2).reshape(1, 16, 16)
    truth = np.zeros(256, bool)
    truth[100:] = True
    truth[:20] = True
    counted = Histogram.of(scores.ravel(), truth)
    for name in ("golgi", "synapse"):
        write(name, scores, 0, validation=ValidationScores.of(counted))
    fuse_files(folder, folder / "half.mrc", wishes=Wishes(goal=Goal.parse("recall=.98")))
    fuse_files(folder, folder / "precise.mrc", wishes=Wishes(goal=Goal.parse("precision=1")))
    assert (read(folder, "half.mrc") > 0).sum() == 254
    np.testing.assert_array_equal(read(folder, "precise.mrc").ravel() > 0, np.arange(256) >= 100)


def test_a_goal_without_validation_or_out_of_reach_is_refused(
    folder: Path, write: Callable[..., None]
) -> None:
    with pytest.raises(InputError, match="the model of golgi has no scores of validation slices"):
        fuse_files(folder, folder / "a.mrc", wishes=Wishes(goal=Goal("dice")))
    half = Histogram.of(np.full(10, 80, np.uint8), np.arange(10) < 5)
    counted = ValidationScores.of(half)
    write("golgi", np.zeros((3, 8, 9), np.uint8), 0, validation=counted)
    wishes = Wishes(thresholds={"synapse": 0.5}, goal=Goal.parse("precision=.9"))
    with pytest.raises(InputError, match="no threshold of golgi reaches it"):
        fuse_files(folder, folder / "a.mrc", wishes=wishes)


@pytest.mark.parametrize("text", ["iou", "precision", "recall=2", "dice=.5", "recall=x"])
def test_goals_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--optimise"):
        Goal.parse(text)


def test_a_killed_fusion_by_rules_goes_on_where_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes = Wishes(rules=RULES)
    fuse_files(folder, folder / "whole.mrc", wishes=wishes)
    asked: list[int] = []
    decide = Fusion.conflicts

    def stopping(self: Fusion, z: int) -> np.ndarray:
        asked.append(z)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return decide(self, z)

    monkeypatch.setattr(Fusion, "conflicts", stopping)
    with pytest.raises(KeyboardInterrupt):
        fuse_files(folder, folder / "labels.mrc", wishes=wishes)
    fuse_files(folder, folder / "labels.mrc", wishes=wishes)
    assert asked == [0, 1, 2, 2]
    for ending in ("", "_conflicts"):
        name = "labels.mrc" if not ending else "conflicts.mrc"
        np.testing.assert_array_equal(read(folder, name), read(folder, f"whole{ending}.mrc"))


def test_conflicts_are_known_as_an_output(folder: Path) -> None:
    fuse_files(folder, folder / "labels.mrc")
    assert files.why_no_tomogram(folder / "conflicts.mrc") == "an output of seget"


def test_a_prior_of_scores_that_are_no_probabilities_is_doubted(
    folder: Path, write: Callable[..., None]
) -> None:
    write("golgi", np.full((3, 8, 9), 50, np.uint8), 0, calibrated=True)
    both = {"golgi": StructureRules(prior=2), "synapse": StructureRules(prior=2)}
    heard = Heard()
    fuse_files(folder, folder / "a.mrc", None, False, heard, Wishes(rules=Rules(structure=both)))
    assert [text.partition(":")[0] for text in heard.notes] == ["synapse"]
    assert (read(folder, "a.mrc")[0, 5:] == 1).all(), "50 of 127 with twice the odds is 72"
