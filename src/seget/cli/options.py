"""Options that several verbs share, and what their texts mean.

text of an option -> its value, or a sentence that says what is wanted

It never acts on them: the verbs do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seget.errors import InputError

if TYPE_CHECKING:
    from seget.results import Wishes


def wanted_folder(path: Path) -> Path:
    """Return a path at which a folder is, or can be made.

    Raises
    ------
    InputError
        It is a file, or leads through one.
    """
    for place in (path, *path.parents):
        if place.is_dir():
            break
        if place.exists():
            through = "" if place == path else f" below {place}"
            raise InputError(
                f"{path}: a folder is wanted{through}, where a file is; name a folder, which is "
                "made if it is not there."
            )
    return path


# of train and compare
Data = Annotated[Path, typer.Argument(metavar="DATASET.toml", help="What is annotated.")]
Names = Annotated[
    list[str] | None,
    typer.Option("-s", "--structures", help="Comma list of structures; the default is all."),
]
RecipeSettings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a number of the recipe; repeatable."),
]
DeviceName = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]

# of predict and segment
Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="TOMOGRAM... MODEL...",
        help="Tomograms (files, or folders of them) and models (run folders, or folders of runs).",
    ),
]
Out = Annotated[
    Path,
    typer.Option("-o", "--out", metavar="DIR", help="Folder of outputs.", callback=wanted_folder),
]
WindowPx = Annotated[
    int | None,
    typer.Option(help="Edge in pixels of windows; the default is the largest that fit, or none."),
]
Views = Annotated[
    int,
    typer.Option(
        help="Average 4 or 8 mirrored and turned views: better, in 4 or 8 times the time."
    ),
]
Format = Annotated[str, typer.Option(help="Of score maps: mrc or zarr (OME-Zarr).")]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE", help="Memory to use at most, as 4G; the default is half of what is free."
    ),
]
EngineName = Annotated[
    str, typer.Option(help="auto, torch or openvino; auto takes OpenVINO on a processor.")
]
Precision = Annotated[
    str,
    typer.Option(
        help="auto, float32, tf32, bf16 or int8; auto takes bf16 where the device has it. int8 is "
        "quicker still on most processors, and coarser (docs/performance.md)."
    ),
]
Hash = Annotated[
    str,
    typer.Option(help="Tell tomograms apart by sixteen slices (sampled) or by all voxels (full)."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
Invert = Annotated[
    bool,
    typer.Option("--invert", help="Turn the contrast: white where the training data was black."),
]
VoxelSize = Annotated[
    str | None,
    typer.Option(
        metavar="Z,Y,X",
        help="The tomograms' voxel size in nm, where their headers lie; one number for a cube.",
    ),
]
Rescale = Annotated[
    bool,
    typer.Option(
        "--rescale/--no-rescale",
        help="Read a tomogram of another pixel size at the model's, or as it is.",
    ),
]
Adapt = Annotated[
    bool | None,
    typer.Option(
        "--adapt/--no-adapt",
        help="Take half of the network's statistics from the tomogram; the default is for one that "
        "the model has not learnt from (docs/adaptation.md).",
    ),
]

# of predict, segment, measure and compare
On = Annotated[
    str,
    typer.Option(
        metavar="WHERE",
        help="Who does the work: here, processes:N, gpus, a Dask scheduler (tcp://host:8786), or "
        "slurm, pbs or lsf (slurm:FILE.toml); see docs/cluster.md.",
    ),
]

# of segment and fuse
RulesFile = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        metavar="RULES.toml",
        help="What else is demanded of labels: priorities, distances, sizes (docs/fusion.md).",
    ),
]
Optimise = Annotated[
    str | None,
    typer.Option(
        metavar="GOAL",
        help="Choose thresholds for miou, dice, precision=P or recall=R on the validation slices; "
        "the default is the models' own, for miou.",
    ),
]

# of info and convert
Mode0 = Annotated[str, typer.Option(help="Bytes of MRC mode 0: auto, signed or unsigned.")]


def split_names(given: list[str] | None, option: str = "--structures") -> list[str]:
    """Return the names in repeated comma lists, each once.

    Raises
    ------
    InputError
        A name stands there twice.
    """
    names = [name.strip() for text in given or [] for name in text.split(",") if name.strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{option}: {', '.join(twice)} is named twice; name it once.")
    return names


def parse_voxel_size(text: str) -> tuple[float, float, float]:
    """Return `(z, y, x)` in nm of "Z,Y,X" or of one number.

    Raises
    ------
    InputError
        It is neither, or a length is not above zero.
    """
    try:
        lengths = [float(part) for part in text.split(",")]
    except ValueError:
        lengths = []
    if len(lengths) == 1:
        lengths *= 3
    if len(lengths) != 3 or not all(0 < length < math.inf for length in lengths):
        raise InputError(
            f"--voxel-size {text}: wanted one number, or three with commas between (z, y, x), of "
            "nm above zero."
        )
    return lengths[0], lengths[1], lengths[2]


def fusion_wishes(
    rules: Path | None, optimise: str | None, thresholds: Mapping[str, float] | None = None
) -> Wishes:
    """Return what segment and fuse were told, as `seget.results` takes it.

    Raises
    ------
    InputError
        The file of rules or the goal is none.
    """
    from seget.fusion import NO_RULES, Rules
    from seget.metrics import Goal
    from seget.results import Wishes

    goal = Goal.parse(optimise) if optimise else None
    return Wishes(thresholds, goal, Rules.read(rules) if rules else NO_RULES)
