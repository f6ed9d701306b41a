"""`seget` alone: what lies in this folder, and which command comes next.

folder -> Standing -> a sentence, commands to copy

It never opens a model, and never reads more than a few slices of a volume.
"""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seget.errors import InputError, printable

Command = tuple[str, str]  # what it is for, the command
DATASET = "dataset.toml"
MOST_BYTES = 10**6  # of a dataset.toml
MOST_VOLUMES = 24  # that are looked at: each costs the reading of some slices
MOST_NAMED = 8  # tomograms that a command names


@dataclass(frozen=True)
class Standing:
    """What of the way from a tomogram to a table lies in a folder; paths are relative to it.

    Attributes
    ----------
    tomograms, masks
        Volumes, and for masks IMOD models too.
    datasets
        Files that list tomograms and masks.
    begun, runs
        Folders of trainings that have no model yet, and of those that have one.
    results, evaluated, measured
        Folders with labels.mrc, those among them that have been judged, and those of measurements.
    """

    tomograms: tuple[Path, ...] = ()
    masks: tuple[Path, ...] = ()
    datasets: tuple[Path, ...] = ()
    begun: tuple[Path, ...] = ()
    runs: tuple[Path, ...] = ()
    results: tuple[Path, ...] = ()
    evaluated: tuple[Path, ...] = ()
    measured: tuple[Path, ...] = ()

    def sentence(self) -> str:
        """Say what is here, and what is missing."""
        kinds = {
            "tomogram": self.tomograms,
            "mask": self.masks,
            "dataset": self.datasets,
            "training": self.begun + self.runs,
            "segmented folder": self.results,
            "measured folder": self.measured,
        }
        there = [_counted(kind, paths) for kind, paths in kinds.items() if paths]
        return f"Here: {'; '.join(there)}." if there else "Here is no tomogram that seget reads."

    def commands(self) -> list[Command]:
        """Return the commands that come next, the first one first."""
        if self.results:
            return self._after_results()
        if self.runs:
            return self._after_runs()
        if self.datasets:
            going_on = " --resume" if self.begun else " --max-minutes 15"
            out = _run_folder(self.begun) if self.begun else "runs"
            text = "go on with the training" if self.begun else "learn the structures from it"
            return [(text, f"seget train {_quoted(self.datasets[0])} -o {out}{going_on}")]
        if self.tomograms and self.masks:
            return [("write down which mask is which, in dataset.toml", "seget init .")]
        if self.tomograms:
            return [
                ("draw the structures on a few slices, in napari", f"seget view {self._first()}"),
                ("or draw in 3dmod or Fiji, save the masks or models here, and", "seget init ."),
                ("or look first what is wrong with the file", f"seget info {self._first()}"),
            ]
        return [
            ("go to the folder of a tomogram, or try it on a simulated one", "seget demo"),
            ("or make a tomogram with masks to play with", "seget phantom cell"),
        ]

    def _after_runs(self) -> list[Command]:
        runs = _run_folder(self.runs)
        named = " ".join(_quoted(path) for path in self.tomograms[:MOST_NAMED]) or "TOMOGRAM"
        found = [("find the structures in it", f"seget segment {named} {runs} -o segmented")]
        if self.datasets:
            more = f"seget next {_quoted(self.datasets[0])} {runs}"
            found.append(("or ask which slice to draw next", more))
        return found

    def _after_results(self) -> list[Command]:
        found = []
        judged = [path for path in self.results if path not in self.evaluated]
        if self.datasets and judged:
            data = _quoted(self.datasets[0])
            found.append(
                ("see how good it is where you drew", f"seget evaluate {_quoted(judged[0])} {data}")
            )
        if not self.measured:
            command = f"seget measure {_quoted(self.results[0])} -o measured"
            found.append(("count and measure in nm", command))
        if self.datasets and self.runs:
            data, runs = _quoted(self.datasets[0]), _run_folder(self.runs)
            found.append(("ask which slice to draw next", f"seget next {data} {runs}"))
        if not found:
            command = "seget segment TOMOGRAM RUNS -o another"
            found.append(("all is measured; take another tomogram", command))
        return found

    def _first(self) -> str:
        return _quoted(self.tomograms[0])


def standing(folder: Path) -> Standing:
    """Look what lies in a folder and in the folders below it, two deep."""
    runs = _holding(folder, "model/model.json")
    begun = [path for path in _holding(folder, "checkpoints") if path not in runs]
    results = [path for path in _holding(folder, "labels.mrc") if (path / "labels.json").is_file()]
    datasets = _datasets(folder)
    tomograms, masks = _volumes(folder)
    return Standing(
        tuple(tomograms or _images(datasets)),
        tuple(masks),
        tuple(datasets),
        tuple(begun),
        tuple(runs),
        tuple(results),
        tuple(path for path in results if (path / "pictures").is_dir()),
        tuple(_holding(folder, "objects.csv")),
    )


def _holding(folder: Path, name: str) -> list[Path]:
    """Return the folders, at most two deep, in which something of that name is."""
    found: list[Path] = []
    for depth in ("", "*/", "*/*/"):
        with suppress(OSError):
            found += sorted(Path(str(one).removesuffix(name)) for one in folder.glob(depth + name))
    return [path for path in found if not any(part.startswith(".") for part in path.parts)]


def _volumes(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the tomograms and the masks that lie in the folder itself."""
    from seget import files
    from seget.files import imod

    masks = []
    with suppress(OSError):
        masks = sorted(path for path in folder.iterdir() if imod.is_model(path))
    try:
        volumes = files.find_volumes(folder)[:MOST_VOLUMES]
        others = files.no_tomograms(volumes)
    except (InputError, OSError):
        return [], masks
    drawn = [path for path, why in others.items() if "mask" in why or "labels" in why]
    return [path for path in volumes if path not in others], drawn + masks


def _datasets(folder: Path) -> list[Path]:
    """Return the datasets in the folder, else those that a training from masks wrote."""
    for pattern in ("*.toml", f"*/{DATASET}"):
        if found := sorted(path for path in folder.glob(pattern) if "tomogram" in _content(path)):
            return found
    return []


def _images(datasets: Iterable[Path]) -> list[Path]:
    """Return the images that datasets name, as they are reached from here."""
    return [
        path
        for toml in datasets
        for table in _content(toml)["tomogram"]
        if isinstance(table, dict) and (path := toml.parent / str(table.get("image"))).exists()
    ]


def _content(toml: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        if toml.stat().st_size <= MOST_BYTES:
            found = tomllib.loads(toml.read_text())
            return found if isinstance(found.get("tomogram"), list) else {}
    return {}


def _run_folder(runs: tuple[Path, ...]) -> str:
    """Return the one folder that stands for several runs, or the run."""
    parents = {path.parent for path in runs}
    together = len(runs) > 1 and len(parents) == 1 and parents != {Path()}
    return _quoted(runs[0].parent if together else runs[0])


def _counted(kind: str, paths: tuple[Path, ...]) -> str:
    named = ", ".join(map(str, paths[:2])) + ", ..." * (len(paths) > 2)
    return f"{len(paths)} {kind}{'s' * (len(paths) > 1)} ({named})"


def _quoted(path: Path) -> str:
    return shlex.quote(printable(str(path)))
