"""The command line: a module a verb, by the verb's name.

arguments -> rooms -> files, messages, exit code

The only room that prints. Heavy imports live inside the commands, so that `--help` is quick.
Exit codes: 0 done, 1 the run failed, 2 the command line or an input is wrong.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import typer

from seget.cli import (
    compare,
    convert,
    copick,
    demo,
    evaluate,
    export,
    fuse,
    info,
    init,
    measure,
    next,
    phantom,
    predict,
    rules,
    segment,
    train,
    view,
)
from seget.errors import OF_A_PATH, InputError, RunError, in_words, printable

__all__ = ["app", "main"]

INTERRUPTED = 130  # typer's own code of a Ctrl-C, about which it says nothing

app = typer.Typer(
    name="seget",
    help="Segment cellular structures in electron tomograms: learn from masks drawn on some "
    "slices, segment the rest, say how good it is.",
    epilog="seget alone says what comes next in the folder where you are.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.command()(phantom.phantom)
app.command()(init.init)
app.command()(train.train)
app.command()(predict.predict)
app.command()(fuse.fuse)
app.command()(segment.segment)
app.command()(evaluate.evaluate)
app.command()(rules.rules)
app.command()(next.next)
app.command()(view.view)
app.command()(measure.measure)
app.command()(compare.compare)
app.command()(info.info)
app.command()(convert.convert)
app.command()(export.export)
app.command()(copick.copick)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seget {version('seget')}")
        raise typer.Exit


@app.callback()
def _common(
    ctx: typer.Context,
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    _version: bool = typer.Option(
        False,
        "--version",
        callback=_say_version,
        is_eager=True,
        help="Show the version; seget info --environment shows more.",
    ),
) -> None:
    ctx.obj = debug
    if ctx.invoked_subcommand is None:
        _say_what_comes_next()


def _say_what_comes_next() -> None:
    from seget.cli.standing import standing

    here = standing(Path())
    typer.echo(printable(here.sentence()) + "\n")
    for text, command in here.commands():
        typer.echo(f"{text}:\n\n    {command}\n")
    typer.echo("seget --help lists all commands; seget VERB --help explains one, with examples.")


def main() -> None:
    """Run a command; turn an error that is meant for people into one sentence and a code."""
    try:
        app()
    except InputError as error:
        _fail(error, 2)
    except RunError as error:
        _fail(error, 1)
    except OSError as error:
        _fail(error, 2 if error.errno in OF_A_PATH else 1)
    except SystemExit as left:
        if left.code != INTERRUPTED:
            raise
        _fail(RunError("stopped; what is finished is kept, run the same command again."), 1)


def _fail(error: Exception, code: int) -> None:
    if "--debug" in sys.argv:
        raise error
    typer.echo(f"seget: {in_words(error)}", err=True)
    raise SystemExit(code)
