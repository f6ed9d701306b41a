"""`seget compare` on a small tomogram: made once, taken up, and what the cells say."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dask_cluster import Killer, local_cluster
from seget import files
from seget.comparison import cell
from seget.dataset import read_dataset
from seget.networks import NETWORKS, Architecture

TABLE_1 = [name for name in NETWORKS if name != "seget_printed"]  # its last row is ours
Seget = Callable[..., tuple[int, str, str]]
SETTINGS = ("patch_px=32", "binning=1", "batch_size=2", "steps_per_epoch=2")
QUICK = tuple(word for setting in SETTINGS for word in ("--set", setting))
TWO = ("--networks", "unet,seget", "--structures", "discs", "--learning-rates", "0.003")
STEPS, SEARCH_STEPS = 6, 1  # three epochs, and the fifth of them that chooses a rate


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, small_dataset: Path) -> Path:
    """All five networks, joint, with a search: the folder of the comparison."""
    from seget.cli.compare import compare

    out = tmp_path_factory.mktemp("compare")
    compare(
        small_dataset,
        out,
        joint=True,
        steps=STEPS,
        learning_rates="0.003,0.01",
        settings=list(SETTINGS),
    )
    return out


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, small_dataset: Path) -> Path:
    """Return the folder of a comparison of two networks, two steps each."""
    from seget.cli.compare import compare

    out = tmp_path_factory.mktemp("pair")
    compare(
        small_dataset,
        out,
        networks=["unet,seget"],
        structures=["discs"],
        steps=2,
        learning_rates="0.003",
        settings=list(SETTINGS),
    )
    return out


def test_the_table_has_all_networks_and_structures(whole: Path) -> None:
    table = json.loads((whole / "table.json").read_text())
    assert list(table["scores"]) == list(TABLE_1)
    for network, scores in table["scores"].items():
        assert set(scores) == {"discs", "rods"}
        for numbers in scores.values():
            assert 0 <= numbers["miou"][0] <= 1
            assert numbers["interval"] is None, "of two test slices there is none"
            assert numbers["steps"] == STEPS
        assert len(table["averages"][network]) == 1
    assert len(table["search"]) == 10
    assert all(one["steps"] == SEARCH_STEPS for one in table["search"])
    assert sum(one["chosen"] for one in table["search"]) == 5
    with (whole / "table.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 5
    assert "| SegET" in (whole / "table.md").read_text()


def test_the_rate_with_the_best_validation_is_taken(whole: Path) -> None:
    table = json.loads((whole / "table.json").read_text())
    for network in TABLE_1:
        tried = [one for one in table["search"] if one["network"] == network]
        best = max(tried, key=lambda one: one["validation_miou"])
        assert best["chosen"]
        assert table["scores"][network]["discs"]["learning_rate"] == best["learning_rate"]


def test_the_report_shows_every_network_and_needs_nothing_else(whole: Path) -> None:
    page = (whole / "report.html").read_text()
    assert all(Architecture(name).title in page for name in TABLE_1)
    assert "http://" not in page
    assert "https://" not in page
    assert page.count("data:image/png;base64,") >= 3, "figure 3, figure 4, curves"


def test_what_is_done_is_not_done_again(
    seget: Seget, pair: Path, small_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("compare", small_dataset, "-o", pair, *QUICK, *TWO, "--steps", "2")
    first = (pair / "table.json").read_text()
    (pair / "table.json").unlink()
    monkeypatch.setattr(cell, "train", None)  # whoever trains now, fails
    assert seget(*command)[0] == 0
    assert (pair / "table.json").read_text() == first


def test_a_cell_that_is_interrupted_is_taken_up(
    seget: Seget, tmp_path: Path, small_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("compare", small_dataset, *QUICK, *TWO, "--steps", "4")
    assert seget(*command, "-o", tmp_path / "calm")[0] == 0
    train = cell.train

    def stopped(dataset, structures, recipe, run, listener=None):
        class Impatient(type(listener)):  # type: ignore[misc]
            def epoch(self, row: dict[str, float]) -> None:
                raise KeyboardInterrupt

        impatient = Impatient.__new__(Impatient)
        impatient.__dict__ = listener.__dict__
        return train(dataset, structures, recipe, run, impatient)

    with monkeypatch.context() as patched:
        patched.setattr(cell, "train", stopped)
        code, _, err = seget(*command, "-o", tmp_path / "torn")
    assert code == 1
    assert "the same command goes on" in err
    assert seget(*command, "-o", tmp_path / "torn")[0] == 0
    calm, torn = (
        json.loads((tmp_path / name / "table.json").read_text())["scores"]
        for name in ("calm", "torn")
    )
    assert calm == torn, "bit for bit what an undisturbed run gives"


def test_cells_brought_from_elsewhere_are_taken_as_done(
    seget: Seget, tmp_path: Path, small_dataset: Path, whole: Path
) -> None:
    (tmp_path / "cells.json").write_bytes((whole / "cells.json").read_bytes())
    command = ("compare", small_dataset, "-o", tmp_path, *QUICK, "--joint", "--steps", STEPS)
    code, out, err = seget(*command, "--learning-rates", "0.003,0.01", "--json")
    assert code == 0, err
    assert json.loads(out) == json.loads((whole / "table.json").read_text())


def test_two_processes_give_the_table_of_one(
    seget: Seget, tmp_path: Path, small_dataset: Path, pair: Path
) -> None:
    command = ("compare", small_dataset, *QUICK, *TWO, "--steps", "2")
    code, _, err = seget(*command, "-o", tmp_path, "--on", "processes:2")
    assert code == 0, err
    one, two = (json.loads((folder / "table.json").read_text()) for folder in (pair, tmp_path))
    for network in ("unet", "seget"):
        mious = [table["scores"][network]["discs"]["miou"][0] for table in (one, two)]
        assert mious[0] == pytest.approx(mious[1], abs=0.05), "sums in another order, no more"


def test_a_killed_worker_changes_no_number(
    seget: Seget, tmp_path: Path, small_dataset: Path
) -> None:
    """Its cell goes on at its last checkpoint, in another worker."""
    command = ("compare", small_dataset, *QUICK, *TWO[2:], "--steps", "8")
    command += ("--networks", "unet")
    assert seget(*command, "-o", tmp_path / "here")[0] == 0
    out = tmp_path / "there"
    killer = Killer(out, lambda: any(out.glob("runs/*/*/*/checkpoints/*")))
    with local_cluster(2, local_directory=str(tmp_path / "dask")) as address:
        killer.start()
        code, _, err = seget(*command, "-o", out, "--on", address)
    assert code == 0, err
    assert killer.killed, "a worker that was training"
    here, there = (
        json.loads((folder / "table.json").read_text())["scores"]
        for folder in (tmp_path / "here", out)
    )
    assert here == there


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--networks", "resnet"), "wanted some of fcn8s"),
        (("--budget", "10"), "a time such as 90s"),
        (("--budget", "1m", "--steps", "5"), "exclude"),
        (("--recipe", "paper", "--joint"), "differ by structure"),
        (("--recipe", "best"), "modern or paper"),
        (("--learning-rates", "1,2"), "in 0 to 1"),
        (("--learning-rates", "0.1,0.1"), "different numbers"),
        (("--structures", "golgi"), "has no structure golgi"),
        (("--on", "mars"), "wanted here"),
        (("--set", "patch_px=7"), "patch_px"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    seget: Seget, tmp_path: Path, small_dataset: Path, options: tuple[str, ...], words: str
) -> None:
    code, _, err = seget("compare", small_dataset, "-o", tmp_path / "out", *options)
    assert code == 2
    assert words in err
    assert not (tmp_path / "out" / "cells.json").exists()


def test_other_terms_in_the_same_folder_are_refused(
    seget: Seget, small_dataset: Path, whole: Path
) -> None:
    before = (whole / "cells.json").read_bytes()
    command = ("compare", small_dataset, "-o", whole, *QUICK, "--joint")
    code, _, err = seget(*command, "--steps", STEPS + 1)
    assert code == 2
    assert "differs in terms" in err
    assert (whole / "cells.json").read_bytes() == before


def test_a_structure_may_join_and_a_mask_that_changed_is_named(
    seget: Seget, small_dataset: Path, tmp_path: Path
) -> None:
    for path in small_dataset.parent.iterdir():
        shutil.copy(path, tmp_path)
    toml, out = tmp_path / "dataset.toml", tmp_path / "out"
    both = toml.read_text()
    toml.write_text(both.replace('rods = "rods.mrc"\n', ""))
    command = ("compare", toml, "-o", out, "--networks", "seget", "--learning-rates", "0.003")
    command = (*command, "--steps", 2, *QUICK)
    assert seget(*command)[0] == 0
    before = json.loads((out / "cells.json").read_text())["cells"]
    toml.write_text(both)
    assert seget(*command)[0] == 0
    after = json.loads((out / "cells.json").read_text())["cells"]
    assert before.items() < after.items(), "nothing is trained again"
    assert {key.split("/")[1] for key in after} == {"discs", "rods"}
    discs = files.read(tmp_path / "discs.mrc")
    files.write(tmp_path / "discs.mrc", discs.on_same_grid(np.roll(discs.data, 3, 2), "discs"))
    code, _, err = seget(*command)
    assert code == 2
    assert "other slices or masks of discs" in err


def test_a_row_may_begin_from_the_model_that_is_shipped(
    seget: Seget, small_dataset: Path, tmp_path: Path
) -> None:
    command = ("compare", small_dataset, "-o", tmp_path, "--networks", "seget_shipped,seget")
    command = (*command, "-s", "discs", "--learning-rates", "1e-9", "--steps", 2, *QUICK)
    code, said, err = seget(*command)
    assert code == 0, err
    assert "| SegET, as shipped |" in said
    assert "SegET, as shipped" in (tmp_path / "report.html").read_text()
    cells = json.loads((tmp_path / "cells.json").read_text())["cells"]
    losses = {cell["network"]: cell["rows"][0]["loss"] for cell in cells.values()}
    assert losses["seget"] != losses["seget_shipped"], "same patches, other weights"
    code, _, err = seget(*command[:-6], "--recipe", "paper")
    assert code == 2


def test_rates_that_no_validation_slice_can_choose_among_are_refused(
    seget: Seget, small_dataset: Path, tmp_path: Path
) -> None:
    for path in small_dataset.parent.iterdir():
        shutil.copy(path, tmp_path)
    rods = files.read(tmp_path / "rods.mrc")
    data = np.array(rods.data)
    data[8:10] = 0  # the validation slices
    files.write(tmp_path / "rods.mrc", rods.on_same_grid(data, "rods"))
    code, _, err = seget("compare", tmp_path / "dataset.toml", "-o", tmp_path / "out", *QUICK)
    assert code == 2
    assert "rods has no foreground on any validation slice" in err


def test_a_tomogram_of_its_own_that_tests_is_all_that_is_scored(
    small_dataset: Path, tmp_path: Path
) -> None:
    from seget.cli.compare import compare

    [taught] = read_dataset(small_dataset).tomograms
    drawn = taught.masks["discs"].annotated
    masks = f'masks = {{ discs = "{taught.masks["discs"].volume.path}" }}\n'
    tables = [
        f'[[tomogram]]\nimage = "{taught.image.path}"\nname = "{name}"\nslices = {list(drawn)}\n'
        f"holdout = {holdout}\n{masks}"
        for name, holdout in (
            ("taught", f"{{ validation = [{drawn[0]}] }}"),
            ("tested", f"{{ test = {list(drawn)} }}"),
        )
    ]
    (tmp_path / "dataset.toml").write_text("".join(tables))
    out = tmp_path / "out"
    compare(
        tmp_path / "dataset.toml", out, networks=["unet"], steps=2, learning_rates="0.003",
        settings=list(SETTINGS),
    )  # fmt: skip
    table = json.loads((out / "table.json").read_text())
    assert table["split"]["slices"] == {"tested": list(drawn)}
    assert not table["split"]["flatters"]
    [cell] = json.loads((out / "cells.json").read_text())["cells"].values()
    assert {row[0] for row in cell["counts"]["discs"]} == {"tested"}
