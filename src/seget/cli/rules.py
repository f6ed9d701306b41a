"""The verb `seget rules`: the smallest object of each structure, chosen on validation slices.

score maps + masks -> rules.toml for `seget fuse --rules`

It never fuses: `evaluation` chooses.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seget.cli.options import Overwrite
from seget.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seget.evaluation import Choice


def rules(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The -o of seget segment or predict.")
    ],
    dataset: Annotated[Path, typer.Argument(metavar="DATASET.toml", help="With the masks.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="RULES.toml", help="For seget fuse --rules.")
    ],
    overwrite: Overwrite = False,
) -> None:
    """Choose the smallest object of each structure on the validation slices, as rules of fusion.

    Objects that are smaller are left out if that raises mIOU there, but never one of which more
    than half is right. What it gained is measured in docs/fusion.md; look at the sizes, and edit.

    \b
    seget rules segmented dataset.toml -o rules.toml
    seget fuse segmented -o mended.mrc --rules rules.toml
    """
    from seget import files
    from seget.cli.progress import say
    from seget.dataset import read_dataset
    from seget.evaluation import choose_smallest, find_predictions

    if out.exists() and not overwrite:
        raise InputError(f"{out}: is there already; give --overwrite, or another -o.")
    found = choose_smallest(find_predictions(folder, read_dataset(dataset), "all"))
    text = _toml(found, dataset)
    files.write_text(out, text)
    for line in text.splitlines():
        typer.echo(line)
    say(str(out))


def _toml(found: Mapping[str, Choice], dataset: Path) -> str:
    """Return the rules, each with what it did on the validation slices."""
    lines = [f"# Chosen by seget rules on the validation slices of {dataset.name}: mIOU there"]
    for structure, choice in found.items():
        name = json.dumps(structure)
        if not choice.smallest_nm3:
            why = "no validation slice shows it" if choice.before != choice.before else (
                f"nothing is left out, mIOU {choice.before:.4f}"
            )  # fmt: skip
            lines += ["", f"# {name}: {why}"]
            continue
        lines += [
            "",
            f"[structure.{name}]",
            f"smallest_nm3 = {choice.smallest_nm3:.3g}  # mIOU {choice.before:.4f} -> "
            f"{choice.after:.4f}, without {choice.objects} objects",
        ]
    return "\n".join(lines) + "\n"
