"""Many tomograms in one command, and machines that have too little of something."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seget import files
from seget.networks import Architecture
from seget.recipes import modern
from seget.trained import Trained, load
from seget.volume import Volume

Seget = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Architecture("seget").build()
    recipe = modern().override(["binning=1"])
    Trained(network, ("rods",), recipe, {"rods": 0.5}, (1.0, 1.0)).save(folder)
    return folder


@pytest.fixture
def tomograms(tmp_path: Path) -> Path:
    folder = tmp_path / "tomograms"
    grey = np.random.default_rng(0).integers(0, 255, (2, 40, 40), np.uint8)
    for name in ("a", "b", "c"):
        files.write(folder / f"{name}.mrc", Volume(grey, (1.0, 1.0, 1.0)))
    return folder


def test_a_broken_tomogram_stops_no_other(
    seget: Seget, model: Path, tomograms: Path, tmp_path: Path
) -> None:
    whole = (tomograms / "b.mrc").read_bytes()
    (tomograms / "b.mrc").write_bytes(whole[:1500])
    out = tmp_path / "out"
    code, _, err = seget("segment", tomograms, model, "-o", out)
    assert code == 1
    assert "2 of 3 tomograms are done; 1 failed" in err
    assert "b.mrc" in err.strip().splitlines()[-1]
    assert {path.parent.name for path in out.glob("*/labels.mrc")} == {"a", "c"}
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/*.mrc")}
    (tomograms / "b.mrc").write_bytes(whole)
    code, _, err = seget("segment", tomograms, model, "-o", out)
    assert code == 0, err
    assert {path.parent.name for path in out.glob("*/labels.mrc")} == {"a", "b", "c"}
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_tomograms_of_one_file_name_get_results_of_their_own(
    seget: Seget, model: Path, tmp_path: Path
) -> None:
    """A folder a tomogram, as labs keep them, and as phantoms are written."""
    random = np.random.default_rng(0)
    text, drawn = 'holdout = "none"\n', (random.random((2, 40, 40)) < 0.5).astype(np.uint8)
    files.write(tmp_path / "rods.mrc", Volume(drawn, (1.0, 1.0, 1.0)))
    days = [tmp_path / day / "rec.mrc" for day in ("day1", "day2", "day3")]
    for day in days:
        grey = random.integers(0, 255, (2, 40, 40), np.uint8)
        files.write(day, Volume(grey, (1.0, 1.0, 1.0)))
        text += f"[[tomogram]]\nimage = '{day}'\nmasks = {{ rods = 'rods.mrc' }}\n"
    dataset = tmp_path / "dataset.toml"
    dataset.write_text(text)
    out, alone = tmp_path / "out", tmp_path / "alone"
    code, _, err = seget("segment", *days[:2], model, "-o", out)
    assert code == 0, err
    assert {path.name for path in out.glob("*/*__*.mrc")} == {
        "day1-rec__rods.mrc",
        "day2-rec__rods.mrc",
    }
    # Alone it is named rec, and its voxel size was stated: it is the tomogram of day2 all the same.
    command = ("segment", days[1], model, "-o", alone, "--voxel-size", "1.05")
    assert seget(*command)[0] == 0
    for folder, predicted in ((out, ["day1-rec", "day2-rec"]), (alone, ["day2-rec"])):
        code, printed, err = seget("evaluate", folder, dataset, "--json", "--no-pictures")
        assert code == 0, err
        result = json.loads(printed)
        assert [one["tomogram"] for one in result["scored"]] == predicted
        missing = [name for name in ("day1-rec", "day2-rec", "day3-rec") if name not in predicted]
        assert result["not_predicted"] == missing
        assert f"drawn in {', '.join(missing)} of" in err
    dataset.write_text("[[tomogram]]".join(text.split("[[tomogram]]")[:2]))
    code, _, err = seget("evaluate", alone, dataset)
    assert (code, "was predicted from another tomogram than rec" in err) == (2, True), err


def test_what_a_run_will_take_is_said_before_it(
    seget: Seget, model: Path, tomograms: Path, tmp_path: Path
) -> None:
    one = tomograms / "a.mrc"
    code, _, err = seget("predict", one, model, "-o", tmp_path / "a", "--max-memory", "2G")
    assert code == 0, err
    assert "a: 2 slices of 40 x 40, whole, 500 MB of memory" in err
    code, _, err = seget("predict", one, model, "-o", tmp_path / "b", "--max-memory", "100M")
    assert (code, "larger --max-memory" in err) == (1, True), err
    for options in (("--max-memory", "much"), ("--hash", "md5")):
        code, _, err = seget("predict", one, model, "-o", tmp_path / "b", *options)
        assert (code, options[0] in err) == (2, True), err


def test_info_shows_where_an_output_comes_from(
    seget: Seget, model: Path, tomograms: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert seget("segment", tomograms / "a.mrc", model, "-o", out, "--hash", "full")[0] == 0
    code, printed, err = seget("info", out / "labels.mrc")
    assert code == 0, err
    for words in ("made by", "seget fuse", "rods", "a__rods.mrc", "tomogram_sha256", "versions"):
        assert words in printed, printed
    made_by = json.loads(seget("info", out / "labels.mrc", "--json")[1])["made_by"]
    assert made_by["maps"]["rods"]["tomogram_hash"] == "full"


def test_ctrl_c_is_one_sentence_and_the_same_command_goes_on(
    seget: Seget, model: Path, tmp_path: Path
) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (300, 40, 40), np.uint8)
    files.write(tmp_path / "deep.mrc", Volume(grey, (1.0, 1.0, 1.0)))
    words = ["predict", str(tmp_path / "deep.mrc"), str(model), "-o", str(tmp_path / "out")]
    script = "from seget.cli import main; main()"
    running = subprocess.Popen([sys.executable, "-c", script, *words], stderr=subprocess.PIPE)
    assert running.stderr is not None
    assert b"300 slices" in running.stderr.readline()  # about to score the first
    journal = tmp_path / "out" / ".deep__rods.mrc.journal"
    while not journal.is_file() or journal.stat().st_size < 300:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    said = running.communicate()[1].decode().splitlines()
    assert (running.returncode, len(said)) == (1, 1), said
    assert said[0].startswith("seget: stopped; what is finished is kept")
    code, _, err = seget(*words)
    assert code == 0, err
    assert "going on after an interrupted run" in err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 96 kB: real, so that it is really full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full_is_one_sentence_and_loses_nothing(
    seget: Seget, model: Path, tomograms: Path, small_disk: Path
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(92 * 1024))
    code, _, err = seget("segment", tomograms / "a.mrc", model, "-o", small_disk / "out")
    assert code == 1
    assert "are to be written there" in err
    ballast.unlink()
    code, _, err = seget("segment", tomograms / "a.mrc", model, "-o", small_disk / "out")
    assert code == 0, err
    # Full half-way: what is there stays as it is.
    before = {path.name: path.read_bytes() for path in (small_disk / "out").iterdir()}
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(bytes(96 * 1024))
    command = ("fuse", small_disk / "out", "-o", small_disk / "out" / "other.mrc")
    code, _, err = seget(*command)
    assert code == 1
    assert err.strip().count("\n") == 0, err
    assert "free some space" in err
    assert {path.name: path.read_bytes() for path in (small_disk / "out").iterdir()} == before
    ballast.unlink()
    assert seget(*command)[0] == 0


def test_a_folder_that_cannot_be_written_is_one_sentence(
    seget: Seget, model: Path, tomograms: Path, small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    code, _, err = seget("segment", tomograms / "a.mrc", model, "-o", small_disk / "out")
    assert code == 1
    assert "nothing can be written there; give another -o" in err
    assert err.strip().count("\n") == 0, err


def test_rules_and_goals_reach_each_tomogram(
    seget: Seget, model: Path, tomograms: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[structure.rods]\nsmallest_nm3 = 1e9\n")
    everywhere = replace(load(model), thresholds={"rods": 0.0})
    everywhere.save(model := tmp_path / "model")
    plain, ruled = tmp_path / "plain", tmp_path / "ruled"
    assert seget("segment", tomograms, model, "-o", plain)[0] == 0
    assert seget("segment", tomograms, model, "-o", ruled, "--rules", rules)[0] == 0
    for name in ("a", "b", "c"):
        before, after = (
            np.asarray(files.read(out / name / "labels.mrc").data) for out in (plain, ruled)
        )
        assert before.any()
        assert not after.any()
    code, printed, _ = seget(
        "segment", tomograms, model, "-o", ruled, "--rules", rules, "--print-tasks"
    )
    assert code == 0
    assert all(f"--rules {rules}" in line for line in printed.splitlines())
    code, _, err = seget("segment", tomograms / "a.mrc", model, "-o", ruled, "--optimise", "iou")
    assert (code, "--optimise iou: wanted miou" in err) == (2, True)
    assert seget("predict", tomograms, model, "-o", ruled, "--rules", rules)[0] == 2
