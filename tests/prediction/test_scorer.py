from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from listening import Heard
from seget.device import Device, choose_device
from seget.errors import InputError, RunError
from seget.networks import Architecture, SegET
from seget.prediction import Effort, Scorer, TorchEngine
from seget.prediction.plan import Footprint

FLOAT32 = Device(torch.device("cpu"), bf16=False)


class Strided(nn.Module):
    """Down by 4, up by 4, a convolution on each side: as phase-bound as SegET, but small."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.down = nn.Conv2d(1, 4, 3, stride=4, padding=1)
            self.last = nn.Conv2d(5, 2, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        padded = nn.functional.pad(image, (0, -width % 4, 0, -height % 4), mode="replicate")
        up = nn.functional.interpolate(self.down(padded), scale_factor=4.0, mode="bilinear")
        return self.last(torch.cat([up, padded], dim=1))[..., :height, :width]


def rough(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1, height, width), dtype=np.float32)


def differ(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    window=st.integers(16, 40),
)
def test_windows_give_the_whole_slice(height: int, width: int, window: int) -> None:
    engine = Scorer(TorchEngine(Strided(), FLOAT32), Footprint(12, 4))
    pixels = rough(height, width)
    whole = engine.scores(pixels)
    assert whole.shape == (2, height, width)
    assert differ(replace(engine, effort=Effort(window)).scores(pixels), whole) <= 1


def test_seget_by_windows_is_seget_on_the_whole_slice() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SegET().eval()
    network.head.weight.data *= 30  # untrained logits hardly differ: as far apart as trained ones
    network.head.bias.data.zero_()
    pixels = rough(1200, 32)  # narrow, to be quick: rows are enough to reach across windows
    whole = Scorer(TorchEngine(network, FLOAT32), Footprint(Architecture("seget").halo_px, 16))
    by_windows = replace(whole, effort=Effort(304))
    too_small = replace(by_windows, footprint=Footprint(16, 16))
    assert differ(by_windows.scores(pixels), whole.scores(pixels)) <= 1
    assert differ(too_small.scores(pixels), whole.scores(pixels)) > 1


def test_scores_stay_in_range_whatever_comes_in() -> None:
    class Extreme(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return torch.cat([image * 0 + 1e4, image * 0 - 1e4], dim=1)

    scores = Scorer(TorchEngine(Extreme(), FLOAT32), Footprint(0, 1)).scores(rough(5, 7))
    assert np.unique(scores[0]).tolist() == [127]
    assert np.unique(scores[1]).tolist() == [0]


def test_a_device_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(InputError, match="--device tpu: wanted auto, cpu, cuda or mps"):
        choose_device("tpu")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    for name in (name for name, available in there.items() if not available):
        with pytest.raises(InputError, match=f"--device {name}: .* use --device cpu"):
            choose_device(name)


def test_views_are_the_eight_symmetries_averaged() -> None:
    pixels = rough(32, 48)
    network = Strided().eval()
    engine = Scorer(TorchEngine(network, FLOAT32), Footprint(0, 4), Effort(views=8))
    seen = []
    for turns in range(4):
        for mirror in (False, True):
            view = np.rot90(pixels[0], turns)
            view = np.ascontiguousarray(view[:, ::-1] if mirror else view)
            with torch.inference_mode():
                score = torch.sigmoid(network(torch.from_numpy(view)[None, None]))[0].numpy()
            score = score[:, :, ::-1] if mirror else score
            seen.append(np.rot90(score, -turns, axes=(1, 2)))
    assert differ(engine.scores(pixels), np.round(127 * np.mean(seen, axis=0))) <= 1


class Greedy(nn.Module):
    """Echoes, but asks for more memory than there is above a number of pixels, as a GPU would."""

    def __init__(self, most_px: int) -> None:
        super().__init__()
        self.most_px = most_px

    def forward(self, image: Tensor) -> Tensor:
        if image.numel() > self.most_px:
            raise torch.OutOfMemoryError("no memory")
        return image.clone()


def test_memory_that_runs_out_halves_the_windows_and_says_so() -> None:
    pixels = rough(100, 100)
    heard = Heard()
    whole = Scorer(TorchEngine(Greedy(10_000), FLOAT32), Footprint(0, 1)).scores(pixels)
    engine = Scorer(TorchEngine(Greedy(700), FLOAT32), Footprint(0, 1), listener=heard)
    np.testing.assert_array_equal(engine.scores(pixels), whole)
    assert [words.split(";")[0] for words in heard.notes] == [
        "out of memory with windows of 100 px",
        "out of memory with windows of 50 px",
    ]
    assert engine.effort.window_px == 25
    with pytest.raises(RunError, match="does not suffice"):
        Scorer(TorchEngine(Greedy(10), FLOAT32), Footprint(0, 1)).scores(pixels)
