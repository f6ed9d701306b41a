"""The pages of the repository: their commands, their links, their headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
WRITTEN = {"cli.md", "api.md"}  # by programs, of the commands and docstrings themselves
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}.*\S.*\n?)+", re.MULTILINE)
SEGET = re.compile(r"(?<![\w/.'-])seget(?: [^;&|)>]*)?")


@dataclass(frozen=True)
class Command:
    """A command of seget on a page: its words, without `seget`, and what is said behind it."""

    words: tuple[str, ...]
    said: str

    @property
    def verb(self) -> str:
        return self.words[0] if self.words else ""


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the contents of the fenced blocks in some languages."""
    return [body for language, body in FENCE.findall(page.read_text()) if language in languages]


def commands(page: Path) -> list[Command]:
    """Return the commands that stand in blocks, in their order."""
    text = page.read_text()
    found = [(m.start(), m[2]) for m in FENCE.finditer(text) if m[1] in ("sh", "")]
    outside = FENCE.sub(lambda m: "\n" * m[0].count("\n"), text)
    lines = text.count("\n")
    assert outside.count("\n") == lines
    where = {m.start(): m.group() for m in INDENTED.finditer(_blanked(text))}
    found += where.items()
    return [one for _, body in sorted(found) for one in _of(body)]


def _blanked(text: str) -> str:
    """Return a page of the same length without its fenced blocks."""
    return FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def _of(body: str) -> Iterator[Command]:
    joined = re.sub(r"\\\n\s*", "", body)
    for line in joined.splitlines():
        code, _, said = line.partition(" #")
        for one in SEGET.findall(code if not line.lstrip().startswith("#") else ""):
            # Within the quotes of another command its end is cut.
            words = shlex.split(one.rstrip().removesuffix('"') if one.count('"') % 2 else one)
            if "=" not in words[0]:
                yield Command(tuple(words[1:]), said.strip())


def inline(page: Path) -> list[str]:
    """Return the code within sentences that begins with seget."""
    return re.findall(r"`(seget [^`]+)`", " ".join(_blanked(page.read_text()).split()))


def links(page: Path) -> list[str]:
    """Return where the links and pictures of a page lead."""
    text = re.sub(r"`[^`\n]*`", "", _blanked(page.read_text()))
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+ (.+)$", _blanked(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in headings}
