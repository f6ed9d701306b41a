"""What the verbs that use models share: many tomograms, one after the other.

tomograms + models + what to do with each -> files, and the sentences of those that failed

It never predicts: the verb says what is done with a tomogram.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
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
    from seget.dataset import tomogram_names
    from seget.trained import find_models, load

    models, tomograms = [], []
    for path in inputs:
        found = find_models(path)
        models += found
        tomograms += [] if found else _tomograms(path)
    if not tomograms or not models:
        _refuse_folders_of_both(inputs)
        missing = "a tomogram" if models else "a model (a run folder of seget train)"
        raise InputError(
            f"{', '.join(map(str, inputs))}: wanted at least one tomogram and one model, "
            f"found no {missing.removeprefix('a ')}; name {missing}."
        )
    # One that is named beside the folder it lies in is done once.
    once = list({os.path.abspath(path): path for path in tomograms}.values())
    names = tomogram_names(once)
    return [load(path) for path in models], dict(zip(names, once, strict=True))


def _tomograms(path: Path) -> list[Path]:
    """Return a tomogram, or those of a folder; say what is left out of it, and what is doubtful."""
    from seget import files
    from seget.cli.progress import say

    found, others = files.tomograms_and_others(path)
    if found == [path]:
        say_doubts(found)
        return found
    left_out: dict[str, list[str]] = {}
    for volume, why in others.items():
        left_out.setdefault(why, []).append(volume.name)
    for why, names in left_out.items():
        say(f"{path}: {', '.join(names)} left out, {'each ' * (len(names) > 1)}{why}.")
    if left_out:
        say(f"{path}: to take one of them all the same, name the file itself.")
    for volume in found:
        if missing := files.gaps(volume):
            say(f"{volume}: {missing}")
    return found


def say_doubts(paths: Iterable[Path | None]) -> None:
    """Say of volumes that were named why they may be no tomograms, or not whole."""
    from seget import files
    from seget.cli.progress import say

    for path in paths:
        for sentence in files.doubts(path) if path is not None else ():
            say(sentence)


def _refuse_folders_of_both(inputs: list[Path]) -> None:
    """Say of a folder of runs that holds tomograms too that it stands for one of them only."""
    from contextlib import suppress

    from seget import files
    from seget.trained import find_models

    for path in inputs:
        runs = [model.parent for model in find_models(path) if model.parent != path]
        tomograms: list[Path] = []
        with suppress(InputError):
            tomograms = [v for v in files.find_tomograms(path) if not find_models(v)]
        if runs and tomograms:
            raise InputError(
                f"{path}: the folder holds both tomograms ({_listed(tomograms)}) and runs "
                f"({_listed(runs)}), wanted one or the other; name the tomograms and the runs "
                f"themselves, as {tomograms[0]} {runs[0]}."
            )


def _listed(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths[:4]) + ", ..." * (len(paths) > 4)
