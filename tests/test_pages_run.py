"""The commands on the pages, run from top to bottom as a reader would; trainings are cut short.

A page is run on a desk: a folder with the files that it speaks of. What is not run has its reason.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imod_examples import square
from pages import ROOT, Command, blocks, commands
from seget import files
from seget.files import imod
from seget.volume import Volume

Seget = Callable[..., tuple[int, str, str]]
SHAPE = (72, 32, 40)
DRAWN = (3, 17, 42, 51, 60, 71)  # as the README has it
SIZE_NM = (2.0, 2.0, 2.0)
SHORT = ["epochs=1", "steps_per_epoch=1", "patch_px=32", "binning=1", "batch_size=1"]
# Words of a command -> why it is not run here.
NOT_RUN = {
    "compare": "trains five networks",
    "--on ": "needs a cluster",
    "view ": "opens a window",
    "demo": "has a test of its own",
    "--recipe paper": "takes hours",
    "--preset": "takes minutes, and has tests of its own",
    "--install-completion": "changes the start-up file of a shell",
    "export": "wants onnx, and has tests of its own",
    ".onnx": "the same",
    "package.zip": "the same",
    "my-rules.toml": "is a file that the reader writes",
}
# Pages whose commands have tests of their own, take hours, or want data of others: copick, export,
# files, install, measures, p1694, phantom, results. test_pages.py holds that seget takes them all.
RUN = ["README.md", "docs/tutorial.md", "docs/how-to.md", "docs/next.md", "docs/few-slices.md"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the pages speak of: a tomogram with four structures, drawn in several ways."""
    folder = tmp_path_factory.mktemp("desk")
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    balls = {
        "synapse": np.hypot(y - 8, x - 9) < 6,
        "golgi": np.hypot(y - 23, x - 9) < 6,
        "granules": np.hypot(y - 8, x - 30) < 6,
        "centriole": (abs(y - 24) < 5) & (abs(x - 30) < 5),
    }
    balls = {name: np.broadcast_to(one, SHAPE) for name, one in balls.items()}
    grey = np.random.default_rng(0).normal(150, 15, SHAPE)
    for number, one in enumerate(balls.values()):
        grey[one] -= 40 + 15 * number
    image = Volume(np.clip(grey, 1, 255).astype(np.uint8), SIZE_NM, (0, 0, 0))
    files.write(folder / "tomogram.mrc", image)

    def mask(name: str) -> Volume:
        drawn = np.isin(np.arange(SHAPE[0]), DRAWN)[:, None, None]
        return Volume((balls[name] & drawn).astype(np.uint8), SIZE_NM, (0, 0, 0))

    files.write(folder / "synapse.mrc", mask("synapse"))
    golgi = np.array(mask("golgi").data)
    golgi[:, :2] = 255
    files.write(folder / "golgi.mrc", Volume(golgi, SIZE_NM, (0, 0, 0)))
    files.write(folder / "labels.mrc", Volume(2 * np.array(mask("granules").data), SIZE_NM))
    for name, structure, box in (
        ("cell.mod", "centriole", ((19, 29), (25, 35))),
        ("golgi.mod", "golgi", ((18, 28), (4, 14))),
    ):
        drawn = tuple(square(n, *box) for n in DRAWN)
        one = imod.ImodObject(structure, contours=drawn)
        imod.write(folder / name, imod.model_on(image, (one,)))
    for place in ("tomograms/a.mrc", "tomograms/b.mrc", "others/c.mrc"):
        (folder / place).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "tomogram.mrc", folder / place)
    for name in ("dataset.toml", "second.toml"):
        (folder / name).write_text(blocks(ROOT / "README.md", "toml")[0])
    return folder


def reason(command: Command) -> str:
    """Return why a command is not run; empty if it is."""
    line = " ".join(command.words)
    said = "needs a cluster" if "needs a cluster" in command.said else ""
    return said or next((why for words, why in NOT_RUN.items() if words in line), "")


def shortened(command: Command) -> list[str]:
    """Return the words with which a command is run."""
    words = list(command.words)
    if command.verb == "train":
        if "--max-minutes" in words:
            at = words.index("--max-minutes")
            del words[at : at + 2]
        words += [word for setting in SHORT for word in ("--set", setting)]
        if "--resume" not in words:
            words.append("--overwrite")
    if command.verb == "phantom":
        words = [word if word != "24,384,384" else "12,256,256" for word in words]
    return words


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", RUN)
def test_a_page_runs_from_top_to_bottom(
    seget: Seget, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pytest.importorskip("cc3d", reason="the extra `measure` is not installed")
    here = tmp_path / "desk"
    if name == "docs/tutorial.md":
        here.mkdir()
    else:
        shutil.copytree(desk, here)
    monkeypatch.chdir(here)
    if any(command.verb == "init" for command in commands(ROOT / name)):
        (here / "dataset.toml").unlink(missing_ok=True)
    if name == "docs/how-to.md":  # which draws in IMOD
        for mask in ("synapse.mrc", "golgi.mrc", "labels.mrc", "cell.mod"):
            (here / mask).unlink()
    if name == "docs/next.md":
        assert seget("train", "dataset.toml", "-o", "runs", *_settings())[0] == 0
    for command in commands(ROOT / name):
        if reason(command):
            continue
        if command.words[:3] == ("convert", "../cell/golgi.mrc", "golgi.mod"):
            shutil.copy("../cell/tomogram.mrc", ".")  # the page's own cp
        if name == "docs/how-to.md" and command.verb == "next":  # a reader has been here before
            assert seget("segment", "tomogram.mrc", "runs", "-o", "segmented")[0] == 0
        code, _, err = seget(*shortened(command))
        assert code == 0, f"seget {' '.join(command.words)}: {err}"


def _settings() -> list[str]:
    return [word for setting in SHORT for word in ("--set", setting)]


def test_the_readme_s_python_runs(desk: Path, tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(desk, tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    (code,) = blocks(ROOT / "README.md", "python")
    assert "max_minutes=15" in code
    code = code.replace("max_minutes=15", "max_minutes=0.01")
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    labels = files.read("labels.mrc")
    assert labels.shape == SHAPE
    assert labels.voxel_size_nm == SIZE_NM
