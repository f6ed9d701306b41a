"""What prediction makes of tomograms unlike those of the training: frames, sizes, contrast."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from listening import Heard
from seget import files
from seget.dataset import read_dataset
from seget.errors import InputError
from seget.prediction import Options, predict, predict_files
from seget.recipes import modern
from seget.trained import Trained, load
from seget.training import Run, train
from seget.volume import Volume


def smooth(shape: tuple[int, int, int] = (3, 64, 96), nm: float = 2.0) -> Volume:
    """A volume of slow waves and a little grain, in the range of scores."""
    z, y, x = np.indices(shape)
    waves = 60 + 40 * np.sin(y / 9 + z) * np.cos(x / 11)
    grain = np.random.default_rng(0).normal(0, 2, shape)
    return Volume((waves + grain).round().astype(np.uint8), (4.0, nm, nm), name="cell")


def scores_of(volume: Volume, trained: Trained, **options: object) -> np.ndarray:
    return np.asarray(predict(volume, trained, Options(**options))["echo"].data)  # type: ignore[arg-type]


@pytest.fixture
def echo_2nm(echo: Trained) -> Trained:
    """Echoes the normalised grey value, shifted into the range of scores."""

    class Positive(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image[:, :1]

    return replace(echo, network=Positive(), pixel_nm=(2.0, 2.0))


@pytest.mark.parametrize("value", [0, 60, 255])
def test_a_frame_changes_nothing_inside_and_is_scored_0(echo_2nm: Trained, value: int) -> None:
    volume = smooth()
    plain = scores_of(volume, echo_2nm)
    framed = np.pad(volume.data, ((2, 1), (20, 9), (0, 30)), constant_values=value)
    scores = scores_of(replace(volume, data=framed), echo_2nm)
    inside = np.s_[2:-1, 20:-9, :-30]
    # To one step of 127, but for pixels beside the frame that happen to have its value.
    assert (np.abs(scores[inside].astype(int) - plain) > 1).mean() < 0.005
    outside = np.ones(scores.shape, bool)
    outside[inside] = False
    assert (scores[outside] == 0).mean() > 0.999


def test_hot_voxels_change_nothing_elsewhere(echo_2nm: Trained) -> None:
    volume = smooth()
    hot = volume.data.astype(np.float32)
    hot[1, 5:7, 5:7] = 1e6
    heard = Heard()
    scores = np.asarray(predict(replace(volume, data=hot), echo_2nm, Options(), heard)["echo"].data)
    different = np.abs(scores.astype(int) - scores_of(volume, echo_2nm)) > 1
    assert different.sum() == 4
    assert any("4 sampled voxels lie more than 100 deviations" in note for note in heard.notes)


@pytest.mark.parametrize("factor", [2, 3])
def test_a_finer_tomogram_is_read_at_the_model_s_pixel_size(echo_2nm: Trained, factor: int) -> None:
    volume = smooth()
    fine = np.repeat(np.repeat(volume.data, factor, axis=1), factor, axis=2)
    size = (4.0, 2.0 / factor, 2.0 / factor)
    seen: list[tuple[int, ...]] = []
    handle = echo_2nm.network.register_forward_pre_hook(
        lambda _, image: seen.append(tuple(image[0].shape[-2:]))
    )
    heard = Heard()
    found = predict(replace(volume, data=fine, voxel_size_nm=size), echo_2nm, Options(), heard)
    handle.remove()
    assert set(seen) == {(64, 96)}
    scores = np.asarray(found["echo"].data)
    assert found["echo"].voxel_size_nm == size
    assert scores.shape == fine.shape
    means = scores.reshape(3, 64, factor, 96, factor).mean(axis=(2, 4))
    assert np.abs(means - scores_of(volume, echo_2nm)).mean() < 1.5  # grain is smoothed
    ratio = {2: "half size", 3: "0.33 times its size"}[factor]
    words = f"cell: tomogram {2 / factor:.4g} nm, model 2 nm: read at {ratio}."
    assert words in heard.notes


def test_a_coarser_tomogram_is_enlarged_and_its_scores_shrunk(echo_2nm: Trained) -> None:
    volume = smooth(nm=4.0)
    scores = scores_of(volume, echo_2nm)
    assert scores.shape == volume.shape
    plain = scores_of(volume, echo_2nm, rescale=False)
    assert np.abs(scores.astype(int) - plain).mean() < 2


def test_no_rescale_and_unknown_sizes_read_as_it_is(echo_2nm: Trained) -> None:
    volume = smooth(nm=1.0)
    as_it_is = scores_of(replace(volume, voxel_size_nm=(4.0, 2.0, 2.0)), echo_2nm)
    np.testing.assert_array_equal(scores_of(volume, echo_2nm, rescale=False), as_it_is)
    for size in (None, (0.1, 0.1, 0.1)):
        heard = Heard()
        unknown = replace(volume, voxel_size_nm=size)
        scores = predict(unknown, echo_2nm, Options(), heard)["echo"]
        np.testing.assert_array_equal(scores.data, as_it_is)
        assert len(heard.notes) == 1
        assert "its pixel size is unknown and taken to be 2 nm" in heard.notes[0]
    with pytest.raises(InputError, match="at most a factor of 4"):
        predict(smooth(nm=0.4), echo_2nm)


def test_inverted_contrast_is_turned(echo_2nm: Trained) -> None:
    volume = smooth()
    white = replace(volume, data=255 - volume.data)
    found = scores_of(white, echo_2nm, invert=True)
    assert np.abs(found.astype(int) - scores_of(volume, echo_2nm)).max() <= 1


def test_sentences_are_said_once_whatever_the_number_of_models(
    echo_2nm: Trained, tmp_path: Path
) -> None:
    models = [
        replace(echo_2nm, structures=(s,), thresholds={s: 0.1}, weights_sha256=s) for s in "abc"
    ]
    heard = Heard()
    predict_files(smooth(nm=1.0), models, tmp_path, listener=heard)
    assert sum("read at half size" in note for note in heard.notes) == 1
    unknown = [replace(one, pixel_nm=None) for one in models]
    heard = Heard()
    predict_files(smooth(), unknown, tmp_path / "unknown", listener=heard)
    assert sum("does not know the pixel size" in note for note in heard.notes) == 1


@pytest.mark.parametrize("change", [{"invert": True}, {"rescale": False}])
def test_maps_that_were_read_otherwise_are_not_taken_for_these(
    echo_2nm: Trained, tmp_path: Path, change: dict[str, bool]
) -> None:
    volume = smooth(nm=1.0)
    (path,) = predict_files(volume, [echo_2nm], tmp_path)
    with pytest.raises(InputError, match="settings differ"):
        predict_files(volume, [echo_2nm], tmp_path, Options(**change))  # type: ignore[arg-type]
    made_by = json.loads(path.with_suffix(".json").read_text())["made_by"]
    assert made_by["pixel_nm"] == [2.0, 2.0]
    assert made_by["normalisation"]["mean"] == pytest.approx(60, abs=3)


def test_a_structure_that_is_found_nowhere_is_named(echo_2nm: Trained, tmp_path: Path) -> None:
    def notes(threshold: float, folder: str) -> list[str]:
        heard = Heard()
        trained = replace(echo_2nm, thresholds={"echo": threshold})
        predict_files(smooth(), [trained], tmp_path / folder, listener=heard)
        return [note for note in heard.notes if "found nowhere" in note]

    assert notes(0.5, "there") == []
    (note,) = notes(0.999, "nowhere")
    assert note.startswith("cell: echo is found nowhere")
    assert "--invert" in note
    assert "--voxel-size" in note


def test_a_structure_in_the_slices_of_an_interrupted_run_is_found(
    echo_2nm: Trained, tmp_path: Path
) -> None:
    """Found before the interruption only: what is on the disk counts."""
    data = np.full((3, 64, 80), 60) + np.random.default_rng(0).integers(-9, 9, (3, 64, 80))
    data[0, 30:40, 30:40] = 120
    volume = Volume(data.astype(np.uint8), (4.0, 2.0, 2.0), name="cell")
    trained = replace(echo_2nm, thresholds={"echo": 0.95})

    class Stop(Heard):
        def progress(self, done: int, total: int) -> None:
            if done == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_files(volume, [trained], tmp_path, listener=Stop())
    heard = Heard()
    predict_files(volume, [trained], tmp_path, listener=heard)
    assert any("going on after an interrupted run" in note for note in heard.notes)
    assert not any("found nowhere" in note for note in heard.notes)


def test_three_slices_are_learnt_and_predicted(small_dataset: Path, tmp_path: Path) -> None:
    """`--set context=1`: windows with their halo give what whole slices give."""
    recipe = modern().override(
        ["context=1", "network=unet", "binning=1", "patch_px=48", "epochs=1", "steps_per_epoch=8"]
    )
    dataset = read_dataset(small_dataset)
    train(dataset, ("discs",), recipe, Run(tmp_path / "run"))
    trained = load(tmp_path / "run")
    assert trained.architecture.inputs == 3
    tomogram = dataset.tomograms[0].image
    exact = {"precision": "float32", "adapt": False}
    whole = predict(tomogram, trained, Options(engine="torch", **exact))["discs"].data
    by_windows = predict(tomogram, trained, Options(engine="torch", window_px=32, **exact))
    graph = predict(tomogram, trained, Options(engine="openvino", **exact))
    for other in (by_windows, graph):
        assert np.abs(np.asarray(other["discs"].data).astype(int) - whole).max() <= 1
    # It looks at its neighbours: without them a slice has other scores.
    alone = replace(tomogram, data=np.asarray(tomogram.data)[5:6])
    assert (predict(alone, trained, Options(**exact))["discs"].data[0] != whole[5]).mean() > 0.01
    # Of slices half as far apart every second one is a neighbour.
    assert tomogram.voxel_size_nm is not None
    z_nm, *pixel_nm = tomogram.voxel_size_nm
    assert trained.slice_nm == pytest.approx(z_nm)
    twice = replace(
        tomogram,
        data=np.repeat(np.asarray(tomogram.data), 2, axis=0),
        voxel_size_nm=(z_nm / 2, *pixel_nm),
    )
    finer = predict(twice, trained, Options(engine="torch", **exact))["discs"].data[::2]
    assert np.abs(np.asarray(finer).astype(int) - whole).mean() < 0.05
    as_it_is = predict(twice, trained, Options(engine="torch", rescale=False, **exact))
    assert np.abs(np.asarray(as_it_is["discs"].data[::2]).astype(int) - whole).mean() > 0.3


def test_tomograms_of_several_sizes_are_learnt_at_one(tmp_path: Path) -> None:
    """Discs of 40 nm, drawn at 1, 2 and 4 nm a pixel: in every patch they have one size."""
    tables = []
    for nm in (1, 2, 4):
        edge = 384 // nm
        rng = np.random.default_rng(nm)
        y, x = np.indices((edge, edge)) * nm
        disc = np.hypot(y - 200, x - 150) < 40
        grey = np.where(disc, 180, 90) + ndimage.gaussian_filter(rng.normal(0, 40, y.shape), 1)
        for name, data in (("image", grey[None].repeat(2, 0)), ("disc", disc[None].repeat(2, 0))):
            volume = Volume(data.astype(np.uint8), (4.0, nm, nm))
            files.write(tmp_path / f"{name}{nm}.mrc", volume)
        tables.append(f'[[tomogram]]\nimage = "image{nm}.mrc"\nmasks = {{ disc = "disc{nm}.mrc" }}')
    (tmp_path / "dataset.toml").write_text("\n".join(['holdout = "none"', *tables]))
    dataset = read_dataset(tmp_path / "dataset.toml")
    from seget.samples import Samples

    still = ["flips=no", "warp=0", "grey=0", "noise=0", "patch_px=192", "foreground_share=0"]
    samples = Samples(dataset, ("disc",), modern().override([*still, "batch_size=8"]), 0)
    assert samples.pixel_nm == (2.0, 2.0)
    assert {reader.shape for reader in samples.readers} == {(2, 192, 192)}
    batch = samples.batch(0)
    areas = batch.target.sum(dim=(1, 2, 3))
    assert areas.float().std() / areas.float().mean() < 0.02
    assert areas.float().mean().item() == pytest.approx(np.pi * 20**2, rel=0.03)
    assert sum("read at" in note for note in samples.notes()) == 2
    at_4 = Samples(dataset, ("disc",), modern().override([*still, "pixel_nm=4"]), 0)
    assert {reader.shape for reader in at_4.readers} == {(2, 96, 96)}
