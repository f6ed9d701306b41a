"""Write docs/cli.md from the commands' own help, or say with --check that it is out of date.

seget --help, seget VERB --help -> docs/cli.md
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Plain text of one width, whatever the terminal; Typer and Rich read these when imported.
os.environ |= {"TYPER_USE_RICH": "0", "COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}

from typer.main import get_command
from typer.testing import CliRunner

from seget.cli import app

PAGE = Path(__file__).with_name("cli.md")


def page() -> str:
    """Return the page: the help of `seget` and of each verb, in the order of the program."""
    verbs = list(getattr(get_command(app), "commands", {}))
    parts = ["# The commands", "Written by `make docs` from `--help`; do not edit by hand."]
    for verb in ["", *verbs]:
        done = CliRunner().invoke(app, [*verb.split(), "--help"], prog_name="seget")
        text = "\n".join(line.rstrip() for line in done.output.strip().splitlines())
        parts.append(f"## seget {verb}".rstrip() + f"\n\n```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif not PAGE.exists() or PAGE.read_text() != page():
        sys.exit("docs/cli.md is not what the commands say: run `make docs`.")
