"""Many tomograms by several workers, some of which are killed, against one process."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from dask_cluster import Killer, local_cluster
from seget import files
from seget.networks import Architecture
from seget.prediction import Options, predict
from seget.recipes import modern
from seget.trained import Trained
from seget.volume import Volume

Seget = Callable[..., tuple[int, str, str]]
DEPTH = 13


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of two structures, which finds either in places; eight tomograms."""
    folder = tmp_path_factory.mktemp("data")
    recipe = modern().override(["binning=1", "context=1"])
    network = Architecture.of(recipe, 2).build(0).eval()
    random = np.random.default_rng(0)
    for name in "abcdefgh":
        grey = random.integers(0, 255, (DEPTH, 48, 56), np.uint8)
        tomogram = Volume(grey, (1.0, 1.0, 1.0))
        files.write(folder / "tomograms" / f"{name}.mrc", tomogram)
    model = Trained(network, ("rods", "discs"), recipe, {"rods": 0.5, "discs": 0.5}, (1.0, 1.0))
    scores = predict(tomogram, model, Options())
    thresholds = {s: float(np.quantile(v.data, 0.7) - 0.5) / 127 for s, v in scores.items()}
    replace(model, thresholds=thresholds).save(folder / "model")
    return folder


@pytest.fixture(scope="module")
def alone(data: Path) -> Path:
    """What one process makes of them."""
    from seget.cli import app

    out = data / "alone"
    app(["segment", *words(data), "-o", str(out)], standalone_mode=False)
    labels = np.asarray(files.read(out / "a" / "labels.mrc").data)
    assert set(np.unique(labels)) == {0, 1, 2}, "equal labels say something"
    return out


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with local_cluster(2, local_directory=str(tmp_path_factory.mktemp("dask"))) as address:
        yield address


def done(out: Path) -> int:
    return len(list(out.glob("*/labels.json")))


def words(data: Path) -> list[str]:
    return [str(data / "tomograms"), str(data / "model")]


def made(folder: Path) -> dict[str, object]:
    """Return every file of an output, hidden ones too: its bytes, or its JSON without the time."""
    found: dict[str, object] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content: object = path.read_bytes()
        if path.suffix == ".json":
            content = timeless(json.loads(path.read_text()))
        found[str(path.relative_to(folder))] = content
    return found


def timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: timeless(one) for key, one in value.items() if key != "time"}
    return value


@pytest.mark.parametrize(
    ("where", "slices"), [("dask", 256), ("dask", 5), ("processes:2", 5)], ids=str
)
def test_a_killed_worker_changes_no_byte(
    request: pytest.FixtureRequest,
    seget: Seget,
    data: Path,
    alone: Path,
    tmp_path: Path,
    where: str,
    slices: int,
) -> None:
    out = tmp_path / "out"
    on = request.getfixturevalue("scheduler") if where == "dask" else where
    killer = Killer(out, lambda: done(out) >= 2)
    killer.start()
    code, _, err = seget("segment", *words(data), "-o", out, "--on", on, "--task-slices", slices)
    assert code == 0, err
    assert killer.killed, "a worker that was writing"
    assert made(out) == made(alone)


def test_ctrl_c_ends_the_workers_and_the_same_command_goes_on(
    seget: Seget, data: Path, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("segment", *words(data), "-o", str(out), "--on", "processes:1")
    script = "from seget.cli import main; main()"
    running = subprocess.Popen([sys.executable, "-c", script, *command], stderr=subprocess.PIPE)
    while not any(out.glob("*/.*.journal")):
        time.sleep(0.001)
    workers = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGINT)
    said = running.communicate()[1].decode().splitlines()
    assert running.returncode == 1
    assert said[-1].startswith("seget: stopped; what is finished is kept")
    assert not [line for line in said if "Traceback" in line]
    assert done(out) < 8
    psutil.wait_procs(workers, timeout=5)
    assert not any(worker.is_running() for worker in workers)
    assert seget(*command)[0] == 0
    assert made(out) == made(alone)


def test_what_is_printed_for_a_job_array_makes_the_same(
    seget: Seget, data: Path, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "with space" / "out"
    options = ("--precision", "auto", "--no-rescale", "--rescale")
    code, printed, err = seget("segment", *words(data), "-o", out, *options, "--print-tasks")
    assert code == 0, err
    lines = printed.splitlines()
    assert len(lines) == 8
    assert not out.exists()
    for line in lines[:2]:
        program, *arguments = shlex.split(line)
        assert program == "seget"
        assert seget(*arguments)[0] == 0
    got = made(out)
    assert got == {name: content for name, content in made(alone).items() if name in got}
    assert len(got) == 2 * len(made(alone / "a"))


def test_a_printed_command_keeps_the_name_that_tells_twins_apart(
    seget: Seget, data: Path, tmp_path: Path
) -> None:
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "rec.mrc").write_bytes((data / "tomograms" / "a.mrc").read_bytes())
    days = [tmp_path / day / "rec.mrc" for day in ("day1", "day2")]
    given = ("--views", "4", "--max-memory", "2G", "--overwrite", "--invert", "--no-rescale")
    _, printed, err = seget(
        "predict", *days, data / "model", "-o", tmp_path / "out", *given, "--print-tasks"
    )
    first = shlex.split(printed.splitlines()[0])
    assert first[:9] == ["seget", "predict", *given], err
    assert first[-2:] == ["--name", "day1-rec"]
    assert seget(*first[1:])[0] == 0
    assert (tmp_path / "out" / "day1-rec" / "day1-rec__rods.mrc").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--name", "cell"), "--name cell: it is one tomogram's, and there are 8"),
        (("--on", "cloud"), "--on cloud: wanted here, processes:N"),
        (("--on", "slurm:nowhere.toml"), "nowhere.toml: no such file"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    seget: Seget, data: Path, tmp_path: Path, options: tuple[str, str], said: str
) -> None:
    code, _, err = seget("segment", *words(data), "-o", tmp_path / "out", *options)
    assert (code, said in err) == (2, True), err
    one = ("predict", data / "tomograms" / "a.mrc", data / "model", "-o", tmp_path / "out")
    for name in ("../cell", "..", ""):
        code, _, err = seget(*one, "--name", name)
        assert (code, "wanted a name of files" in err) == (2, True), err


def test_what_fails_elsewhere_is_said_as_it_is_here(
    seget: Seget, data: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mrc"
    broken.write_bytes((data / "tomograms" / "a.mrc").read_bytes()[:1500])
    others = [data / "tomograms" / f"{name}.mrc" for name in "ab"]
    command = ("segment", broken, *others, data / "model", "-o", tmp_path / "out")
    code, _, err = seget(*command, "--on", "processes:1", "--task-slices", "7")
    assert code == 1
    assert "2 of 3 tomograms are done; 1 failed" in err
    assert "broken.mrc" in err.strip().splitlines()[-1]
    assert "a: 13 slices" not in err, "the worker that joins has none to score"
    assert {path.parent.name for path in tmp_path.glob("out/*/labels.mrc")} == {"a", "b"}
    code, _, err = seget(
        "segment", broken, data / "model", "-o", tmp_path / "one", "--on", "processes:1"
    )
    assert (code, err.strip().splitlines()[-1].startswith("seget: ")) == (2, True), err


def test_a_finished_tomogram_is_not_done_again(seget: Seget, data: Path, tmp_path: Path) -> None:
    one = ("segment", data / "tomograms" / "a.mrc", data / "model", "-o", tmp_path / "out")
    assert seget(*one)[0] == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert seget(*one, "--on", "processes:1", "--task-slices", "7")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before
