from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget.errors import RunError
from seget.patches import windows
from seget.prediction import plan
from seget.prediction.plan import Footprint
from seget.recipes import modern

GB = 10**9
SEGET = Footprint.of(modern().override(["binning=1"]), 1, bf16=True)


@given(
    shape=st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    memory_bytes=st.integers(GB, 20 * GB),
    outputs=st.integers(1, 12),
    bf16=st.booleans(),
)
def test_the_windows_fit_and_larger_ones_would_not(
    shape: tuple[int, int], memory_bytes: int, outputs: int, bf16: bool
) -> None:
    footprint = Footprint.of(modern(), outputs, bf16=bf16)
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


def test_too_little_memory_is_one_sentence() -> None:
    with pytest.raises(RunError, match=r"300 MB of memory .* larger --max-memory"):
        plan.window_px((2048, 2048), SEGET, 300 * 10**6)
