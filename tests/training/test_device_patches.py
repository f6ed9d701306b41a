"""Patches cut on the device are those of the host: same draws, same numbers to rounding."""

from __future__ import annotations

from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch

from dataset_folder import Folder
from seget import files
from seget.device import Device
from seget.recipes import Recipe, modern, paper
from seget.samples import Batch, Samples
from seget.threads import made_ahead
from seget.training.device_patches import DevicePatches, Prepared
from seget.volume import Volume

CPU = Device(torch.device("cpu"), bf16=False)
TOML = """
holdout = "every-5th"
[[tomogram]]
image = "first.mrc"
[tomogram.masks]
spots = { file = "spots.mrc", value = 1, ignore = 9 }
bars = "bars.mrc"
[[tomogram]]
image = "second.mrc"
[tomogram.masks]
bars = "other.mrc"
"""
# Coordinates differ by a few roundings, so a pixel's nearest neighbour may be the next one.
LABELS_AGREE = 1 - 1e-3


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Write a tomogram with padding and ignored pixels, and one of another size and pixel size."""
    folder, rng = Folder(tmp_path), np.random.default_rng(0)
    grey = rng.integers(60, 200, (8, 90, 110), np.uint8)
    grey[:, :12] = 0
    spots = (rng.random(grey.shape) < 0.2).astype(np.uint8)
    spots[2, 30:60, 30:80] = 9
    small = rng.normal(0, 20, (5, 60, 56)).astype(np.float32)
    for name, data, nm in (
        ("first", grey, 2.0),
        ("spots", spots, 2.0),
        ("bars", (np.indices(grey.shape)[2] // 9 % 2).astype(np.uint8), 2.0),
        ("second", small, 3.0),
        ("other", (small > 15).astype(np.uint8), 3.0),
    ):
        files.write(tmp_path / f"{name}.mrc", Volume(data, (nm, nm, nm), name=name))
    return folder


def recipe(*settings: str) -> Recipe:
    return modern().override(["patch_px=64", "batch_size=4", *settings])


def on_device(patches: DevicePatches, step: int) -> Batch:
    shapes = patches.shapes()
    into = {name: torch.zeros(shape, dtype=kind) for name, (shape, kind) in shapes.items()}
    prepared = patches.prepare(step, into)
    patches.take(prepared)
    return patches.batch(prepared.tensors)


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("warp=1", "scale=0.3", "elastic_px=6"),
        ("flips=no", "grey=0"),
        ("warp=0",),
        ("noise=0", "context=1", "center_dropout=0.4"),
        ("batch_size=3", "patch_px=80", "warp=1", "context=2"),
    ],
)
def test_the_device_cuts_the_batches_of_the_host(folder: Folder, settings: tuple[str, ...]) -> None:
    samples = Samples(folder.read(TOML), ("spots", "bars"), recipe(*settings), 3)
    patches = DevicePatches(samples, CPU)
    agreement = []
    for step in range(6):
        ours, theirs = on_device(patches, step), samples.batch(step)
        torch.testing.assert_close(ours.image, theirs.image, rtol=1e-3, atol=1e-3)
        for name in ("target", "labelled"):
            one, other = getattr(ours, name), getattr(theirs, name)
            assert (one.shape, one.dtype) == (other.shape, torch.bool)
            agreement.append((one == other).float().mean())
        assert ours.tensors().keys() == theirs.tensors().keys()
        assert theirs.kept is None or torch.equal(ours.kept, theirs.kept)
    assert torch.stack(agreement).min() >= LABELS_AGREE


def test_the_grid_of_the_paper_is_cut_to_the_bit_the_last_batch_too(folder: Folder) -> None:
    given = paper("golgi").override(["patch_px=48", "stride_px=32", "batch_size=5"])
    samples = Samples(folder.read(TOML), ("bars",), given, 0)
    patches = DevicePatches(samples, CPU)
    assert samples.steps_per_epoch > 2
    for step in (0, 1, samples.steps_per_epoch - 1):
        ours, theirs = on_device(patches, step), samples.batch(step)
        for name, part in theirs.tensors().items():
            assert torch.equal(getattr(ours, name), part), (step, name)


def test_a_slice_is_copied_once(folder: Folder) -> None:
    samples = Samples(folder.read(TOML), ("bars",), recipe(), 0)
    patches = DevicePatches(samples, CPU)
    shapes = patches.shapes()
    into = {name: torch.zeros(shape, dtype=kind) for name, (shape, kind) in shapes.items()}
    seen: list[object] = []
    for step in range(30):
        prepared = patches.prepare(step, into)
        seen += prepared.slices
        patches.take(prepared)
    assert len(seen) == len(set(seen)) > 4


def test_threads_read_a_slice_once(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the batch that comes first has it, whoever read it."""
    samples = Samples(folder.read(TOML), ("bars",), recipe(), 0)
    patches = DevicePatches(samples, CPU)
    shapes = patches.shapes()
    seen: list[object] = []
    read = DevicePatches._read

    def slow(self: DevicePatches, key: Any) -> Any:
        seen.append(key)
        sleep(0.01)
        return read(self, key)

    monkeypatch.setattr(DevicePatches, "_read", slow)

    def prepare(step: int) -> Prepared:
        into = {name: torch.zeros(shape, dtype=kind) for name, (shape, kind) in shapes.items()}
        return patches.prepare(step, into)

    for prepared in list(made_ahead(prepare, range(12), threads=4)):
        patches.take(prepared)
        wanted = samples.batch(prepared.step)
        torch.testing.assert_close(
            patches.batch(prepared.tensors).image, wanted.image, rtol=1e-3, atol=1e-3
        )
    assert len(seen) == len(set(seen)) > 4
    assert not patches._waiting


def test_it_says_when_the_slices_do_not_fit(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = Samples(folder.read(TOML), ("bars",), recipe(), 0)
    assert DevicePatches.fit(samples, CPU)
    monkeypatch.setattr("seget.machine.free_memory_bytes", lambda: 500_000)
    assert not DevicePatches.fit(samples, CPU)
