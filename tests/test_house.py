"""The rules of the house that no linter holds: sizes, cards, floors, the tree, no one's home."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import seget

ROOT = Path(__file__).parents[1]
ROOMS = ROOT / "src" / "seget"
SOURCES = sorted(ROOMS.rglob("*.py"))
SCRIPTS = sorted(
    path for folder in ("tests", "benchmarks", "docs") for path in (ROOT / folder).rglob("*.py")
)
TEXTS = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".sh", ".cff", ".csv", ".json", ".html"}
NAMES = {"Makefile", "Dockerfile", "LICENSE", ".gitignore", "run"}

each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOMS)))
each_file = pytest.mark.parametrize(
    "path", SOURCES + SCRIPTS, ids=lambda p: str(p.relative_to(ROOT))
)


def test_imports_point_down(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlinter.cli import lint_imports

    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True, no_logo=True) == 0


@each_file
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > 50
    ]
    assert not long


@each_source
def test_every_module_opens_with_its_card(path: Path) -> None:
    card = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert "->" in card, "the card says what comes in and what goes out: X -> Y"


def test_the_readme_shows_every_room() -> None:
    trees = [
        block
        for block in re.findall(r"^```.*?^```", _readme(), flags=re.MULTILINE | re.DOTALL)
        if "src/seget" in block
    ]
    assert trees, "README.md has a fenced tree of src/seget"
    rooms = [
        f"{path.name}/" if path.is_dir() else path.name
        for path in ROOMS.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    ]
    missing = [room for room in sorted(rooms) if not re.search(rf"(?<![\w/]){room}", trees[0])]
    assert not missing


def test_the_floors_in_contributing_are_those_that_are_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## The floors")[2]
    shown = [
        line.split() for line in text.partition("\nOnly ")[0].splitlines() if line[:4] == "    "
    ]
    assert shown == [layer.split(" | ") for layer in layers]


def test_files_shows_at_most_twelve_entries() -> None:
    entries = {path.name for path in (ROOMS / "files").iterdir()} - {"__pycache__"}
    assert len(entries) <= 12


def test_nobody_s_home_is_in_a_text() -> None:
    home = re.compile(r"(?<![\w.-])(?:/(?:home|Users|root|work|mnt|scratch)/|[A-Z]:\\Users)")
    found = [str(path.relative_to(ROOT)) for path in _texts() if home.search(path.read_text())]
    assert not found


@each_source
def test_nothing_is_unpickled(path: Path) -> None:
    picklers = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                assert not picklers & {alias.name for alias in names}
            case ast.ImportFrom(module=module):
                assert module not in picklers
            case ast.Attribute(value=ast.Name(id="torch"), attr=attribute):
                assert attribute != "load"
            case ast.keyword(arg=argument):
                assert argument != "allow_pickle"


@pytest.mark.parametrize(
    ("room", "heavy"),
    [
        ("seget.cli", {"torch", "matplotlib", "zarr"}),
        ("seget.evaluation", {"torch"}),
        ("seget.results", {"torch"}),
        ("seget.measurement", {"torch"}),
        ("seget.viewer.plugin", {"torch", "napari", "qtpy", "seget.files"}),
        ("seget.viewer.canvas", {"torch", "napari", "qtpy"}),
    ],
)
def test_a_room_starts_without_what_it_does_not_need(room: str, heavy: set[str]) -> None:
    script = f"import sys, {room}; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", seget.__all__)
def test_the_front_door_opens(name: str) -> None:
    assert getattr(seget, name).__name__ == name
    assert name in dir(seget)


def test_the_front_door_shows_mypy_the_same_names() -> None:
    card = ast.parse((ROOMS / "__init__.py").read_text())
    shown = {
        alias.asname: str(node.module).split(".")[1]
        for node in ast.walk(card)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("seget.")
        for alias in node.names
    }
    assert shown == seget._ROOMS


def test_a_wrong_name_at_the_front_door_says_what_there_is() -> None:
    with pytest.raises(AttributeError, match="no attribute 'segment_all'; it has"):
        _ = seget.segment_all


def _readme() -> str:
    return (ROOT / "README.md").read_text()


def _texts() -> Iterator[Path]:
    """Every text of the repository: beside this house and in its folders, built things left out."""
    folders = ("src", "tests", "benchmarks", "docs", "packaging", ".ci", ".github")
    paths = [*ROOT.iterdir(), *(p for name in folders for p in (ROOT / name).rglob("*"))]
    return (p for p in paths if p.is_file() and (p.suffix in TEXTS or p.name in NAMES))
