"""Which features of the center a step does without: by the seed and the step, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seget.dataset import read_dataset
from seget.recipes import Recipe, modern
from seget.samples import Samples
from small_patches import gridded


def samples_of(toml: Path, *settings: str, seed: int = 3, recipe: Recipe | None = None) -> Samples:
    recipe = recipe or modern().override(["patch_px=48", "batch_size=6"])
    return Samples(read_dataset(toml), ("discs",), recipe.override(settings), seed)


@pytest.mark.parametrize("left_out", [0.1, 0.5])
def test_so_many_are_left_out_and_the_sum_stays(small_dataset: Path, left_out: float) -> None:
    """Each patch and each step has others."""
    samples = samples_of(small_dataset, f"center_dropout={left_out}")
    kept = torch.stack([samples.batch(step).kept for step in range(8)])
    assert kept.shape == (8, 6, 256)
    assert kept.unique().tolist() == pytest.approx([0, 1 / (1 - left_out)])
    drawn = kept.numel()
    share = float((kept == 0).sum()) / drawn
    assert abs(share - left_out) < 5 * (left_out * (1 - left_out) / drawn) ** 0.5
    assert len(kept.flatten(0, 1).unique(dim=0)) == 48
    again = samples_of(small_dataset, f"center_dropout={left_out}")
    assert torch.equal(again.batch(5).kept, kept[5])


@pytest.mark.parametrize("base", [modern().override(["patch_px=48", "batch_size=6"]), gridded()])
def test_nothing_else_of_a_batch_depends_on_it(small_dataset: Path, base: Recipe) -> None:
    plain, with_it = (
        samples_of(small_dataset, f"center_dropout={share}", recipe=base) for share in (0, 0.4)
    )
    for step in range(3):
        one, other = plain.batch(step), with_it.batch(step)
        assert one.kept is None
        assert other.kept is not None
        for name, tensor in one.tensors().items():
            assert torch.equal(getattr(other, name), tensor), name


@pytest.mark.parametrize("network", ["unet", "fcn8s", "segnet", "deeplabv3plus"])
def test_a_network_without_a_center_keeps_all(small_dataset: Path, network: str) -> None:
    samples = samples_of(small_dataset, f"network={network}", "center_dropout=0.4")
    assert samples.batch(0).kept is None


def test_processes_share_what_one_would_draw(small_dataset: Path) -> None:
    whole = samples_of(small_dataset, "center_dropout=0.4")
    parts = []
    for rank in range(4):
        part = samples_of(small_dataset, "center_dropout=0.4")
        part.part = rank, 4
        parts.append(part.batch(2).kept)
    assert torch.equal(torch.cat(parts), whole.batch(2).kept)


def test_a_batch_in_parts_is_the_batch(small_dataset: Path) -> None:
    batch = samples_of(small_dataset, "center_dropout=0.4").batch(1)
    parts = batch.split(4)
    assert [len(part.image) for part in parts] == [4, 2]
    for name, tensor in batch.tensors().items():
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), tensor)
