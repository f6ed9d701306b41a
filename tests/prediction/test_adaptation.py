"""A network takes half of its statistics from a tomogram that it has not learnt from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from listening import Heard
from seget.dataset import read_dataset
from seget.device import Device, choose_device
from seget.errors import InputError
from seget.networks import Architecture
from seget.prediction import Options, open_reader, predict, predict_files
from seget.prediction.adaptation import (
    LEAST_PX,
    WINDOW_PX,
    WINDOWS,
    adapted,
    normalisations,
    with_statistics_of,
)
from seget.prediction.ranges import predict_range
from seget.prediction.sampling import content_windows, sample_windows
from seget.recipes import modern
from seget.results import read_sidecar
from seget.slices import SliceReader
from seget.trained import Trained, learnt_from, load, united
from seget.training import Run, train
from seget.volume import Volume

FLOAT32 = Device(torch.device("cpu"), bf16=False)
PLAIN = Options(engine="torch", precision="float32")


@pytest.fixture(scope="module")
def trained(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Taught for eight steps; its normalisations have seen the small tomogram."""
    words = ["network=unet", "binning=1", "patch_px=48", "epochs=1", "steps_per_epoch=8"]
    folder = tmp_path_factory.mktemp("adapted") / "run"
    train(read_dataset(small_dataset), ("discs",), modern().override(words), Run(folder))
    return load(folder)


@pytest.fixture
def own(small_dataset: Path) -> Volume:
    return read_dataset(small_dataset).tomograms[0].image


@pytest.fixture
def other(own: Volume) -> Volume:
    """The same scene, noisier: another tomogram."""
    noise = np.random.default_rng(1).normal(0, 40, own.shape)
    grey = np.clip(np.asarray(own.data) + noise, 0, 255).astype(np.uint8)
    return Volume(grey, own.voxel_size_nm, name="other")


def scores(volume: Volume, model: Trained, options: Options = PLAIN) -> np.ndarray:
    return np.asarray(predict(volume, model, options)["discs"].data).astype(int)


def networks() -> list[nn.Module]:
    """Every architecture untrained, with statistics of no image."""
    made = []
    for name in ("seget", "unet", "deeplabv3plus"):
        recipe = modern().override([f"network={name}"])
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = Architecture.of(recipe, 2).build().eval()
            for one in normalisations(network):
                one.running_mean.normal_(0, 0.5)
                one.running_var.uniform_(0.5, 2)
        made.append(network)
    return made


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((3, 1, 64, 80), dtype=np.float32)


@pytest.mark.parametrize("number", range(3))
def test_all_of_the_statistics_make_every_layer_standard(number: int, windows: np.ndarray) -> None:
    """Then what leaves a normalisation, before its gain and offset, has mean 0 and variance 1."""
    made = with_statistics_of(networks()[number], [windows], FLOAT32, share=1)
    found = []

    def look(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        plain = nn.functional.batch_norm(inputs[0], layer.running_mean, layer.running_var)
        found.append(torch.var_mean(plain, (0, 2, 3)))

    for one in normalisations(made):
        one.register_forward_pre_hook(look)
    with torch.inference_mode():
        made(torch.from_numpy(windows))
    assert len(found) > 8
    for (variance, mean), one in zip(found, normalisations(made), strict=True):
        assert mean.abs().max() < 1e-3
        alive = one.running_var > 1e-3  # beside them the smallest number counts that is added
        assert torch.allclose(variance[alive], torch.ones(int(alive.sum())), atol=0.02)


@pytest.mark.parametrize("number", range(3))
def test_a_share_lies_between(number: int, windows: np.ndarray) -> None:
    network = networks()[number]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    none, half, whole = (
        with_statistics_of(network, [windows], FLOAT32, share).state_dict()
        for share in (0.0, 0.5, 1.0)
    )
    for name, tensor in before.items():
        assert torch.equal(network.state_dict()[name], tensor), "its own network was changed"
        assert torch.equal(none[name], tensor)
        if "running_" in name:
            assert torch.allclose(half[name], (tensor + whole[name]) / 2, atol=1e-6)
        else:
            assert torch.equal(whole[name], tensor), "a weight was changed"
    assert any(not torch.equal(whole[name], before[name]) for name in before)


def test_what_a_layer_makes_stronger_is_undone(windows: np.ndarray) -> None:
    """Stain, noise and thickness change the activations' means and deviations: so does this."""
    network = networks()[0]
    stronger = networks()[0]
    first = next(one for one in stronger.modules() if isinstance(one, nn.Conv2d))
    first.weight.data *= 3
    images = torch.from_numpy(windows)
    with torch.inference_mode():
        far = (stronger(images) - network(images)).abs().max()
        one, two = (
            with_statistics_of(net, [windows], FLOAT32, 1.0)(images) for net in (network, stronger)
        )
    assert (one - two).abs().max() < 0.01 * far


def test_windows_in_batches_are_nearly_one_batch(trained: Trained, other: Volume) -> None:
    """Less memory: statistics of batches, averaged."""
    reader = open_reader(other, trained, PLAIN)
    most, least = (
        normalisations(adapted(trained, reader, FLOAT32, bytes_, Heard()).network)
        for bytes_ in (None, 1)
    )
    differ = [
        (one.running_mean - two.running_mean).abs().max() / one.running_var.max().sqrt()
        for one, two in zip(most, least, strict=True)
    ]
    assert 0 < max(differ) < 0.05


def test_one_pixel_has_no_variance(windows: np.ndarray) -> None:
    """DeepLabv3+ normalises a mean over the image; of one window that is one number."""
    made = with_statistics_of(networks()[2], [windows[:1]], FLOAT32, share=1)
    with torch.inference_mode():
        assert made(torch.from_numpy(windows)).isfinite().all()
    assert all(one.running_var.isfinite().all() for one in normalisations(made))


def test_the_tomogram_that_taught_is_scored_as_learnt(
    trained: Trained, own: Volume, other: Volume
) -> None:
    assert learnt_from(trained.provenance, own) is True
    assert learnt_from(trained.provenance, other) is False
    never, always = replace(PLAIN, adapt=False), replace(PLAIN, adapt=True)
    assert np.array_equal(scores(own, trained), scores(own, trained, never))
    assert np.array_equal(scores(other, trained), scores(other, trained, always))
    assert (scores(other, trained) != scores(other, trained, never)).mean() > 0.1
    assert (scores(own, trained) != scores(own, trained, always)).mean() > 0.1


def test_who_taught_is_told_by_the_voxels(trained: Trained, own: Volume) -> None:
    data = np.asarray(own.data)
    renamed = replace(own, name="renamed", path=None, voxel_size_nm=(9.0, 9.0, 9.0))
    changed = data.copy()
    changed[:, 3, 3] += 1
    assert learnt_from(trained.provenance, renamed) is True
    for another in (changed, data[:2], data[:, :40]):
        assert learnt_from(trained.provenance, replace(own, data=another)) is False
    for odd in ({}, {"data": "cell"}, {"data": [{"train": [-1]}]}, {"data": [1]}):
        assert learnt_from(odd, own) is None, "a model that does not say"
    foreign = {"data": [{"train": [], "validation": [1], "image": own.fingerprint(slices=[1])}]}
    assert learnt_from(foreign, own) is False, "what only validated has not taught"
    pair = united([trained, replace(trained, weights_sha256="two")])[0]
    assert learnt_from(pair.provenance, own) is True
    assert learnt_from({"models": [trained.provenance, {}]}, renamed) is True
    assert learnt_from({"models": [foreign, {}]}, own) is None
    assert learnt_from({"models": [foreign, foreign]}, own) is False


def test_a_model_that_does_not_say_keeps_its_statistics(trained: Trained, other: Volume) -> None:
    silent = replace(trained, provenance={})
    assert np.array_equal(
        scores(other, silent), scores(other, trained, replace(PLAIN, adapt=False))
    )


def test_engines_and_windows_agree(trained: Trained, other: Volume) -> None:
    whole = scores(other, trained)
    for options in (replace(PLAIN, engine="openvino"), replace(PLAIN, window_px=32)):
        assert np.abs(scores(other, trained, options) - whole).max() <= 1
    pair = united([trained, replace(trained, weights_sha256="two")])[0]
    assert np.abs(scores(other, pair) - whole).max() <= 1


def test_maps_say_that_they_are_adapted(trained: Trained, other: Volume, tmp_path: Path) -> None:
    heard = Heard()
    [path] = predict_files(other, [trained], tmp_path, PLAIN, heard)
    assert sum("half of its statistics" in note for note in heard.notes) == 1
    assert read_sidecar(path.with_suffix(".json")).made_by["adapted"] is True
    with pytest.raises(InputError, match="differ"):
        predict_files(other, [trained], tmp_path, replace(PLAIN, adapt=False))
    before = path.stat().st_mtime_ns
    predict_files(other, [trained], tmp_path, replace(PLAIN, adapt=True))
    assert path.stat().st_mtime_ns == before, "what auto made is what --adapt makes"


def test_ranges_are_adapted_to_the_whole_tomogram(
    trained: Trained, other: Volume, tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    [wanted] = predict_files(other, [trained], whole, PLAIN)
    depth = other.shape[0]
    for some in (range(depth // 2), range(depth // 2, depth)):
        predict_range(other, [trained], parts, some, PLAIN)
    [made] = predict_files(other, [trained], parts, PLAIN)
    assert made.read_bytes() == wanted.read_bytes()


def test_padding_is_no_part_of_the_statistics() -> None:
    grey = np.random.default_rng(0).integers(60, 200, (4, 700, 900), np.uint8)
    grey[:, :80] = grey[:, :, :100] = 0
    reader = SliceReader.of(Volume(grey))
    asked = WINDOWS, WINDOW_PX, LEAST_PX
    found = content_windows(reader, *asked)
    assert len(found) == WINDOWS
    assert {window.shape for window in found} == {(1, WINDOW_PX, WINDOW_PX)}
    assert all((window == 0).mean() < 0.05 for window in found)
    grey[:, 500:] = 0
    narrow = content_windows(SliceReader.of(Volume(grey)), *asked)
    assert {window.shape for window in narrow} == {(1, 420, WINDOW_PX)}
    grey[:, 80 + LEAST_PX - 1 :] = 0
    assert content_windows(SliceReader.of(Volume(grey)), *asked) == []
    assert len(sample_windows(SliceReader.of(Volume(grey)), 8, WINDOW_PX)) == 8
    grey[:] = 0
    grey[1:3] = 90
    found = content_windows(SliceReader.of(Volume(grey + np.arange(900, dtype=np.uint8))), *asked)
    assert 0 < len(found) <= WINDOWS, "slices that are all padding are left out"


def test_where_padding_leaves_no_window_it_is_said(
    trained: Trained, other: Volume, tmp_path: Path
) -> None:
    framed = np.asarray(other.data).copy()
    framed[:, :12] = framed[:, -12:] = 0
    heard, volume = Heard(), replace(other, data=framed)
    reader = open_reader(volume, trained, PLAIN)
    assert adapted(trained, reader, choose_device("cpu"), None, heard) is trained
    assert "padding leaves less" in heard.notes[0]
    [path] = predict_files(volume, [trained], tmp_path, PLAIN, again := Heard())
    assert not any("half of its statistics" in note for note in again.notes)
    assert heard.notes[0] in again.notes
    assert read_sidecar(path.with_suffix(".json")).made_by["adapted"] is False
    plain = replace(trained, network=nn.Conv2d(1, 1, 1))
    assert adapted(plain, reader, FLOAT32, None, heard) is plain
    assert "the network has none" in heard.notes[1]
