"""The schema of a dataset.toml, and an error sentence for each way to violate it.

dataset.toml -> DatasetTable

It never opens a file that the dataset names.
"""

from __future__ import annotations

import json
import reprlib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from seget.errors import InputError, did_you_mean, did_you_mean_file

# Thousands of tomograms take less than a megabyte; a tomogram named by mistake has more.
MOST_BYTES = 2**24
# In one line. tomllib's time grows with the square of the number of parts of a key: a.a.a.a...
MOST_DOTS = 500
SHOWN = 80  # characters of a wrong key that an error repeats


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PartsTable(_Table):
    """`holdout = { validation = [...], test = [...] }`."""

    validation: list[int] = []
    test: list[int] = []


def _value(found: Any) -> Any:
    numbers = found if isinstance(found, list) else [found]
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in numbers)
    if found == "any" or found is None or (whole and numbers):
        return found
    raise PydanticCustomError("value", 'a whole number, several in brackets, or "any"')


class MaskTable(_Table):
    """A mask: `"file"`, `{ file = "file", value = 2 }`, `{ file = "a.mod", object = "Golgi" }`.

    Attributes
    ----------
    value
        Its label, its labels, or "any": all that is not 0. Without it, the only one there is.
    above
        Instead of `value`: foreground is what is larger, in a mask with a blurred rim.
    ignore
        The number of pixels that were not looked at: neither foreground nor background.
    slices
        The annotated slices of this mask, if they are not those of the tomogram.
    flip
        "y" if its rows run the other way than the tomogram's.
    object
        Of an IMOD model: the object's name, if it is not the structure's.
    """

    file: str
    value: Annotated[int | list[int] | str | None, BeforeValidator(_value)] = None
    above: float | None = None
    ignore: int | None = None
    slices: list[int] | None = None
    flip: Literal["y"] | None = None
    object: str | None = None

    def inline(self, **changes: Any) -> str:
        """Return the mask as it is written in a dataset.toml, with some keys changed.

        >>> MaskTable(file="a.mrc", slices=[3, 17]).inline(value="any")
        '{ file = "a.mrc", value = "any", slices = [3, 17] }'
        """
        keys = self.model_dump(exclude_none=True) | changes
        shown = [
            f"{key} = {toml_value(keys[key])}" for key in type(self).model_fields if key in keys
        ]
        return f"{{ {', '.join(shown)} }}"


def toml_value(value: Any) -> str:
    """Return a text, a number or a list of them as TOML; `...` for what is yet to be filled in."""
    if value is ...:
        return "[...]"
    # The one character that a text may hold in JSON and not in TOML.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


# Tags keep pydantic from trying both readings and reporting the failure of each.
_Holdout = Annotated[
    Annotated[Literal["every-5th", "block", "none"], Tag("<name>")]
    | Annotated[PartsTable, Tag("<table>")],
    Discriminator(lambda found: "<table>" if isinstance(found, dict | PartsTable) else "<name>"),
]
_MaskEntry = Annotated[
    MaskTable, BeforeValidator(lambda found: {"file": found} if isinstance(found, str) else found)
]


class TomogramTable(_Table):
    """One `[[tomogram]]`; without `slices` every slice is annotated, or those that a mask names.

    `invert` inverts the contrast of a tomogram that is white on black while the others are not.
    `name` is what it is called in outputs; the default is the name of its file.
    """

    image: str
    name: str | None = None
    invert: bool = False
    slices: list[int] | None = None
    holdout: _Holdout | None = None
    masks: dict[str, _MaskEntry] = Field(min_length=1)


class DatasetTable(_Table):
    """The whole file."""

    name: str | None = None
    holdout: _Holdout | None = None  # None: by the number of annotated slices, see `hold_out`
    gap: int = Field(default=0, ge=0)
    tomogram: list[TomogramTable] = Field(min_length=1)


INNER_TABLES: dict[str, type[_Table]] = {
    "tomogram": TomogramTable,
    "holdout": PartsTable,
    "masks": MaskTable,
}

MENDS = {
    "tomogram": "begin each tomogram with [[tomogram]], then give image and masks",
    "masks": "add [tomogram.masks] with one line for a structure, name = file",
}


# What tomllib says -> what to do about it.
BACKSLASH = "write paths with / in the place of \\, or between single quotes, 'C:\\data\\cell.mrc'"
TOML_MENDS = {
    "overwrite": "the same key or structure stands twice; keep one",
    "twice": "the same key or structure stands twice; keep one",
    "Unescaped": BACKSLASH,
    "Invalid hex": BACKSLASH,  # \\Users, \\x
    "not a Unicode scalar": BACKSLASH,
}
# Quotation marks of word processors, which TOML does not know.
CURLY = frozenset("\u2018\u2019\u201a\u201c\u201d\u201e")
# Control characters, which no text has; an image has them in its first bytes.
NO_TEXT, BEGINNING = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b"), 2**12
# The first bytes of UTF-16, which some editors write.
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def parse(path: Path) -> DatasetTable:
    """Return the content of the dataset.toml at `path`; raise InputError if it is invalid."""
    return parsed(_text(path), path)


def parsed(text: str, path: Path) -> DatasetTable:
    """Return what the text of a dataset.toml says; `path` is for sentences."""
    try:
        return DatasetTable.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise InputError(_sentence(path, error)) from error
    except ValueError as error:  # a TOMLDecodeError, or a number too long for Python
        said = str(error)
        mends = [mend for words, mend in TOML_MENDS.items() if words in said]
        if CURLY.intersection(text):
            mends.append("write straight quotation marks, as in image = 'tomogram.mrc'")
        mend = mends[0] if mends else "mend that place"
        raise InputError(f"{path}: is not valid TOML, {said}; {mend}.") from error
    except RecursionError as error:
        raise InputError(
            f"{path}: its values nest too deep, wanted lists and tables as in a dataset; mend them."
        ) from error


def _text(path: Path) -> str:
    try:
        if path.is_file() and (size := path.stat().st_size) > MOST_BYTES:
            raise InputError(
                f"{path}: has {size / 1e6:.1f} MB, wanted a text of at most "
                f"{MOST_BYTES / 1e6:.0f}; give the path of a dataset.toml."
            )
        # utf-8-sig: editors on Windows write a byte order mark at the beginning.
        raw = path.read_bytes()
        if NO_TEXT.intersection(raw[:BEGINNING]) and not raw.startswith(UTF_16):
            raise InputError(
                f"{path}: is no text, wanted a dataset that names images and masks; give the path "
                "of a dataset.toml."
            )
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        meant = "" if path.exists() else did_you_mean_file(path)
        raise InputError(
            f"{path}: cannot be read as a dataset ({error.strerror}){meant}; give the path of a "
            "dataset.toml."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; save the dataset as UTF-8.") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if line.count(".") > MOST_DOTS:
            raise InputError(
                f"{path}: line {number} has more than {MOST_DOTS} dots, which would nest keys "
                "without end; write one mask a line below [tomogram.masks]."
            )
    return text


def _sentence(path: Path, error: ValidationError) -> str:
    """Put the first of pydantic's errors into a sentence, with the key as the user wrote it."""
    all_found = error.errors()
    # A key that is misspelt is missing too: the sentence is about how it is written.
    unknown = (one for one in all_found if one["type"] == "extra_forbidden")
    found = next(unknown, all_found[0])
    loc = [part for part in found["loc"] if part not in ("<name>", "<table>")]
    key = "".join(
        f"[{part}]" if isinstance(part, int) else f".{str(part)[:SHOWN]}" for part in loc
    )[1:]
    if found["type"] == "extra_forbidden":
        table: type[_Table] = DatasetTable
        for step in loc[:-1]:
            table = INNER_TABLES.get(str(step), table)
        known, meant = ", ".join(table.model_fields), did_you_mean(str(loc[-1]), table.model_fields)
        return (
            f"{path}: the key {key} is unknown{meant}, known here are {known}; mend or remove it."
        )
    if found["type"] in ("missing", "too_short") or key == "tomogram":
        mend = MENDS.get(str(loc[-1]), "add it")
        return f"{path}: {key} is missing, empty or of the wrong form; {mend}."
    wanted = found["msg"].removeprefix("Input should be ").replace("list", "list, as [0, 5]")
    shown = reprlib.repr(found["input"])[:60]  # a plain repr of deep nesting is a RecursionError
    return f"{path}: {key} is {shown}, wanted {wanted}; correct it."
