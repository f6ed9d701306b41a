"""Score maps on disk: their names, the JSON beside them, and whether this command made them.

folder <-> `<tomogram>__<structure>.mrc` + `.json`

It never computes a score. The name is the one that Ais, easymode and Pom read too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seget import files
from seget.calibration import ValidationScores
from seget.errors import InputError, did_you_mean_file
from seget.files import provenance
from seget.recipes import STRUCTURE_NAME

SUFFIXES = (".mrc", ".zarr")


class Learnt(BaseModel):
    """The slices of a map's tomogram that taught its model the structure, and that validated it."""

    train: list[int]
    validation: list[int]


class Sidecar(BaseModel):
    """What stands in the `.json` beside a score map."""

    model_config = ConfigDict(extra="ignore")

    structure: str = Field(pattern=f"^{STRUCTURE_NAME.pattern}$")
    threshold: float = Field(0.5, ge=0, le=1)
    scale: Literal[127] = 127
    order: int = 0  # of the model among those given: the order of the label values
    calibrated: bool = False  # whether the scores are probabilities
    validation: ValidationScores | None = None  # of the model: thresholds are chosen from it
    model: str | None = None
    learnt: Learnt | None = None  # None: the model does not say
    id: str | None = None  # of input, model and settings: what made the map
    made_by: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class ScoreMap:
    """A score map of one structure of one tomogram."""

    path: Path
    tomogram: str
    sidecar: Sidecar

    @property
    def structure(self) -> str:
        """The structure's name."""
        return self.sidecar.structure


def map_path(folder: Path, tomogram: str, structure: str, suffix: str) -> Path:
    """Return where the score map of a structure stands."""
    return folder / f"{tomogram}__{structure}{suffix}"


def output_id(*parts: object) -> str:
    """Return a hash of what makes an output: the same parts, the same output."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def is_made(output: Path, key: str, says_so: Callable[[Path], bool], differs: str) -> bool:
    """Whether an output is there, complete, and made by the same command as the one that asks.

    Parameters
    ----------
    output
        A map, or labels.
    key
        The key of `files.create` under which this command writes the voxels. An output begun under
        it has no JSON beside it yet, because the command was stopped: it is this command's own,
        but not complete.
    says_so
        Tells of a JSON beside an output whether it is what this command writes.
    differs
        Words for the error: in what another command differs.

    Raises
    ------
    InputError
        Another command made it.
    """
    if not output.exists():
        return False
    beside = output.with_suffix(".json")
    if beside.is_file() and says_so(beside):
        return True
    if files.is_begun(output, key):
        return False
    raise InputError(
        f"{output}: exists and was made by another command ({differs}); "
        "give --overwrite, or another -o."
    )


def find_score_maps(folder: Path) -> list[ScoreMap]:
    """Return the score maps in a folder, in the order of their models.

    Raises
    ------
    InputError
        There is none, one has no `.json`, a structure has two, or two tomograms are mixed.
    """
    if not folder.is_dir():
        what = "this is a file" if folder.exists() else f"no such folder{did_you_mean_file(folder)}"
        raise InputError(f"{folder}: {what}; wanted the folder that was the -o of seget predict.")
    found = [_score_map(path) for path in _named_like_maps(folder)]
    if not found:
        raise InputError(
            f"{folder}: holds no score map <tomogram>__<structure>.mrc; run seget predict first."
        )
    found.sort(key=lambda score_map: score_map.sidecar.order)
    _refuse_two(folder, found)
    return found


def holds_score_maps(folder: Path) -> bool:
    """Whether a folder holds anything that is named like a score map."""
    return folder.is_dir() and bool(_named_like_maps(folder))


def _named_like_maps(folder: Path) -> list[Path]:
    return [
        path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES and "__" in path.stem
    ]


def _refuse_two(folder: Path, found: Iterable[ScoreMap]) -> None:
    seen: dict[str, ScoreMap] = {}
    for score_map in found:
        twin = seen.setdefault(score_map.structure, score_map)
        if twin is not score_map and twin.tomogram == score_map.tomogram:
            raise InputError(
                f"{folder}: {twin.path.name} and {score_map.path.name} are two score maps of "
                f"{score_map.structure}; move one elsewhere."
            )
    tomograms = sorted({score_map.tomogram for score_map in found})
    if len(tomograms) > 1:
        raise InputError(
            f"{folder}: holds score maps of several tomograms ({', '.join(tomograms)}); "
            "keep one folder a tomogram."
        )
    _refuse_two_of_one_name(folder, found)


def _refuse_two_of_one_name(folder: Path, found: Iterable[ScoreMap]) -> None:
    """Refuse maps of tomograms that differ under one name: the fingerprints tell them apart.

    Fingerprints can be compared where they were made alike: of all voxels or of some, and of one
    voxel size.
    """
    seen: dict[tuple[object, ...], ScoreMap] = {}
    for score_map in found:
        made_by = score_map.sidecar.made_by
        if "tomogram_sha256" not in made_by or "voxel_size_nm" not in made_by:
            continue
        how = (made_by.get("tomogram_hash"), repr(made_by["voxel_size_nm"]))
        twin = seen.setdefault(how, score_map)
        if twin.sidecar.made_by["tomogram_sha256"] != made_by["tomogram_sha256"]:
            raise InputError(
                f"{folder}: {twin.path.name} and {score_map.path.name} are of two tomograms that "
                f"are both named {score_map.tomogram}; keep one folder a tomogram."
            )


def _score_map(path: Path) -> ScoreMap:
    sidecar = path.with_suffix(".json")
    if not sidecar.is_file():
        raise InputError(
            f"{path}: no {sidecar.name} beside it to tell its structure and threshold; "
            "copy it there, or predict again."
        )
    said = read_sidecar(sidecar)
    return ScoreMap(path, tomogram_of(path, said.structure), said)


def tomogram_of(path: Path, structure: str) -> str:
    """Return the tomogram's name in that of a map, whose structure may hold "__", too.

    The structure is the one in the `.json`; only a map that was renamed is split at the last "__".
    """
    ending = f"__{structure}"
    if path.stem.endswith(ending):
        return path.stem.removesuffix(ending)
    return path.stem.rpartition("__")[0]


def read_sidecar(path: Path) -> Sidecar:
    """Return what a `.json` beside a map says.

    Raises
    ------
    InputError
        It says something else.
    """
    try:
        return Sidecar.model_validate(json.loads(path.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {place}: {first['msg']}; predict again.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); predict again.") from None


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Write the `.json` beside the map at `path`, with the versions and the time of now."""
    stamped = sidecar.model_copy(update={"made_by": provenance.stamped(sidecar.made_by)})
    files.write_json(path.with_suffix(".json"), stamped.model_dump())


def update_sidecars(wanted: Mapping[Path, Sidecar]) -> list[str]:
    """Give score maps that were kept the thresholds and the order of the command that kept them.

    The other maps of the tomogram come after those of the command; where the order is right
    already it is left as it is.

    Parameters
    ----------
    wanted
        Path of each map of the command, all of one tomogram and folder -> its sidecar.

    Returns
    -------
    Sentences for people on what was changed.
    """
    found = {path: read_sidecar(path.with_suffix(".json")) for path in wanted}
    others = _other_sidecars(found)
    updated = {
        p: one.model_copy(update={"threshold": wanted[p].threshold}) for p, one in found.items()
    }
    updated |= others
    orders = [one.order for one in updated.values()]
    mine = orders[: len(found)]
    if mine != sorted(mine) or len(set(orders)) < len(orders):
        updated = {
            path: one.model_copy(update={"order": order})
            for order, (path, one) in enumerate(updated.items())
        }
    sentences = []
    for path, before in (found | others).items():
        after = updated[path]
        if after == before:
            continue
        files.write_json(path.with_suffix(".json"), after.model_dump())
        if after.threshold != before.threshold:
            sentences.append(
                f"the threshold of {after.structure} is {after.threshold:g} now, it was "
                f"{before.threshold:g}; its scores are kept."
            )
    if [one.order for one in updated.values()] != [one.order for one in (found | others).values()]:
        order = ", ".join(one.structure for one in updated.values())
        sentences.append(f"the order of labels is {order} now; the scores are kept.")
    return sentences


def _other_sidecars(maps: Mapping[Path, Sidecar]) -> dict[Path, Sidecar]:
    """Return the sidecars of the tomogram's other maps in the folder, in their order.

    Those that cannot be read are left out: who fuses is told.
    """
    found: dict[Path, Sidecar] = {}
    for path, sidecar in list(maps.items())[:1]:
        tomogram = tomogram_of(path, sidecar.structure)
        for other in _named_like_maps(path.parent):
            with suppress(InputError):
                score_map = _score_map(other)
                if other not in maps and score_map.tomogram == tomogram:
                    found[other] = score_map.sidecar
    return dict(sorted(found.items(), key=lambda item: item[1].order))
