"""What the verbs that use models share: many tomograms, one after the other.

tomograms + models + what to do with each -> files, and the sentences of those that failed

It never predicts: the verb says what is done with a tomogram.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seget.cli.options import parse_voxel_size
from seget.errors import InputError, RunError, in_words

if TYPE_CHECKING:
    from seget.listener import Listener
    from seget.trained import Trained
    from seget.volume import Volume

    # volume, models, folder of its outputs, listener -> files that were written
    Work = Callable[[Volume, list[Trained], Path, Listener], list[Path]]


def for_each_tomogram(
    verb: str, inputs: list[Path], out: Path, work: Work, voxel_size: str | None = None
) -> None:
    """Do the work for each tomogram; of several, go on past one that fails, and say so at the end.

    Parameters
    ----------
    verb
        Stands before the tomogram's name while it is being worked on.
    inputs
        Tomograms and models, in any order.
    out
        Folder of the outputs; of several tomograms each has a folder of its name in it.
    work
        What is done with one.
    voxel_size
        What --voxel-size says of all of them, whatever their headers say.

    Raises
    ------
    InputError, RunError, OSError
        It is the only tomogram, and it failed.
    SystemExit
        One of several failed.
    """
    from seget import files
    from seget.cli.progress import bar, say

    size = parse_voxel_size(voxel_size) if voxel_size else None
    models, tomograms = _models_and_tomograms(inputs)
    several = len(tomograms) > 1
    failed: list[str] = []
    for number, (name, path) in enumerate(tomograms.items(), start=1):
        text = f"{verb} {name}" + (f" ({number} of {len(tomograms)})" if several else "")
        try:
            with bar(text) as listener:
                volume = files.read(path)
                volume = replace(volume, name=name, voxel_size_nm=size or volume.voxel_size_nm)
                written = work(volume, models, out / name if several else out, listener)
        except (InputError, RunError, OSError) as error:
            if not several:
                raise
            failed.append(in_words(error))
            say(f"seget: {failed[-1]}")
        else:
            say("\n".join(map(str, written)))
    if failed:
        _say_failures(failed, len(tomograms))
        raise SystemExit(1)


def _say_failures(failed: list[str], total: int) -> None:
    from seget.cli.progress import say

    say(f"{total - len(failed)} of {total} tomograms are done; {len(failed)} failed:")
    for sentence in failed:
        say(f"- {sentence}")


def _models_and_tomograms(inputs: list[Path]) -> tuple[list[Trained], dict[str, Path]]:
    """Sort arguments into models, which are loaded, and tomograms by names that differ."""
    from seget import files
    from seget.dataset import tomogram_names
    from seget.trained import find_models, load

    models, tomograms = [], []
    for path in inputs:
        found = find_models(path)
        models += found
        tomograms += [] if found else files.find_tomograms(path)
    if not tomograms or not models:
        missing = "a tomogram" if models else "a model (a run folder of seget train)"
        raise InputError(
            f"{', '.join(map(str, inputs))}: wanted at least one tomogram and one model, "
            f"found no {missing.removeprefix('a ')}; name {missing}."
        )
    # One that is named beside the folder it lies in is done once.
    once = list({os.path.abspath(path): path for path in tomograms}.values())
    names = tomogram_names(once)
    return [load(path) for path in models], dict(zip(names, once, strict=True))
