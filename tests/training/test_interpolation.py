"""A model may go back towards the weights its training began from, as validation lets it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from listening import Heard
from seget.calibration import SPREAD
from seget.dataset import read_dataset
from seget.metrics import Histogram
from seget.networks import Architecture
from seget.recipes import modern
from seget.trained import Trained, load
from seget.training import Run, train
from seget.training.initial_weights import InitialWeights, initial_weights
from seget.training.interpolation import SHARE, SHARES, TOLERANCE, nearer_the_start
from seget.training.validation import Validation
from training_runs import StopsAt, assert_same_run, short


def pair(structures: tuple[str, ...] = ("discs",)) -> tuple[Trained, InitialWeights]:
    """Return a model, and the weights of a training that began from one of discs."""
    recipe = modern().override(["binning=1"])
    old, new = (
        Trained(Architecture.of(recipe, k).build(seed).eval(), names, recipe, {})
        for seed, k, names in ((1, 1, ("discs",)), (2, len(structures), structures))
    )
    return new, initial_weights(new.architecture, structures, 3, old)


def test_weights_and_statistics_lie_on_the_line_between_and_drawn_outputs_stay():
    trained, begin = pair(("er", "discs"))
    own = trained.network.state_dict()
    for name, tensor in begin.towards(own, 1.0).items():
        assert torch.equal(tensor, own[name])
    assert {"head.weight", "head.bias"} < begin.drawn.keys()
    half = begin.towards(own, 0.5)
    for name, tensor in half.items():
        if not tensor.is_floating_point():
            assert torch.equal(tensor, own[name]), "batch norm's counter"
            continue
        middle = (own[name] + begin.tensors[name]) / 2
        if begin.drawn.get(name):
            assert begin.drawn[name] == [0] and tensor.shape[0] == 2
            torch.testing.assert_close(tensor[0], own[name][0], rtol=0, atol=0)
            tensor, middle = tensor[1], middle[1]
        torch.testing.assert_close(tensor, middle)


def judging(share_of: Callable[[float], float], begin: InitialWeights, trained: Trained):
    """Return a judge to whom a network at a share of the way is worth `share_of(share)`."""
    name = next(n for n in begin.tensors if n.endswith("weight"))
    first, last = begin.tensors[name], trained.network.state_dict()[name].clone()

    def judged(network: nn.Module) -> Validation:
        now = network.state_dict()[name]
        share = float(((now - first) / (last - first)).median())
        iou = share_of(round(share, 3))
        truth = np.zeros((100, 100), bool)
        truth[:50] = True
        score = np.where(truth, 120, 5).astype(np.uint8)
        score.flat[: round(5000 * (1 - iou))] = 5
        return Validation({"discs": {("t", 0): Histogram.of(score, truth, None)}}, SPREAD)

    return judged


@pytest.mark.parametrize(
    ("falls_below", "share"), [(0.0, 0.5), (0.65, 0.7), (0.95, 1.0)], ids=["none", "some", "all"]
)
def test_it_goes_back_until_the_validation_slices_lose(falls_below, share):
    trained, begin = pair()
    before = {name: tensor.clone() for name, tensor in trained.network.state_dict().items()}
    judged = judging(lambda share: 0.8 if share >= falls_below else 0.6, begin, trained)
    moved, sentence = nearer_the_start(trained, judged(trained.network).miou, begin, judged)
    assert moved.provenance[SHARE] == share
    wanted = begin.towards(before, share)
    for name, tensor in moved.network.state_dict().items():
        torch.testing.assert_close(tensor, wanted[name])
    assert (f"{1 - share:.0%} of the way back" in sentence) == (share < 1)
    after = trained.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before), "a model of its own"


def test_a_little_worse_is_good_enough_and_little_by_little_is_not():
    trained, begin = pair()
    drop = 0.8 * TOLERANCE  # a step; mIOU falls by about three quarters of the IoU's
    judged = judging(lambda share: 0.8 - 10 * (1 - share) * drop, begin, trained)
    moved, _ = nearer_the_start(trained, judged(trained.network).miou, begin, judged)
    assert SHARES[-1] < moved.provenance[SHARE] < 1


def test_without_held_out_slices_it_stays():
    trained, begin = pair()
    moved, sentence = nearer_the_start(trained, math.nan, begin, lambda _: Validation({}))
    assert moved.network is trained.network
    assert (moved.provenance[SHARE], sentence) == (1.0, "")


def test_a_run_does_it_once_at_its_end_and_says_so(small_dataset: Path, tmp_path: Path) -> None:
    dataset, recipe = read_dataset(small_dataset), short()
    first = train(dataset, ("discs",), recipe, Run(tmp_path / "first"))
    # So slow that all weights between are as good as each other.
    slow = recipe.override(["learning_rate=1e-6"])
    stays = train(dataset, ("discs",), slow, Run(tmp_path / "stays", start=first))
    assert SHARE not in stays.provenance
    goes, heard = slow.override(["weight_interpolation=true"]), Heard()
    moved = train(dataset, ("discs",), goes, Run(tmp_path / "goes", start=first), heard)
    assert moved.provenance[SHARE] == SHARES[-1]
    assert any("50% of the way back" in note for note in heard.notes)
    begin = initial_weights(moved.architecture, ("discs",), 0, first)
    wanted = begin.towards(stays.network.state_dict(), SHARES[-1])
    for name, tensor in moved.network.state_dict().items():
        torch.testing.assert_close(tensor, wanted[name])
    assert moved.thresholds.keys() == {"discs"}
    with pytest.raises(KeyboardInterrupt):
        train(dataset, ("discs",), goes, Run(tmp_path / "again", start=first), StopsAt(8))
    for _ in range(2):  # goes on, and finds it finished
        train(dataset, ("discs",), goes, Run(tmp_path / "again", start=first, resume=True))
    assert_same_run(tmp_path / "goes", tmp_path / "again")


def test_a_run_killed_before_it_says_that_it_is_finished_goes_back_once(
    small_dataset: Path, tmp_path: Path
) -> None:
    dataset = read_dataset(small_dataset)
    first = train(dataset, ("discs",), short(), Run(tmp_path / "first"))
    goes = short().override(["learning_rate=1e-6", "weight_interpolation=true"])
    run = Run(tmp_path / "goes", start=first)
    moved = train(dataset, ("discs",), goes, run)
    newest = max((run.folder / "checkpoints").iterdir())
    newest.unlink()  # that of the last epoch: the model is there, the checkpoint is not
    again = train(dataset, ("discs",), goes, replace(run, resume=True))
    assert again.provenance[SHARE] == moved.provenance[SHARE]
    one, other = load(run.folder).network.state_dict(), moved.network.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
