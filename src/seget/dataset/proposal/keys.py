"""Which keys of a dataset.toml read a mask, and why.

mask + tomogram -> a Line for each structure that it shows

It never reads a mask twice, and never changes one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from seget import files
from seget.dataset.arrangement import slices_by_name
from seget.dataset.looks import Levels
from seget.dataset.mask_file import FEW_LABELS, NOT_LOOKED_AT, Look
from seget.dataset.masks import Mask
from seget.dataset.proposal.pairing import distinct, structure_name
from seget.dataset.proposal.survey import Found
from seget.dataset.reading import MaskReader
from seget.dataset.split import Split
from seget.dataset.tables import MaskTable
from seget.errors import InputError
from seget.files import imod

MOST_SHOWN = 8  # labels that a reason names
# Names of objects that say nothing: those of unnamed ones, and what programs write by themselves.
UNNAMED = re.compile(r"(?:object|obj|label|contours?|imod|new|untitled)?[ _-]*\d*", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """A structure: a line below [tomogram.masks].

    Attributes
    ----------
    entry
        Its keys.
    reasons
        Why these, a sentence each.
    mask
        What they read. All of its slices are in its split's train part.
    """

    structure: str
    entry: MaskTable
    reasons: tuple[str, ...]
    mask: Mask

    @property
    def shown(self) -> tuple[int, ...]:
        """The slices with foreground."""
        return tuple(z for z in self.mask.annotated if self.mask.foreground_px[z])


@dataclass(frozen=True)
class _Keys:
    structure: str
    entry: MaskTable
    reason: str


def lines(
    found: Found, image: Found, reader: MaskReader, file: str, taken: Collection[str]
) -> Iterator[Line]:
    """Yield what a mask shows; an object of a model without contours is left out.

    Parameters
    ----------
    found, image
        The mask and its tomogram.
    reader
        Of the masks of this tomogram.
    file
        How the dataset.toml is to name the mask.
    taken
        Names of structures of this tomogram. Another of the same name gets a number behind it.

    Raises
    ------
    InputError
        It cannot be read, shows nothing, or which number is the structure cannot be told.
    """
    is_model = found.volume is None
    chosen = _of_model(found, image, file) if is_model else _of_image(found, image, reader, file)
    names = list(taken)
    for keys in chosen:
        if found.structure in names:
            raise InputError(f"{found.path}: {found.structure} is named twice; name it once.")
        structure, entry = distinct(keys.structure, names), keys.entry
        names.append(structure)
        if entry.object == structure:
            entry = entry.model_copy(update={"object": None})
        yield _line(structure, entry, keys.reason, reader)


def _line(structure: str, entry: MaskTable, reason: str, reader: MaskReader) -> Line:
    """Read a mask, on the slices where it is drawn if these are less than half."""
    depth = reader.image.shape[0]

    def read(entry: MaskTable) -> Mask:
        slices = tuple(sorted(entry.slices or range(depth)))
        return reader.mask(structure, entry, slices, Split("none", slices))

    reasons = [reason] if reason else []
    line = Line(structure, entry, tuple(reasons), read(entry))
    # As a note on masks has it, see notes.py.
    if entry.slices is None and 2 * len(line.shown) < depth:
        reasons.append(
            "The other slices are empty and taken as not looked at; remove slices if it was "
            "looked for there."
        )
        named = entry.model_copy(update={"slices": list(line.shown)})
        return Line(structure, named, tuple(reasons), read(named))
    return line


def _of_model(found: Found, image: Found, file: str) -> Iterator[_Keys]:
    model = imod.read(found.path)
    names = imod.object_names(model)
    drawn = [n for n, one in zip(names, model.objects, strict=True) if one.contours or one.meshes]
    wanted = found.structure
    if wanted is not None:
        own = [name for name in drawn if name.lower() == wanted.lower()]
        drawn = own[:1] or (drawn if len(drawn) == 1 else [wanted])
    if not drawn:
        raise InputError(f"{found.path}: no object of this model has contours; draw some.")
    for name in drawn:
        says_nothing = len(drawn) == 1 and UNNAMED.fullmatch(name)
        by_file = structure_name(found.path, image.path)[0] if says_nothing else None
        structure = wanted or by_file or structure_name(found.path, found.path, name)[0]
        chosen = None if name == structure else name
        yield _Keys(
            structure, MaskTable(file=file, object=chosen), f"The object {name} of a model."
        )


def _of_image(found: Found, image: Found, reader: MaskReader, file: str) -> Iterator[_Keys]:
    assert found.volume is not None
    entry, by_name = MaskTable(file=file), ""
    depth, own_depth = reader.image.shape[0], found.volume.shape[0]
    if own_depth != depth:
        slices = slices_by_name(found.path, own_depth, depth)
        if slices is not None:
            entry = entry.model_copy(update={"slices": sorted(slices)})
            by_name = " Slices by the numbers in the names of its files."
    name, is_specific = structure_name(found.path, image.path)
    structure = found.structure or name
    mask_file, _ = reader.file(structure, entry)
    annotated = entry.slices or range(depth)
    look = mask_file.look(annotated)
    if look.kind == "tomogram":
        mask_file.select(structure, entry, annotated)  # says so
        raise InputError(f"{found.path}: this holds grey values, as a tomogram does.")
    if look.kind == "blurred":
        above = Levels.of(look.drawn).middle
        low, high = min(look.drawn), max(look.drawn)
        reason = (
            f"{len(look.drawn):,} numbers from {low:.4g} to {high:.4g}: half-way is its border."
        )
        chosen = entry.model_copy(update={"above": above})
        yield _Keys(structure, chosen, reason + by_name)
        return
    for keys in _of_labels(found, entry, structure, is_specific, look):
        yield _Keys(keys.structure, keys.entry, (keys.reason + by_name).strip())


def _of_labels(
    found: Found, entry: MaskTable, structure: str, is_specific: bool, look: Look
) -> Iterator[_Keys]:
    labels = sorted(int(n) for n in look.drawn if n != 0)
    unseen = [n for n in labels if n in NOT_LOOKED_AT]
    rest = [n for n in labels if n not in NOT_LOOKED_AT]
    shown = ", ".join(map(str, labels[:MOST_SHOWN])) + ", ..." * (len(labels) > MOST_SHOWN)
    ignored = ""
    if len(unseen) == 1 and rest and max(rest) <= FEW_LABELS:
        entry, labels = entry.model_copy(update={"ignore": unseen[0]}), rest
        ignored = f" {unseen[0]} is taken for not looked at."
    named = _in_legend(found, labels)
    if named:
        for label, name in named.items():
            keys = entry.model_copy(update={"value": label})
            yield _Keys(name, keys, f"Label {label} by the names beside the file.{ignored}")
    elif len(labels) < 2:
        yield _Keys(structure, entry, ignored.strip())
    elif len(labels) == 2 and 0 not in look.drawn:
        rare = min(labels, key=lambda label: look.drawn[label])
        keys = entry.model_copy(update={"value": rare})
        yield _Keys(structure, keys, f"It holds {shown} and no 0; the rarer is the structure.")
    elif is_specific or len(labels) > FEW_LABELS:
        keys = entry.model_copy(update={"value": "any"})
        yield _Keys(structure, keys, f"It holds {shown}: a number for each object.{ignored}")
    elif found.structure is not None:
        raise InputError(
            f"{found.path}: it holds the labels {shown}, wanted one that is {found.structure}; "
            "seget init with the tomogram and this file writes a dataset.toml with a line for "
            "each, where they can be named."
        )
    else:
        for label in labels:
            keys = entry.model_copy(update={"value": label})
            reason = f"It holds {shown}: a structure for each, to be named.{ignored}"
            yield _Keys(f"{structure}-{label}", keys, reason)


def _in_legend(found: Found, labels: list[int]) -> dict[int, str]:
    """Return label -> structure of those labels that the file, or the JSON beside it, names."""
    legend = files.legend_of(found.path)
    names = legend.names if legend is not None else {}
    named = {n: structure_name(found.path, found.path, names[n])[0] for n in labels if names.get(n)}
    if found.structure is None:
        return named
    return {n: name for n, name in named.items() if name == found.structure}
