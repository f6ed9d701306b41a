"""From grey values to scores on the device is what the host does, on a processor as on CUDA."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seget.device import Device, choose_device
from seget.networks import Architecture
from seget.prediction import Effort, Scorer, TorchEngine
from seget.prediction.on_device import can_score_on_device, score_on_device
from seget.slices import SliceReader
from seget.volume import Volume

CPU = Device(torch.device("cpu"), bf16=False)


def volume(kind: str, *, framed: bool) -> Volume:
    rng = np.random.default_rng(1)
    grey = rng.normal(100, 20, (5, 70, 83)).clip(1, 254)
    if framed:
        grey[:, :, :20] = 0
        grey[2] = 0
    if kind in ("float32", "float64", ">f4"):
        grey[1, 30, 40:50] = np.nan
        grey[3, 10, 3] = np.inf
    return Volume(grey.astype(kind))


def scorer(
    device: Device, *, context: int = 0, window: int | None = None, views: int = 1
) -> Scorer:
    architecture = Architecture("seget", 2 * context + 1, 2)
    network = architecture.build(1).eval()
    with torch.no_grad():
        network.head.weight *= 30
        network.head.bias.zero_()
    return Scorer.of(TorchEngine(network, device), architecture, Effort(window, views, 10**9))


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize(
    "kind", ["uint8", "int8", "int16", "uint16", "float32", ">f4", "float64", "int32"]
)
def test_the_device_gives_the_scores_of_the_host(kind: str, framed: bool) -> None:
    if kind == "int8":
        given = Volume((volume("uint8", framed=framed).data.astype(int) - 128).astype(np.int8))
    else:
        given = volume(kind, framed=framed)
    assert_same_scores(SliceReader.of(given), scorer(CPU))


def assert_same_scores(reader: SliceReader, scoring: Scorer) -> None:
    numbers = list(range(reader.shape[0]))
    found = list(score_on_device(reader, scoring, numbers))
    assert [z for z, _ in found] == numbers
    for z, got in found:
        wanted = reader.restore(z, scoring.scores(reader.read(z)))
        assert (got.shape, got.dtype) == (wanted.shape, np.uint8)
        assert np.abs(got.astype(int) - wanted).max() <= 1
        assert (got != wanted).mean() < 0.01


@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("window", [None, 48])
def test_with_neighbours_windows_views_and_inverted(context: int, window: int | None) -> None:
    reader = SliceReader.of(volume("uint8", framed=True), context=context, invert=True)
    assert_same_scores(reader, scorer(CPU, context=context, window=window, views=4))


def test_it_is_for_cuda_and_for_slices_on_their_own_grid() -> None:
    plain = SliceReader.of(volume("uint8", framed=False))
    assert not can_score_on_device(plain, scorer(CPU))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="wants a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_cuda_agrees_with_the_processor(precision: str) -> None:
    reader = SliceReader.of(volume("uint8", framed=True))
    there, here = scorer(choose_device("cuda", precision)), scorer(CPU)
    assert can_score_on_device(reader, there)
    for z, got in score_on_device(reader, there, [0, 1, 2]):
        wanted = reader.restore(z, here.scores(reader.read(z)))
        off = np.abs(got.astype(int) - wanted)
        assert off.mean() < (0.1 if precision == "float32" else 2)
