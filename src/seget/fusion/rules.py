"""What is demanded of labels beside their scores: a small TOML table.

TOML, or none -> Rules

It never touches a label: `pixelwise`, `clearing` and `objects` do. docs/fusion.md says what each
rule does and in which order they are applied.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seget.errors import InputError, did_you_mean

OVER = re.compile(r"\s*(.+?)\s+over\s+(.+?)\s*")
MOST_BYTES = 2**20

Length = Annotated[float, Field(gt=0, le=1e6)]


class StructureRules(BaseModel):
    """The rules of one structure; the default of each demands nothing.

    Attributes
    ----------
    prior
        Its odds against those on the validation slices: 2 where twice as much of it is expected.
    clear_nm
        No other structure lies within this distance of it, from middle to middle of voxels.
    not_inside
        Structures in which it has no objects: one whose faces are more than half with one of these
        becomes part of it.
    smallest_nm3
        Smaller objects are removed.
    fewest_slices
        Objects on fewer slices along z are removed.
    fill_holes
        What it encloses in 3-D becomes its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    prior: float = Field(default=1.0, gt=0, le=1e6)
    clear_nm: Length | None = None
    not_inside: tuple[str, ...] = ()
    smallest_nm3: float = Field(default=0.0, ge=0)
    fewest_slices: int = Field(default=1, ge=1)
    fill_holes: bool = False

    @property
    def is_of_objects(self) -> bool:
        """Whether a rule looks at whole objects."""
        return bool(self.not_inside or self.smallest_nm3 or self.fewest_slices > 1)


class Rules(BaseModel):
    """Rules of fusion; the default is the paper's, which has none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    priority: tuple[str, ...] = ()
    structure: dict[str, StructureRules] = Field(default_factory=dict)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Return the priorities as pairs: the first over the second."""
        found = (OVER.fullmatch(text) for text in self.priority)
        return [(one[1], one[2]) for one in found if one]

    @property
    def is_spatial(self) -> bool:
        """Whether lengths or volumes in nm stand in a rule."""
        return any(one.clear_nm or one.smallest_nm3 for one in self.structure.values())

    def of(self, structure: str) -> StructureRules:
        """Return the rules of a structure; those that demand nothing if it has none."""
        return self.structure.get(structure, StructureRules())

    @classmethod
    def read(cls, path: Path) -> Rules:
        """Read a TOML file of rules.

        Raises
        ------
        InputError
            It cannot be read, has a key that is no rule, or a priority that is none.
        """
        try:
            raw = path.read_bytes()[:MOST_BYTES]
            rules = cls.model_validate(tomllib.loads(raw.decode()))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; wanted a TOML file of rules.") from None
        except ValidationError as error:
            raise InputError(f"{path}: {_why_not(error)}.") from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not TOML ({error}); mend it.") from None
        rules.check(f"{path}: ")
        return rules

    def check(self, where: str = "", known: Collection[str] | None = None) -> None:
        """Raise InputError for priorities that are none or go in a circle, or unknown structures.

        Parameters
        ----------
        where
            Begins the sentence.
        known
            The structures that there are; None: any.
        """
        for text in self.priority:
            if not OVER.fullmatch(text):
                raise InputError(f'{where}priority "{text}": wanted "NAME over NAME".')
        inside = [n for one in self.structure.values() for n in one.not_inside]
        named = [*self.structure, *inside, *(name for pair in self.pairs for name in pair)]
        for name in named:
            if known is not None and name not in known:
                raise InputError(
                    f"{where}the rules name {name}{did_you_mean(name, known)}, and there are "
                    f"scores of {', '.join(known)}; correct the name, or remove its rules."
                )
        circle = _circle(self.pairs)
        if circle:
            raise InputError(
                f"{where}the priorities go in a circle ({' over '.join(circle)}); remove one."
            )


NO_RULES = Rules()


def _circle(pairs: Collection[tuple[str, str]]) -> list[str]:
    """Return structures each of which is over the next, and the last over the first; or []."""
    under: dict[str, list[str]] = {}
    for a, b in pairs:
        under.setdefault(a, []).append(b)
    return next((found for name in under if (found := _way_back([name], under))), [])


def _way_back(way: list[str], under: Mapping[str, list[str]]) -> list[str]:
    for name in under.get(way[-1], []):
        if name in way:
            return [*way[way.index(name) :], name]
        found = _way_back([*way, name], under)
        if found:
            return found
    return []


def _why_not(error: ValidationError) -> str:
    """Say the first of what is wrong, and what there is."""
    first: Any = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        known = Rules.model_fields if len(first["loc"]) == 1 else StructureRules.model_fields
        return f"the key {place} is unknown, known here are {', '.join(known)}; correct it"
    return f"{place}: {first['msg']}; correct it"
