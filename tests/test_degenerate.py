"""Tomograms with nothing to see in them, or with what is no number: scores stay scores."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from seget import files
from seget.dataset import read_dataset
from seget.device import choose_device
from seget.errors import InputError
from seget.networks import NETWORKS, Architecture
from seget.normalisation import CLIP, Normalisation, normalisation
from seget.prediction import Scorer, TorchEngine, predict
from seget.recipes import modern
from seget.trained import Trained
from seget.training import Run, train
from seget.volume import Volume

Array = npt.NDArray[np.float32]
SHAPE = (3, 40, 48)
TINY = ["patch_px=16", "batch_size=2", "epochs=1", "steps_per_epoch=1", "binning=1"]


def grey(shape: tuple[int, ...] = SHAPE) -> Array:
    return np.random.default_rng(0).normal(100, 20, shape).astype(np.float32)


def with_voxels(*values: float) -> Array:
    """Grey values with a tenth of the voxels of each of some others."""
    array = grey()
    places = np.random.default_rng(1).random(SHAPE)
    for number, value in enumerate(values):
        array[(places >= number / 10) & (places < (number + 1) / 10)] = value
    return array


def framed() -> Array:
    """An image in a wide black border, as reconstructions of tilted sections have it."""
    array = np.zeros(SHAPE, np.float32)
    array[:, 15:30, 15:30] = grey()[:, 15:30, 15:30]
    return array


def one_constant_slice() -> Array:
    array = grey()
    array[1] = 7
    return array


def one_slice_of_nan() -> Array:
    array = grey()
    array[1] = np.nan
    return array


def one_hot_voxel(value: float) -> Array:
    array = grey((40, 16, 16))  # too many slices for each to be sampled
    array[1, 1, 1] = value
    return array


VOLUMES: dict[str, Callable[[], npt.NDArray[np.generic]]] = {
    "NaN": lambda: with_voxels(np.nan),
    "infinities": lambda: with_voxels(np.inf, -np.inf),
    "the largest numbers": lambda: with_voxels(3.4e38, -3.4e38),
    "the smallest numbers": lambda: with_voxels(0) * np.float32(1e-44),
    "one of 1e30": lambda: one_hot_voxel(1e30),
    "one slice of NaN": one_slice_of_nan,
    "one constant slice": one_constant_slice,
    "a black border": framed,
    "one slice": lambda: grey((1, 40, 48)),
    "one row a slice": lambda: grey((3, 1, 48)),
    "one column": lambda: grey((3, 40, 1)),
    "bools": lambda: grey() > 100,
    "int32": lambda: np.where(grey() > 100, 2**31 - 1, -(2**31)).astype(np.int32),
}


@pytest.fixture(scope="module")
def trained() -> Trained:
    torch.manual_seed(0)
    network = Architecture("seget", outputs=2).build().eval()
    shares = {"golgi": 0.5, "synapse": 0.5}
    return Trained(network, tuple(shares), modern().override(TINY), shares)


@pytest.mark.parametrize("make", VOLUMES.values(), ids=VOLUMES.keys())
def test_scores_are_finite_and_in_range(
    trained: Trained, make: Callable[[], npt.NDArray[np.generic]]
) -> None:
    volume = Volume(make())
    normalise = normalisation(volume)
    for z in range(volume.shape[0]):
        normalised = normalise(volume.slice(z))
        assert np.abs(normalised).max() <= CLIP
        with torch.inference_mode():
            logits = trained.network(torch.from_numpy(normalised)[None, None])
        assert bool(logits.isfinite().all())
    maps = predict(volume, trained)
    assert list(maps) == ["golgi", "synapse"]
    for scores in maps.values():
        assert scores.shape == volume.shape
        assert scores.data.dtype == np.uint8
        assert scores.data.max() <= 127


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_takes_a_voxel(network: str) -> None:
    architecture = Architecture(network)
    scorer = Scorer.of(TorchEngine(architecture.build(), choose_device("cpu")), architecture)
    assert scorer.scores(np.zeros((1, 1, 1), np.float32)).shape == (1, 1, 1)


@pytest.mark.parametrize(
    "empty",
    [
        np.full(SHAPE, np.nan),
        np.zeros(SHAPE, np.uint8),
        np.full(SHAPE, 0.1),
        np.full((1, 1, 1), 7),
        grey().astype(np.float64) * 1e300,
    ],
    ids=["NaN", "black", "constant", "one voxel", "beyond float32"],
)
def test_a_volume_with_nothing_in_it_is_one_sentence(
    trained: Trained, empty: npt.NDArray[np.generic]
) -> None:
    with pytest.raises(InputError, match="cell: nothing is in the sampled slices"):
        predict(Volume(empty, name="cell"), trained)


def test_voxels_that_are_no_numbers_are_the_mean_and_warn_of_nothing() -> None:
    values = np.array([[np.nan, np.inf, -np.inf, 10, 12, 1e300, -1e300, 1e30]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Normalisation(10, 2)(values)
    np.testing.assert_array_equal(found, [[0, 0, 0, 0, 1, 0, 0, CLIP]])


def dataset(folder: Path, image: npt.NDArray[np.generic], mask: npt.NDArray[np.generic]) -> Path:
    files.write(folder / "tomogram.mrc", Volume(image.astype(np.float32)))
    files.write(folder / "golgi.mrc", Volume(mask.astype(np.uint8)))
    text = 'holdout = "none"\n[[tomogram]]\nimage = "tomogram.mrc"\nmasks = { golgi = "golgi.mrc" }'
    (folder / "dataset.toml").write_text(text)
    return folder / "dataset.toml"


DRAWN = grey() > 110
NOTHING = r"tomogram.mrc: nothing is in the sampled slices, each of which is one value"
UNTAUGHT = {
    "constant": (np.full(SHAPE, 0.1), DRAWN, NOTHING),
    "NaN": (np.full(SHAPE, np.nan), DRAWN, NOTHING),
    "one voxel": (np.ones((1, 1, 1)), np.ones((1, 1, 1)), NOTHING),
    "no foreground": (grey(), DRAWN * 0, "golgi has no foreground in the annotated slices"),
    "only foreground": (grey(), DRAWN * 0 + 1, "golgi fills every training slice and leaves"),
}


@pytest.mark.parametrize(("image", "mask", "words"), UNTAUGHT.values(), ids=UNTAUGHT.keys())
def test_training_on_nothing_stops_with_the_reason(
    tmp_path: Path,
    image: npt.NDArray[np.generic],
    mask: npt.NDArray[np.generic],
    words: str,
) -> None:
    with pytest.raises(InputError, match=words) as error:
        read = read_dataset(dataset(tmp_path, image, mask))
        train(read, ("golgi",), modern().override(TINY), Run(tmp_path / "run"))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("make", [framed, one_slice_of_nan])
def test_training_goes_on_where_there_is_something_to_learn(
    tmp_path: Path, make: Callable[[], Array]
) -> None:
    image = make()
    image[2] = 7
    image[0, ::3] = np.inf
    read = read_dataset(dataset(tmp_path, image, DRAWN))
    trained = train(read, ("golgi",), modern().override(TINY), Run(tmp_path / "run"))
    assert all(bool(part.isfinite().all()) for part in trained.network.state_dict().values())


def test_training_on_one_slice_and_on_slices_smaller_than_a_patch(tmp_path: Path) -> None:
    shape = (1, 9, 7)
    read = read_dataset(dataset(tmp_path, grey(shape), grey(shape) > 100))
    trained = train(read, ("golgi",), modern().override(TINY), Run(tmp_path / "run"))
    assert predict(read.tomograms[0].image, trained)["golgi"].shape == shape
