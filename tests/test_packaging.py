"""What stands beside the package says what pyproject.toml says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What conda-forge calls otherwise.
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
SPEC = re.compile(r"([A-Za-z0-9._-]+)\s*(\S+)")


def recipe() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "packaging" / "conda" / "recipe.yaml").read_text())


def test_the_recipe_asks_for_what_the_package_asks_for() -> None:
    said = dict(SPEC.fullmatch(line).groups() for line in recipe()["requirements"]["run"])
    low, _, high = PROJECT["requires-python"].partition(",")
    assert said.pop("python") == f"{low},{high}"
    wanted = dict(SPEC.fullmatch(line).groups() for line in PROJECT["dependencies"])
    assert said == {CONDA.get(name, name): bound for name, bound in wanted.items()}


def test_every_version_is_the_same() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    versions = {PROJECT["version"], recipe()["context"]["version"], str(citation["version"])}
    assert len(versions) == 1
    assert citation["license"] == PROJECT["license"]


def test_the_container_copies_what_there_is() -> None:
    lines = (ROOT / "packaging" / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--" not in line]
    names = [name for group in copied for name in group]
    assert names
    assert all((ROOT / name).exists() for name in names)
    # What hatchling needs to build the wheel is among them.
    assert {"pyproject.toml", PROJECT["readme"], *PROJECT["license-files"], "src"} <= {*names}
