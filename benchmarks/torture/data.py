"""Small data: a tomogram with two structures, and what each verb does to it.

folder -> dataset.toml, commands

Small, so that hundreds of runs fit into minutes; large enough that a run has something to lose.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seget import files
from seget.volume import Volume

SLICES = 24
EDGE_PX = 128
SETTINGS = (
    "patch_px=48",
    "binning=1",
    "batch_size=2",
    "epochs=3",
    "steps_per_epoch=4",
    "average=none",
)
DATASET = """\
name = "torture"
holdout = "block"
[[tomogram]]
image = "tomogram.mrc"
[tomogram.masks]
discs = "discs.mrc"
rods = "rods.mrc"
"""


@dataclass(frozen=True)
class Case:
    """One command, its output, and how it is taken up after a kill.

    Attributes
    ----------
    name
        Of the verb and what is special.
    words
        The command without its output.
    out
        Output, below the folder of a trial.
    again
        What is added when it is run again.
    """

    name: str
    words: tuple[str, ...]
    out: str
    again: tuple[str, ...] = ()

    def command(self, trial: Path, taken_up: bool = False) -> list[str]:
        """Return the words of the command with its output in `trial`."""
        return [*self.words, "-o", str(trial / self.out), *(self.again if taken_up else ())]


def make(folder: Path, slices: int = SLICES) -> Path:
    """Write the dataset; return its toml."""
    z, y, x = np.ogrid[:slices, :EDGE_PX, :EDGE_PX]
    discs = np.hypot(y - 40 - z, x - 36) < 16
    rods = (np.abs(x - 90 - y // 8) < 6) & (y > 20 + z)
    grey = np.where(discs, 200.0, np.where(rods, 60.0, 125.0))
    grey += np.random.default_rng(0).normal(0, 15, grey.shape)
    tomogram = np.clip(grey, 0, 255).astype(np.uint8)
    for name, data in (("tomogram", tomogram), ("discs", discs), ("rods", rods)):
        files.write(folder / f"{name}.mrc", Volume(data.astype(np.uint8), (2.0, 2.0, 2.0)))
    (folder / "dataset.toml").write_text(DATASET)
    return folder / "dataset.toml"


def cases(folder: Path) -> list[Case]:
    """Return the commands to be killed; those of models and maps take what the first ones made."""
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    dataset, tomogram = str(folder / "dataset.toml"), str(folder / "tomogram.mrc")
    runs, maps = str(folder / "whole" / "runs"), str(folder / "whole" / "maps")
    return [
        Case("train", ("train", dataset, *settings), "runs", ("--resume",)),
        Case("predict", ("predict", tomogram, runs), "maps"),
        Case("predict to zarr", ("predict", tomogram, runs, "--format", "zarr"), "zarr"),
        Case("fuse", ("fuse", maps), "fused/labels.mrc"),
        Case("segment", ("segment", tomogram, runs), "segmented"),
    ]
