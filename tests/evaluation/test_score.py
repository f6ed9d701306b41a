from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.dataset import Dataset, read_dataset
from seget.errors import InputError
from seget.evaluation import draw_slices, evaluate, without_nan
from seget.evaluation.agreement import Agreement, Truth
from seget.metrics import count
from seget.results import Sidecar, write_sidecar


@pytest.fixture
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


@pytest.fixture
def predicted(dataset: Dataset, tmp_path: Path) -> Path:
    """Score maps of both structures, right but for a band of columns, and their labels."""
    (tomogram,) = dataset.tomograms
    labels = np.zeros(tomogram.image.shape, np.uint8)
    for order, (structure, mask) in enumerate(tomogram.masks.items()):
        truth = np.stack([mask.slice(z) for z in range(12)])
        scores = np.where(truth, 100, 20).astype(np.uint8)
        scores[:, :, 10:20] = 127 - scores[:, :, 10:20]
        path = tmp_path / f"tomogram__{structure}.mrc"
        files.write(path, tomogram.image.on_same_grid(scores, structure))
        write_sidecar(path, Sidecar(structure=structure, threshold=0.9, order=order))
        labels[truth] = order + 1
    files.write(tmp_path / "labels.mrc", tomogram.image.on_same_grid(labels, "labels"))
    legend = {str(i + 1): {"structure": s, "colour": "#fff"} for i, s in enumerate(tomogram.masks)}
    (tmp_path / "labels.json").write_text(json.dumps(legend))
    return tmp_path


def test_the_scores_are_those_of_the_counts(dataset: Dataset, predicted: Path) -> None:
    result = evaluate(predicted, dataset)
    (tomogram,) = dataset.tomograms
    (scored,) = result["scored"]
    assert (scored["tomogram"], scored["part"]) == ("tomogram", "test")
    assert (scored["slices"], scored["structures"]) == ([10, 11], ["discs", "rods"])
    assert list(result["structures"]) == ["discs", "rods"]
    for structure, got in result["structures"].items():
        truth = np.stack([tomogram.masks[structure].slice(z) for z in (10, 11)])
        guess = truth.copy()
        guess[:, :, 10:20] ^= True
        wanted = count(guess, truth)
        assert got["miou"] == wanted.miou
        assert got["iou"] == wanted.iou
        assert got["dice"] == wanted.dice
        assert got["pixel_accuracy"] == wanted.pixel_accuracy
        assert got["foreground_fraction"] == truth.mean()
        assert got["judged_px"] == truth.size
        # 20 where it is not drawn, 100 where it is; in the band 107 and 27: four ranges.
        rows = got["reliability"]
        assert [round(row["score"] * 127) for row in rows] == [20, 27, 100, 107]
        assert [row["foreground"] for row in rows] == [0, 1, 1, 0]
        assert sum(row["pixels"] for row in rows) == truth.size
        assert 0 < got["calibration_error"] < got["calibration_error_of_foreground"]
        assert got["threshold"] == 0.9
        # No score lies above 0.9 * 127 = 114.3, so nothing is foreground there.
        assert got["miou_at_threshold"] == count(truth & False, truth).miou
        assert [row["slice"] for row in got["miou_per_slice"]] == [10, 11]
        for row, g, t in zip(got["miou_per_slice"], guess, truth, strict=True):
            assert row["miou"] == count(g, t).miou
        assert got["patches"] == 2, "a slice smaller than a patch is one patch"
        assert got["labels"]["miou"] == 1.0
    mean = np.mean([s["miou"] for s in result["structures"].values()])
    assert result["mean_miou"] == pytest.approx(mean)
    assert result["notes"] == []
    json.dumps(result, allow_nan=False)


def test_other_slices_may_be_scored(dataset: Dataset, predicted: Path) -> None:
    assert evaluate(predicted, dataset, (3, 4))["scored"][0]["slices"] == [3, 4]
    everything = evaluate(predicted, dataset, "all")["scored"][0]
    assert everything["part"] == "all"
    assert len(everything["slices"]) == 12
    with pytest.raises(InputError, match="slice 99 of tomogram is not annotated"):
        evaluate(predicted, dataset, (99,))


def test_a_class_that_is_nowhere_has_no_score(dataset: Dataset, predicted: Path) -> None:
    (tomogram,) = dataset.tomograms
    nothing = np.zeros(tomogram.image.shape, np.uint8)
    for structure in tomogram.masks:
        files.write(
            predicted / f"tomogram__{structure}.mrc",
            tomogram.image.on_same_grid(nothing, structure),
        )
    empty = replace(tomogram.masks["rods"], volume=tomogram.image.on_same_grid(nothing, "none"))
    without = replace(dataset, tomograms=(replace(tomogram, masks={"rods": empty}),))
    rods = evaluate(predicted, without)["structures"]["rods"]
    assert rods["iou"] is None
    assert rods["dice"] is None
    assert rods["miou"] is None, "not 1.0, the background alone"
    assert rods["miou_at_threshold"] is None
    assert rods["miou_per_patch"] is None
    assert rods["patches_without_foreground"] == 2
    assert rods["false_positive_px"] == rods["false_positive_nm2"] == 0


def of_one_slice_in_three(guess: np.ndarray) -> Agreement:
    """Truth of 100 pixels on the first of three slices of 50 x 40 pixels, none on the others."""
    agreement = Agreement()
    truth = np.zeros((3, 50, 40), bool)
    truth[0, :10, :10] = True
    for z in range(3):
        agreement.add("t", z, guess[z], Truth(truth[z]), 4.0)
    return agreement


def test_empty_slices_and_patches_do_not_lift_the_mean_to_one() -> None:
    guess = np.zeros((3, 50, 40), bool)
    guess[0, :10, :5] = True  # half of it, and nothing else: IoU 0.5 and 1900 / 1950
    half = (0.5 + 1900 / 1950) / 2
    summary = of_one_slice_in_three(guess).summary()
    assert [s["miou"] for s in without_nan(summary["miou_per_slice"])] == [half, None, None]
    assert summary["miou_per_patch"] == half
    assert summary["patches_without_foreground"] == 2


def test_one_false_pixel_where_there_is_nothing_is_no_half_but_a_false_pixel() -> None:
    guess = np.zeros((3, 50, 40), bool)
    guess[0, :10, :10] = guess[1, 0, 0] = True
    summary = without_nan(of_one_slice_in_three(guess).summary())
    one, two, three = summary["miou_per_slice"]
    assert (one["miou"], one["false_positive_px"]) == (1.0, 0)
    assert (two["miou"], three["miou"]) == (None, None)
    assert (two["false_positive_px"], two["false_positive_nm2"]) == (1, 4.0)
    assert two["false_positive_share"] == 1 / 2000
    assert three["false_positive_px"] == 0
    assert summary["miou_per_patch"] == 1.0
    assert (summary["false_positive_px"], summary["false_positive_nm2"]) == (1, 4.0)
    assert summary["false_positive_share"] == 1 / 6000


@pytest.mark.parametrize(("voxel_nm", "area_nm2"), [(2.0, 100 * 4.0), (0.1, None), (None, None)])
def test_what_was_found_of_an_absent_structure_is_an_area_where_pixels_have_a_size(
    dataset: Dataset, predicted: Path, voxel_nm: float | None, area_nm2: float | None
) -> None:
    (tomogram,) = dataset.tomograms
    size = None if voxel_nm is None else (voxel_nm,) * 3
    image = replace(tomogram.image, voxel_size_nm=size, grid=None)
    nothing, found = np.zeros((2, *image.shape), np.uint8)
    found[10, 20:30, 20:30] = 127
    files.write(predicted / "tomogram__rods.mrc", tomogram.image.on_same_grid(found, "rods"))
    masks = {
        structure: replace(mask, volume=image.on_same_grid(nothing, "none"))
        for structure, mask in tomogram.masks.items()
        if structure == "rods"
    } | {"discs": tomogram.masks["discs"]}
    other = replace(dataset, tomograms=(replace(tomogram, image=image, masks=masks),))
    result = evaluate(predicted, other)
    rods, discs = (result["structures"][s] for s in ("rods", "discs"))
    assert rods["miou"] is None
    assert rods["false_positive_px"] == 100
    assert rods["false_positive_nm2"] == area_nm2
    assert rods["false_positive_share"] == 100 / (2 * 96 * 96)
    assert result["mean_miou"] == discs["miou"], "what is absent is left out of the mean"
    area = "" if area_nm2 is None else f", {area_nm2:.0f} nm2"
    assert result["notes"] == [
        "rods is on no test slice: it has no mIOU and is left out of the mean; 100 px of it were "
        f"predicted there, 0.543% of the image{area}."
    ]
    (note,) = evaluate(predicted, other, (10,))["notes"]
    assert "rods is on no scored slice" in note, "other test slices may show it"
    (note,) = evaluate(predicted, other, "all")["notes"]
    assert "rods is on no annotated slice" in note
    json.dumps(result, allow_nan=False)


def test_predictions_of_something_else_are_refused(dataset: Dataset, predicted: Path) -> None:
    (tomogram,) = dataset.tomograms
    small = replace(tomogram.image, data=np.zeros((2, 5, 5), np.uint8), grid=None)
    files.write(predicted / "tomogram__discs.mrc", small)
    with pytest.raises(InputError, match=r"has shape \(2, 5, 5\), the tomogram has"):
        evaluate(predicted, dataset)
    other = replace(dataset, tomograms=(replace(tomogram, name="other"),))
    with pytest.raises(InputError, match="holds no score map of a tomogram and a structure"):
        evaluate(predicted, other)


@pytest.mark.parametrize("labels", [True, False])
def test_a_picture_a_scored_slice(dataset: Dataset, predicted: Path, labels: bool) -> None:
    if not labels:
        (predicted / "labels.mrc").unlink()
    drawn = list(draw_slices(predicted, dataset))
    assert [path.name for path in drawn] == ["tomogram_0010.png", "tomogram_0011.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


@pytest.mark.parametrize(
    "text", ["", "[1]", '{"1": "discs"}', '{"a": {"structure": 1}}', "[" * 9**5]
)
def test_a_legend_that_is_none_is_one_sentence(
    dataset: Dataset, predicted: Path, text: str
) -> None:
    (predicted / "labels.json").write_text(text)
    with pytest.raises(InputError, match=r"labels\.json: this does not say .* fuse again\."):
        evaluate(predicted, dataset)
