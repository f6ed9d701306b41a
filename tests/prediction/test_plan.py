from __future__ import annotations

from time import sleep

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seget.device import Device
from seget.errors import RunError
from seget.networks import Architecture
from seget.networks.architecture import NETWORKS
from seget.patches import windows
from seget.prediction import Effort, Scorer, plan
from seget.prediction.plan import Footprint
from seget.recipes import modern

GB = 10**9
SEGET = Footprint.of(Architecture("seget"), bf16=True)


@given(
    shape=st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    memory_bytes=st.integers(GB, 20 * GB),
    outputs=st.integers(1, 12),
    bf16=st.booleans(),
)
def test_the_windows_fit_and_larger_ones_would_not(
    shape: tuple[int, int], memory_bytes: int, outputs: int, bf16: bool
) -> None:
    footprint = Footprint.of(Architecture.of(modern(), outputs), bf16=bf16)
    size = plan.window_px(shape, footprint, memory_bytes)
    assert footprint.memory_bytes(shape, size) <= memory_bytes
    if size is not None:
        assert footprint.memory_bytes(shape, None) > memory_bytes
        larger = size + footprint.multiple
        assert size > max(shape) or footprint.memory_bytes(shape, larger) > memory_bytes
        # What is stated is no less than what the windows really read.
        largest = max(
            (w.read[0].stop - w.read[0].start) * (w.read[1].stop - w.read[1].start)
            for w in windows(shape, size, footprint.halo_px, footprint.multiple)
        )
        stated = footprint.memory_bytes(shape, size) - plan.PROGRAM_BYTES
        assert stated >= int(largest * footprint.bytes_per_px)


def test_a_paper_slice_is_taken_whole_within_three_gigabytes() -> None:
    assert plan.window_px((2048, 2048), SEGET, 3 * GB) is None
    assert plan.window_px((2048, 2048), SEGET, 1 * GB) == 368
    whole = plan.in_words((76, 2048, 2048), SEGET, None)
    assert whole == "76 slices of 2048 x 2048, whole, 2.8 GB of memory"
    assert "in 16 windows each" in plan.in_words((76, 2048, 2048), SEGET, 512)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_tensor_has_more_numbers_than_torch_counts(name: str) -> None:
    """With memory without end a slice of 8192 x 8192 is cut, or its largest maps would be 2^31."""
    architecture = Architecture(name)
    footprint = Footprint.of(architecture, bf16=True)
    size = plan.window_px((30_000, 30_000), footprint, 10**15)
    assert size is not None
    read = size + 2 * footprint.halo_px + 2 * footprint.multiple
    assert read**2 * architecture.numbers_per_px < 2**31
    assert plan.window_px((4096, 4096), footprint, 10**15) is None


def test_the_largest_map_of_seget_is_known() -> None:
    """Of the last decoder: 32 channels from below beside a skip of 8; a quarter binned by 2."""
    assert Architecture("seget").numbers_per_px == 40
    assert Architecture("seget", binning=2).numbers_per_px == 10
    assert plan.window_px((8192, 8192), SEGET, 10**15) is not None
    assert plan.window_px((7168, 7168), SEGET, 10**15) is None
    graph = Footprint.of(Architecture("seget"), bf16=True, graph=True)
    assert plan.window_px((8192, 8192), graph, 10**15) is None


def test_too_little_memory_is_one_sentence() -> None:
    with pytest.raises(RunError, match=r"300 MB of memory .* larger --max-memory"):
        plan.window_px((2048, 2048), SEGET, 300 * 10**6)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59.5, "60 s"), (61, "2 min"), (3500, "59 min"), (3700, "1.1 h")],
)
def test_durations_are_said_upwards(seconds: float, words: str) -> None:
    assert plan.duration_in_words(seconds) == words


def test_what_windows_read_is_counted_with_their_surroundings() -> None:
    assert plan.read_px((64, 96), Footprint(16, 16), None) == 64 * 96
    # Two columns of 48 px, which read 16 px beside them on the inner side and on the outer side
    # are moved inwards: 80 px each.
    assert plan.read_px((48, 96), Footprint(16, 16), 48) == 2 * 48 * 80


def test_the_time_of_a_long_run_is_counted_up_from_a_small_window() -> None:
    class Slow:
        """An engine of a known pace: a second for 10^7 pixels."""

        name, device = "slow", Device(torch.device("cpu"), bf16=False)

        def scores(self, pixels: np.ndarray, views: int = 1) -> np.ndarray:
            sleep(views * pixels.size / 1e7)
            return np.zeros((1, *pixels.shape), np.uint8)

    scorer = Scorer(Slow(), Footprint(0, 16), Effort(views=1))
    assert scorer.seconds((3, 512, 512)) is None
    expected = 76 * 2048 * 2048 / 1e7
    assert scorer.seconds((76, 2048, 2048)) == pytest.approx(expected, rel=0.5)
    words = plan.in_words((76, 2048, 2048), Footprint(0, 16), None, expected)
    assert words.endswith("of memory, about 32 s")
