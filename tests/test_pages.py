"""What the pages say is there: links, commands, options, make's targets, meanings of numbers."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import typer

from pages import PAGES, ROOT, WRITTEN, Command, anchors, blocks, commands, inline, links
from seget.cli import app
from seget.recipes import Recipe

MAIN = typer.main.get_command(app)
VERBS = MAIN.commands
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith("https://"):
            assert re.fullmatch(r"https://[\w.-]+\.[a-z]{2,}(/\S*)?", link)
            continue
        path, _, anchor = link.partition("#")
        place = page.parent / path if path else page
        assert place.exists(), link
        if anchor:
            assert anchor in anchors(place), link


def parsed(command: Command) -> None:
    """Raise what click raises for a command line that a verb does not take."""
    if command.verb and not command.verb.startswith("-"):
        verb = VERBS[command.verb]
        verb.make_context(command.verb, list(command.words[1:]))
    else:
        MAIN.make_context("seget", list(command.words), resilient_parsing=True)


@each_page
def test_every_command_is_one_that_seget_takes(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in commands(page):
        # N and SLICE stand for something: for a number, where one is wanted.
        words = ["1" if word.isupper() else word for word in command.words if word != "--debug"]
        try:
            parsed(Command(tuple(words), ""))
        except Exception as error:  # typer may have a click of its own
            if type(error).__name__ != "Exit":  # of --help and --version
                raise AssertionError(f"seget {' '.join(words)}: {error!r}") from None


@each_page
def test_every_option_in_a_sentence_is_there(page: Path) -> None:
    if page.name in WRITTEN | {"CHANGELOG.md"}:
        return
    for code in inline(page):
        verb = code.split()[1]
        if verb.isupper() or verb.startswith("-") or verb == "alone":
            continue
        assert verb in VERBS, code
        known = {o for p in VERBS[verb].params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
        asked = set(re.findall(r"(?<=\s)--?[a-z][\w-]*", code))
        assert asked <= known, code


@each_page
def test_what_make_and_python_are_told_is_there(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)[`:]", text)) <= targets
    for script in re.findall(r"python (benchmarks/\w+\.py|docs/\w+\.py)", text):
        assert (ROOT / script).is_file(), script


def test_every_number_of_a_recipe_has_its_meaning() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "reference_pages.py"))
    assert script["MEANINGS"].keys() == Recipe.model_fields.keys()


def test_pages_have_commands_to_be_found() -> None:
    readme = [command.verb for command in commands(ROOT / "README.md")]
    assert readme[:5] == ["init", "train", "segment", "evaluate", "measure"]
    assert len(blocks(ROOT / "README.md", "python")) == 1
    assert sum(len(commands(page)) for page in PAGES) > 80
