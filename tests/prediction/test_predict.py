from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from listening import Heard
from seget import files
from seget.calibration import Calibration
from seget.errors import InputError
from seget.prediction import Options, predict, predict_files
from seget.prediction.segment import segment_files
from seget.results import read_sidecar
from seget.trained import Trained
from seget.volume import Volume


def named(echo: Trained, *structures: str) -> Trained:
    return replace(
        echo,
        structures=structures,
        thresholds=dict.fromkeys(structures, 0.5),
        weights_sha256="-".join(structures),
    )


@pytest.mark.parametrize(("window", "views"), [(None, 1), (16, 1), (None, 8), (16, 4)])
def test_a_network_that_echoes_gives_the_volume_back(
    ramp: Volume, echo: Trained, window: int | None, views: int
) -> None:
    heard = Heard()
    scores = predict(ramp, echo, Options(window_px=window, views=views), heard)["echo"]
    np.testing.assert_array_equal(scores.data, ramp.data)
    assert (scores.voxel_size_nm, scores.origin_nm) == (ramp.voxel_size_nm, ramp.origin_nm)
    assert heard.counts == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("format", ["mrc", "zarr"])
def test_score_maps_on_disk_keep_place_and_scale(
    ramp: Volume, echo: Trained, tmp_path: Path, format: str
) -> None:
    (path,) = predict_files(ramp, [echo], tmp_path, Options(format=format))
    assert path.name == f"ramp__echo.{format}"
    written = files.read(path)
    np.testing.assert_array_equal(np.asarray(written.data[:]), ramp.data)
    assert written.voxel_size_nm == pytest.approx(ramp.voxel_size_nm)
    assert written.origin_nm == pytest.approx(ramp.origin_nm)
    beside = json.loads(path.with_suffix(".json").read_text())
    assert beside["threshold"] == 0.25
    assert beside["scale"] == 127
    assert beside["structure"] == "echo"


def test_the_same_command_goes_on_and_another_is_refused(
    ramp: Volume, echo: Trained, tmp_path: Path
) -> None:
    (path,) = predict_files(ramp, [echo], tmp_path)
    before = path.stat().st_mtime_ns
    predict_files(ramp, [echo], tmp_path)
    assert path.stat().st_mtime_ns == before
    other = replace(echo, weights_sha256="other")
    with pytest.raises(InputError, match=r"ramp__echo\.mrc: exists .* --overwrite"):
        predict_files(ramp, [other], tmp_path)
    with pytest.raises(InputError, match="settings differ"):
        predict_files(ramp, [echo], tmp_path, Options(precision="float32"))
    predict_files(ramp, [other], tmp_path, Options(overwrite=True))
    assert path.stat().st_mtime_ns != before


def test_a_foreign_map_is_refused_before_any_work(
    ramp: Volume, echo: Trained, tmp_path: Path
) -> None:
    predict_files(ramp, [named(echo, "b")], tmp_path)
    with pytest.raises(InputError, match="ramp__b"):
        predict_files(
            ramp, [named(echo, "a"), replace(named(echo, "b"), weights_sha256="x")], tmp_path
        )
    assert not (tmp_path / "ramp__a.mrc").exists()


def test_the_logits_of_two_models_of_one_structure_are_averaged(
    ramp: Volume, echo: Trained, tmp_path: Path
) -> None:
    other = replace(echo, calibration={"echo": Calibration(bias=1.0)}, thresholds={"echo": 0.75})
    heard = Heard()
    (path,) = predict_files(ramp, [echo, other], tmp_path, listener=heard)
    assert any("the logits of 2 models are averaged" in text for text in heard.notes)
    inner = np.clip(ramp.data / 127, 1e-6, 1 - 1e-6)
    wanted = 127 * expit(logit(inner) + 0.5)
    assert np.abs(np.asarray(files.read(path).data) - wanted).max() <= 0.6
    assert read_sidecar(path.with_suffix(".json")).threshold == 0.5
    assert predict_files(ramp, [echo, other], tmp_path) == [path]
    with pytest.raises(InputError, match="made by another command"):
        predict_files(ramp, [echo, replace(other, calibration={})], tmp_path)


def test_models_that_share_some_structures_are_refused(
    ramp: Volume, echo: Trained, tmp_path: Path
) -> None:
    two = replace(echo, structures=("echo", "other"))
    with pytest.raises(InputError, match="two of the models score echo beside structures"):
        predict_files(ramp, [echo, two], tmp_path)
    finer = replace(echo, pixel_nm=(1.0, 1.0))
    with pytest.raises(InputError, match="differ in pixel size"):
        predict_files(ramp, [echo, finer], tmp_path)


def test_labels_follow_the_order_of_the_models(ramp: Volume, echo: Trained, tmp_path: Path) -> None:
    labels = segment_files(ramp, [named(echo, "zebra"), named(echo, "ant")], tmp_path)
    legend = json.loads((tmp_path / "labels.json").read_text())
    assert [legend[value]["structure"] for value in ("1", "2")] == ["zebra", "ant"]
    assert all(entry["colour"].startswith("#") for entry in legend.values())
    written = files.read(labels)
    # Both echo the same score, so the earlier wins wherever it is above 0.5.
    np.testing.assert_array_equal(np.asarray(written.data), (ramp.data >= 64).astype(np.uint8))
    assert written.voxel_size_nm == pytest.approx(ramp.voxel_size_nm)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "png"}, "wanted mrc or zarr"),
        ({"views": 3}, "wanted 1, 4 or 8"),
        ({"window_px": 3}, "at least 16"),
    ],
)
def test_wrong_options_are_one_sentence(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Options(**options)
