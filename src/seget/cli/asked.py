"""What predict and segment are asked for: one list of options, and a command that takes it.

arguments -> Asked

It never does what is asked: the verbs do.
"""

from __future__ import annotations

import inspect
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seget.cli.options import (
    Adapt,
    DeviceName,
    EngineName,
    Format,
    Hash,
    Inputs,
    Invert,
    Memory,
    On,
    Optimise,
    Out,
    Overwrite,
    Precision,
    Rescale,
    RulesFile,
    Views,
    VoxelSize,
    WindowPx,
    fusion_wishes,
    parse_voxel_size,
)
from seget.errors import InputError

if TYPE_CHECKING:
    from seget.prediction import Options
    from seget.results import Wishes
    from seget.volume import Triple

Name = Annotated[
    str | None,
    typer.Option(help="Of the tomogram in outputs, if it is one; the default is its file's."),
]
TaskSlices = Annotated[
    int,
    typer.Option(
        "--task-slices",
        min=1,
        help="With --on: of a tomogram with more slices, how many are one worker's task.",
    ),
]
PrintTasks = Annotated[
    bool,
    typer.Option(
        "--print-tasks", help="Do nothing; print a command for each tomogram, for job arrays."
    ),
]

# Options that say which tomograms, and who does them: no part of the command for one of them.
OF_MANY = {"out", "name", "on", "task_slices", "print_tasks"}


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes
    ----------
    inputs
        Tomograms and models, in any order.
    out
        Folder of the outputs; of several tomograms each has a folder of its name in it.
    options
        How to predict.
    voxel_size_nm
        `(z, y, x)` of the tomograms, whatever their files say.
    name
        Of the only tomogram.
    on
        Who does the work, see `seget.runners`.
    task_slices
        Slices of one worker's task at most.
    command
        The words that ask for one tomogram, without its name and the models'; None: do the work,
        else print the commands.
    wishes
        Of the fusion; None: what the score maps say.
    """

    inputs: list[Path]
    out: Path
    options: Options
    voxel_size_nm: Triple | None
    name: str | None
    on: str
    task_slices: int
    command: list[str] | None
    wishes: Wishes | None = None


def asked(
    inputs: Inputs,
    out: Out,
    device: DeviceName = "auto",
    engine: EngineName = "auto",
    precision: Precision = "auto",
    window: WindowPx = None,
    views: Views = 1,
    format: Format = "mrc",
    max_memory: Memory = None,
    hash: Hash = "sampled",
    overwrite: Overwrite = False,
    invert: Invert = False,
    voxel_size: VoxelSize = None,
    rescale: Rescale = True,
    adapt: Adapt = None,
    name: Name = None,
    on: On = "here",
    task_slices: TaskSlices = 256,
    print_tasks: PrintTasks = False,
    ctx: typer.Context = None,  # type: ignore[assignment]  # typer's; Python callers have none
) -> Asked:
    """Return what was asked for; its signature is that of the commands.

    Raises
    ------
    InputError
        An option has a value that it cannot have.
    """
    from seget.machine import parse_bytes
    from seget.prediction import Options

    options = Options(
        device=device,
        engine=engine,
        precision=precision,
        window_px=window,
        views=views,
        format=format,
        overwrite=overwrite,
        memory_bytes=parse_bytes(max_memory, "--max-memory") if max_memory else None,
        full_hash=_of_all_voxels(hash),
        invert=invert,
        rescale=rescale,
        adapt=adapt,
    )
    size = parse_voxel_size(voxel_size) if voxel_size else None
    command = _command(ctx) if print_tasks else None
    return Asked(inputs, out, options, size, name, on, task_slices, command)


def _of_all_voxels(hash: str) -> bool:
    if hash not in ("sampled", "full"):
        raise InputError(f"--hash {hash}: wanted sampled or full.")
    return hash == "full"


def takes_tomograms(verb: Callable[[Asked], None]) -> Callable[..., None]:
    """Return the command of a verb that is asked for by the options of `asked`."""

    @wraps(asked)
    def command(*arguments: Any, **options: Any) -> None:
        verb(asked(*arguments, **options))

    command.__name__, command.__doc__ = verb.__name__, verb.__doc__
    return command


def takes_rules(verb: Callable[[Asked], None]) -> Callable[..., None]:
    """Return such a command of a verb that fuses: it takes rules and a goal of thresholds, too."""

    def command(*arguments: Any, optimise: Any = None, rules: Any = None, **options: Any) -> None:
        found = asked(*arguments, **options)
        verb(replace(found, wishes=fusion_wishes(rules, optimise)))

    further = {"optimise": Optimise, "rules": RulesFile}
    signature = inspect.signature(asked, eval_str=True)
    *others, ctx = signature.parameters.values()
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in further.items()
    ]
    command = wraps(asked)(command)
    command.__signature__ = signature.replace(parameters=[*others, ctx, *added])  # type: ignore[attr-defined]
    command.__annotations__ = asked.__annotations__ | further
    command.__name__, command.__doc__ = verb.__name__, verb.__doc__
    return command


def _command(ctx: typer.Context) -> list[str]:
    """Return the verb and the options that were given, except those of `OF_MANY`."""
    words = ["seget", str(ctx.info_name)]
    for option in ctx.command.params:
        key = str(option.name)
        source = ctx.get_parameter_source(key)
        if key == "inputs" or key in OF_MANY or source is None or source.name != "COMMANDLINE":
            continue
        value = ctx.params[key]
        if isinstance(value, bool):
            words.append(option.opts[0] if value else option.secondary_opts[0])
        else:
            absolute = os.path.abspath(value) if isinstance(value, Path) else value
            words += [option.opts[0], str(absolute)]
    return words


def line(command: list[str], *words: object) -> str:
    """Return a command as a line for a shell."""
    return shlex.join([*command, *map(str, words)])
