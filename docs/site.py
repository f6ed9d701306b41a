"""A hook of mkdocs: the order of the pages, and links that lead out of docs/.

mkdocs' settings, text of a page -> navigation, text

It never drops a page: one that no list names stands at the end.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
# Heading -> pages, each listed if it is there.
ORDER = {
    "Start": ["index", "tutorial", "install", "glossary"],
    "How to": ["how-to", "annotate", "few-slices", "next", "cluster", "copick", "export"],
    "Reference": ["cli", "dataset", "recipe", "outputs", "evaluation", "measures", "files", "api"],
    "Explanation": [
        "reading", "fusion", "networks", "paper", "phantom", "performance", "reliability",
    ],
    "Results": ["results/table1", "results/vnc", "results/trials", "p1694"],
}  # fmt: skip
ELSEWHERE = re.compile(r"<script src=\"https?://[^\"]*\"></script>")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: Any) -> Any:
    """Set the navigation: the pages of `ORDER`, and those that it does not name."""
    there = {path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.md")}
    named = {page for pages in ORDER.values() for page in pages}
    order = dict(ORDER)
    if rest := sorted(there - named):
        order["More"] = rest
    config.nav = [
        {heading: [f"{page}.md" for page in pages if page in there]}
        for heading, pages in order.items()
    ]
    return config


def on_page_markdown(text: str, page: Any, **_: Any) -> str:
    """Turn links to files that are no pages, such as the source, into plain text."""
    folder = (FOLDER / page.file.src_uri).parent

    def plain(link: re.Match[str]) -> str:
        shown, path = link[2], link[3]
        if "://" in path or _is_page((folder / path).resolve()):
            return link[0]
        return f"{shown} (`{os.path.relpath(folder / path, FOLDER.parent)}`)"

    return LINK.sub(plain, text)


def on_post_page(html: str, **_: Any) -> str:
    """Take out what a page would fetch from elsewhere when it is opened from a disk."""
    return ELSEWHERE.sub("", html)


def _is_page(path: Path) -> bool:
    return path.is_relative_to(FOLDER) and path.suffix in (".md", ".png") and path.exists()
