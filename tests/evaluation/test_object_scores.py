"""Objects, boundaries and errors of a folder of results: numbers, tables, pictures, the page."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import label

from seget import files
from seget.dataset import Dataset, read_dataset
from seget.evaluation import Part, evaluate, report, thumbnails, worst_slices, write_tables
from seget.evaluation.sheet import rgb
from seget.evaluation.thumbnails import legend
from seget.results import Sidecar, write_sidecar


@pytest.fixture
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


def truth_of(dataset: Dataset, structure: str) -> np.ndarray:
    mask = dataset.tomograms[0].masks[structure]
    return np.stack([mask.slice(z) for z in range(mask.volume.shape[0])])


def predict(dataset: Dataset, folder: Path, **drawn: np.ndarray) -> None:
    """Write score maps: the truth of each structure, or what is given."""
    (tomogram,) = dataset.tomograms
    for order, structure in enumerate(tomogram.masks):
        found = drawn.get(structure, truth_of(dataset, structure))
        path = folder / f"tomogram__{structure}.mrc"
        scores = np.where(found, 100, 20).astype(np.uint8)
        files.write(path, tomogram.image.on_same_grid(scores, structure))
        write_sidecar(path, Sidecar(structure=structure, threshold=0.6, order=order))


def test_what_is_right_has_no_errors(dataset: Dataset, tmp_path: Path) -> None:
    predict(dataset, tmp_path)
    result = evaluate(tmp_path, dataset, "all")
    assert result["object_errors"] == []
    pixel = dataset.tomograms[0].image.voxel_size_nm[2]
    for scores in result["structures"].values():
        of = scores["objects"]
        assert of["compared"] == "scores at the threshold"
        assert (of["truth"], of["predicted"], of["found"], of["f1"]) == (2, 2, 2, 1.0)
        assert of["surface_dice"] == 1.0
        assert of["surface_tolerance_nm"] == pytest.approx(2 * pixel)
    json.dumps(result, allow_nan=False)


def test_labels_are_compared_where_there_are_some(dataset: Dataset, tmp_path: Path) -> None:
    predict(dataset, tmp_path)
    labels = truth_of(dataset, "discs").astype(np.uint8)
    labels[:, :48] = 0
    files.write(tmp_path / "labels.mrc", dataset.tomograms[0].image.on_same_grid(labels, "labels"))
    legend = {"1": {"structure": "discs", "colour": "#fff"}}
    (tmp_path / "labels.json").write_text(json.dumps(legend))
    of = evaluate(tmp_path, dataset, "all")["structures"]
    assert of["discs"]["objects"]["compared"] == "labels"
    assert (of["discs"]["objects"]["found"], of["discs"]["objects"]["missed"]) == (1, 1)
    assert of["rods"]["objects"]["compared"] == "scores at the threshold"


def test_slices_that_stand_alone_are_compared_one_by_one(dataset: Dataset, tmp_path: Path) -> None:
    predict(dataset, tmp_path)
    truth = truth_of(dataset, "discs")
    counts = [label(truth[z], np.ones((3, 3)))[1] for z in (1, 4, 5, 9)]
    of = evaluate(tmp_path, dataset, (1, 9))["structures"]["discs"]["objects"]
    assert of["truth"] == of["found"] == counts[0] + counts[3]
    of = evaluate(tmp_path, dataset, (1, 4, 5, 9))["structures"]["discs"]["objects"]
    both = label(truth[4:6], np.ones((3, 3, 3)))[1]
    assert of["truth"] == counts[0] + both + counts[3]


def test_an_error_says_what_where_and_how_large(dataset: Dataset, tmp_path: Path) -> None:
    discs = truth_of(dataset, "discs")
    missing = discs.copy()
    missing[:, :, 43:] = False
    missing[2:5, 60:66, 4:12] = True
    predict(dataset, tmp_path, discs=missing)
    result = evaluate(tmp_path, dataset, "all")
    lost, made = result["object_errors"]
    assert (lost["kind"], lost["structure"], lost["tomogram"]) == ("missed", "discs", "tomogram")
    assert lost["voxels"] == np.count_nonzero(discs[:, :, 43:])
    assert discs[lost["z_px"], lost["y_px"], lost["x_px"]]
    image = dataset.tomograms[0].image
    size, origin = image.voxel_size_nm, image.origin_nm
    assert lost["volume_nm3"] == pytest.approx(lost["voxels"] * np.prod(size))
    for axis, s, o in zip("zyx", size, origin, strict=True):
        assert lost[f"{axis}_nm"] == pytest.approx(o + s * lost[f"{axis}_px"])
    assert (made["kind"], made["first_slice"], made["last_slice"]) == ("invented", 2, 4)
    assert made["voxels"] == 3 * 6 * 8
    of = result["structures"]["discs"]["objects"]
    assert (of["truth"], of["found"], of["missed"], of["invented"]) == (2, 1, 1, 1)
    assert of["f1"] == 0.5
    assert (
        evaluate(tmp_path, dataset, "all", 1000.0)["structures"]["discs"]["objects"]["surface_dice"]
        == 1.0
    ), "within a micrometre all is right"


def test_without_a_voxel_size_there_are_objects_and_no_nm(dataset: Dataset, tmp_path: Path) -> None:
    (tomogram,) = dataset.tomograms
    predict(dataset, tmp_path, discs=truth_of(dataset, "discs") & False)
    image = replace(tomogram.image, voxel_size_nm=None, grid=None)
    bare = replace(dataset, tomograms=(replace(tomogram, image=image),))
    result = evaluate(tmp_path, bare, "all")
    of = result["structures"]["discs"]["objects"]
    assert (of["missed"], of["surface_dice"], of["surface_tolerance_nm"]) == (2, None, None)
    error = result["object_errors"][0]
    assert error["volume_nm3"] is None
    assert error["x_nm"] is None
    assert error["x_px"] > 0


def test_the_tables_hold_what_was_found(dataset: Dataset, tmp_path: Path) -> None:
    predict(dataset, tmp_path, rods=truth_of(dataset, "rods") & False)
    result = evaluate(tmp_path, dataset)
    write_tables(tmp_path, result)
    scores = list(csv.DictReader((tmp_path / "scores.csv").read_text().splitlines()))
    assert [row["structure"] for row in scores] == ["discs", "rods"]
    assert float(scores[0]["surface_dice"]) == 1.0
    assert scores[0]["miou_low"] == scores[0]["miou_high"] == "", "of two slices there is none"
    write_tables(tmp_path, evaluate(tmp_path, dataset, "all"))
    (disc, _) = csv.DictReader((tmp_path / "scores.csv").read_text().splitlines())
    assert (disc["miou_low"], disc["miou_high"]) == ("1", "1")
    write_tables(tmp_path, result)
    assert (scores[1]["missed"], scores[1]["miou_of_labels"]) == ("2", "")
    errors = list(csv.DictReader((tmp_path / "object_errors.csv").read_text().splitlines()))
    assert [row["kind"] for row in errors] == ["missed", "missed"]
    assert float(errors[0]["x_nm"]) == pytest.approx(result["object_errors"][0]["x_nm"], rel=1e-6)


def test_thumbnails_show_outlines_and_the_page_holds_them(dataset: Dataset, tmp_path: Path) -> None:
    discs = truth_of(dataset, "discs")
    found = discs.copy()
    found[:, :, 43:] = False
    found[:, 60:70, 4:14] = True
    predict(dataset, tmp_path, discs=found)
    result = evaluate(tmp_path, dataset, "all")
    lost, made = thumbnails(tmp_path, dataset, result, "all")
    colours = {name: rgb(colour) for name, colour in legend()}
    for one, shown, other in ((lost, "truth", "prediction"), (made, "prediction", "truth")):
        picture = np.asarray(Image.open(io.BytesIO(one.png)))
        assert max(picture.shape) == 200
        middle = picture[60:140, 60:140]
        assert (picture == colours[shown]).all(axis=2).any()
        assert not (middle == colours[other]).all(axis=2).any()
    assert thumbnails(tmp_path, dataset, result, "all", most=1) == [lost]
    part = Part("Scores", "all", result, [], [lost, made])
    report(tmp_path / "report.html", "title", [part])
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3, "with the reliability of the scores"
    assert "<strong>missed</strong>" in page
    assert "<strong>invented</strong>" in page
    assert "Training" not in page


def test_the_worst_slices_are_those_with_the_lowest_score(dataset: Dataset, tmp_path: Path) -> None:
    discs = truth_of(dataset, "discs")
    discs[7] = False
    discs[3, :48] = False
    predict(dataset, tmp_path, discs=discs)
    result = evaluate(tmp_path, dataset, "all")
    worst = worst_slices(result, 3)
    assert [one.slice for one in worst[:2]] == [7, 3]
    assert worst[2].miou == 1.0
    assert {one.tomogram for one in worst} == {"tomogram"}
