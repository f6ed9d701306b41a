"""What the verbs that use models share: many tomograms, here or on other machines.

tomograms + models + who does the work -> files, and the sentences of those that failed

It never predicts: `prediction` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from seget.cli.asked import line
from seget.errors import InputError, in_words

if TYPE_CHECKING:
    from seget.cli.asked import Asked
    from seget.outcome import Outcome
    from seget.prediction import Task

    Outcomes = Iterator[tuple[Task, Outcome[list[Path]]]]

Work = TypeVar("Work")
Result = TypeVar("Result")


def for_each_tomogram(verb: str, asked: Asked, fuse: bool) -> None:
    """Do what is asked for each tomogram; of several, go on past one that fails; say so at the end.

    Parameters
    ----------
    verb
        Stands before a tomogram's name while it is being worked on.
    fuse
        Whether labels are made of the score maps.

    Raises
    ------
    InputError, RunError, OSError
        It is the only tomogram, and it failed; or something is wrong that all of them need.
    SystemExit
        One of several failed.
    """
    from seget import runners
    from seget.cli.progress import say

    runners.check(asked.on)
    tasks = _tasks(asked, fuse)
    if asked.command is not None:
        return _print_tasks(asked.command, tasks)
    outcomes = _here(verb, tasks) if asked.on == "here" else _elsewhere(verb, tasks, asked)
    for _, written in succeeded(outcomes, len(tasks), "tomograms"):
        say("\n".join(map(str, written)))
    return None


def _tasks(asked: Asked, fuse: bool) -> list[Task]:
    """Return a task for each tomogram, for other processes with absolute paths."""
    from seget.prediction import Task
    from seget.trained import load, united

    models, tomograms = _models_and_tomograms(asked.inputs)
    united([load(path) for path in models])  # refuse now what each task would refuse
    if asked.name is not None:
        if len(tomograms) > 1:
            raise InputError(
                f"--name {asked.name}: it is one tomogram's, and there are {len(tomograms)}; leave "
                "it out: each has the name of its file."
            )
        tomograms = {_checked_name(asked.name): path for path in tomograms.values()}
    by = Path if asked.on == "here" and asked.command is None else os.path.abspath
    out = Path(by(asked.out))
    return [
        Task(
            Path(by(path)),
            tuple(Path(by(model)) for model in models),
            name,
            out / name if len(tomograms) > 1 else out,
            asked.options,
            fuse,
            asked.voxel_size_nm,
            wishes=asked.wishes,
        )
        for name, path in tomograms.items()
    ]


def _checked_name(name: str) -> str:
    if Path(name).name != name or not name.strip(". "):
        raise InputError(f"--name {name}: wanted a name of files, without / and not of dots alone.")
    return name


def _here(verb: str, tasks: list[Task]) -> Outcomes:
    """Do one tomogram after the other, each with a bar of its own."""
    from seget.cli.progress import bar
    from seget.prediction import do

    for number, task in enumerate(tasks, start=1):
        many = f" ({number} of {len(tasks)})" if len(tasks) > 1 else ""
        with bar(f"{verb} {task.name}{many}") as listener:
            outcome = do(task, listener)
        yield task, outcome


def _elsewhere(verb: str, tasks: list[Task], asked: Asked) -> Outcomes:
    """Have others do the tomograms, with one bar that counts them."""
    from seget.cli.progress import bar
    from seget.prediction import do_all

    with bar(verb) as listener:
        done = do_all(tasks, asked.on, asked.task_slices, listener)
        for number, (task, outcome) in enumerate(done, start=1):
            listener.progress(number, len(tasks))
            yield task, outcome


def _print_tasks(command: list[str], tasks: list[Task]) -> None:
    """Print a command a tomogram, which makes just what the command for all would make of it."""
    import typer

    from seget import files

    for task in tasks:
        name = () if task.name == files.title(task.tomogram) else ("--name", task.name)
        typer.echo(line(command, task.tomogram, *task.models, "-o", task.folder, *name))


def succeeded(
    outcomes: Iterable[tuple[Work, Outcome[Result]]], total: int, things: str
) -> Iterator[tuple[Work, Result]]:
    """Yield each task that did not fail with its result; say sentences, and at the end what failed.

    Parameters
    ----------
    total, things
        How many there are, and of what.

    Raises
    ------
    InputError, RunError, OSError
        There is one, and it failed.
    SystemExit
        One of several failed.
    """
    from seget.cli.progress import say

    failed: list[str] = []
    for task, outcome in outcomes:
        for sentence in outcome.notes:
            say(sentence)
        if outcome.error is not None:
            if total == 1:
                raise outcome.error
            failed.append(in_words(outcome.error))
            say(f"seget: {failed[-1]}")
        elif outcome.result is not None:
            yield task, outcome.result
    if failed:
        say(f"{total - len(failed)} of {total} {things} are done; {len(failed)} failed:")
        for sentence in failed:
            say(f"- {sentence}")
        raise SystemExit(1)


def _models_and_tomograms(inputs: list[Path]) -> tuple[list[Path], dict[str, Path]]:
    """Sort arguments into model folders, and tomograms by names that differ."""
    from seget.dataset import tomogram_names
    from seget.trained import find_models

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
    return models, dict(zip(names, once, strict=True))


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
