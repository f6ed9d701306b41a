"""copick projects on a local disk: which tomograms they have, and where seget's results belong.

config.json -> Project -> tomograms; labels and picks -> segmentations and picks of a run

It does without the library copick, which wants another version of zarr than seget does; a test
opens what is written with copick's own reader. It never changes config.json.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seget import files
from seget.errors import InputError, did_you_mean
from seget.listener import Listener
from seget.volume import Volume

RUNS, PICKS, SEGMENTATIONS = "ExperimentRuns", "Picks", "Segmentations"
LOCAL = re.compile(r"^(?:local|file)://")
SPACING = re.compile(r"VoxelSpacing(\d+(?:\.\d+)?)$")
PART = re.compile(r"[A-Za-z0-9.-]+")  # of a file's name: _ divides the parts
SAME_SIZE = 1.01  # edges of a voxel that differ by less count as equal


@dataclass(frozen=True)
class Tomogram:
    """A tomogram of a project; `spacing` is the edge of its voxels in angstrom."""

    run: str
    spacing: float
    kind: str
    path: Path


@dataclass(frozen=True)
class Project:
    """A copick project.

    Attributes
    ----------
    config
        Its config.json.
    overlay, static
        Folders of its data: that which is written to, and one that is only read.
    objects
        Names of its pickable objects -> their values in segmentations.
    """

    config: Path
    overlay: Path
    static: Path | None
    objects: Mapping[str, int]

    def tomograms(self) -> list[Tomogram]:
        """Return its tomograms by run, voxel size and kind."""
        found = {}
        for root in filter(None, (self.static, self.overlay)):
            for path in root.glob(f"{RUNS}/*/VoxelSpacing*/*.zarr"):
                spacing = SPACING.fullmatch(path.parent.name)
                if spacing and "_features" not in path.stem:
                    key = (path.parents[1].name, float(spacing[1]), path.stem)
                    found[key] = Tomogram(*key, path)
        return [found[key] for key in sorted(found)]

    def demand_run(self, run: str) -> None:
        """Raise InputError if it has no run of that name."""
        roots = [root / RUNS for root in (self.static, self.overlay) if root is not None]
        known = sorted({one.name for root in roots if root.is_dir() for one in root.iterdir()})
        if run not in known:
            raise InputError(
                f"{self.config}: has no run {run}{did_you_mean(run, known)}; it has "
                f"{', '.join(known[:20]) or 'none'}{', ...' * (len(known) > 20)}."
            )

    def object_of(self, structure: str) -> str:
        """Return the pickable object that a structure is: its name, whatever stands for blanks.

        Raises
        ------
        InputError
            There is none.
        """
        plain = {_plain(name): name for name in self.objects}
        if _plain(structure) not in plain:
            raise InputError(
                f"{self.config}: has no pickable object {structure}"
                f"{did_you_mean(structure, self.objects)}, it has "
                f"{', '.join(self.objects) or 'none'}; add to pickable_objects "
                f'{{"name": "{_plain(structure)}", "is_particle": false, "label": NUMBER}}.'
            )
        return plain[_plain(structure)]


def read_project(config: Path) -> Project:
    """Read the config.json of a project whose data lie on a local disk.

    Raises
    ------
    InputError
        It is none, or its data lie elsewhere.
    """
    said = files.read_json(config)
    try:
        objects = {str(one["name"]): int(one.get("label") or 1) for one in said["pickable_objects"]}
        overlay, static = str(said["overlay_root"]), said.get("static_root")
    except (LookupError, TypeError, ValueError, AttributeError):
        raise InputError(
            f"{config}: not the config.json of a copick project, wanted pickable_objects and "
            "overlay_root in it; name that file."
        ) from None
    return Project(
        config, _local(config, overlay), _local(config, str(static)) if static else None, objects
    )


def write_segmentation(
    project: Project,
    run: str,
    labels: Volume,
    names: Mapping[int, str],
    by: tuple[str, str] = ("seget", "0"),
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Path:
    """Write labels as a segmentation of several objects of a run; return its folder.

    Parameters
    ----------
    labels
        Whole numbers; each that `names` has becomes the value of the object of that name.
    by
        copick's user and session.

    Raises
    ------
    InputError
        A structure is none of the project's objects, the voxels are no cubes, or the segmentation
        is there.
    """
    listener = listener or Listener()
    project.demand_run(run)
    values = {number: project.objects[project.object_of(name)] for number, name in names.items()}
    spacing = _spacing(labels)
    kind = np.dtype(np.uint8 if max(values.values(), default=0) < 256 else np.uint16)
    user, session = _parts(*by)
    name = f"{spacing:.3f}_{user}_{session}_seget-multilabel.zarr"
    out = project.overlay / RUNS / run / SEGMENTATIONS / name
    _refuse(out, overwrite)
    legend = files.Legend({values[number]: name for number, name in names.items()})
    table = np.zeros(max(values, default=0) + 1, kind)
    table[list(values)] = list(values.values())
    # copick reads Zarr 2 alone.
    with files.create(out, like=labels, dtype=kind, legend=legend, ome_zarr="0.4") as writer:
        for z in range(labels.shape[0]):
            plane = labels.slice(z)
            known = (plane >= 0) & (plane < len(table))
            writer[z] = table[np.where(known, plane, 0).astype(np.int64)]
            listener.progress(z + 1, labels.shape[0])
    return out


def write_picks(
    project: Project,
    run: str,
    picks: Path,
    by: tuple[str, str] = ("seget", "0"),
    overwrite: bool = False,
) -> Path:
    """Write a file of picks of `seget measure` as picks of a run; return the file.

    Raises
    ------
    InputError
        It is none, its structure is none of the project's objects, or the picks are there.
    """
    project.demand_run(run)
    said: Any = files.read_json(picks)
    if not isinstance(said, dict) or not {"pickable_object_name", "points"} <= said.keys():
        raise InputError(f"{picks}: holds no picks; wanted a file of copick/ of seget measure.")
    name = project.object_of(str(said["pickable_object_name"]))
    user, session = _parts(*by)
    out = project.overlay / RUNS / run / PICKS / f"{user}_{session}_{name}.json"
    _refuse(out, overwrite)
    whose = {"pickable_object_name": name, "user_id": user, "session_id": session, "run_name": run}
    files.write_json(out, said | whose)
    return out


def _local(config: Path, root: str) -> Path:
    if "://" in root and not LOCAL.match(root):
        raise InputError(
            f"{config}: its data lie at {root}, wanted a local folder; mount it, or copy the run."
        )
    return Path(LOCAL.sub("", root))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")


def _parts(*parts: str) -> tuple[str, ...]:
    for part in parts:
        if not PART.fullmatch(part):
            raise InputError(
                f"{part!r} cannot name a user or a session of copick, whose files are named by "
                "parts between _; use letters, digits, dots and -."
            )
    return parts


def _spacing(labels: Volume) -> float:
    """Return the edge of the voxels in angstrom."""
    size = labels.voxel_size_nm
    where = labels.path or labels.name
    if labels.pixel_nm is None or size is None:
        raise InputError(
            f"{where}: its voxel size is unknown, and copick names files by it; write it with "
            "`seget info --fix`."
        )
    if max(size) > SAME_SIZE * min(size):
        raise InputError(
            f"{where}: its voxels are {' x '.join(f'{nm:.4g}' for nm in size)} nm, and copick has "
            "one edge for all; resample the tomogram to cubes."
        )
    return 10 * size[2]


def _refuse(out: Path, overwrite: bool) -> None:
    if out.exists() and not overwrite:
        raise InputError(f"{out}: is there already; give --overwrite, or another --session.")
