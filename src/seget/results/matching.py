"""Which score maps in a folder are those of which tomogram.

folder + tomograms by name -> the score maps of each, and the folder they are in

A map belongs to the tomogram whose voxels it was predicted from: the `.json` beside it holds their
fingerprint. Only maps without one (of older versions) are taken by their name. It never reads the
voxels of a map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from seget.errors import InputError
from seget.results.score_maps import ScoreMap, find_score_maps, holds_score_maps
from seget.volume import Volume


@dataclass(frozen=True)
class Place:
    """A folder with the score maps of one tomogram, by structure."""

    folder: Path
    maps: dict[str, ScoreMap]

    @property
    def name(self) -> str:
        """The name under which the tomogram was predicted."""
        return next(iter(self.maps.values())).tomogram


@dataclass
class _Fingerprints:
    """The tomograms of a dataset, each hashed in the ways that maps ask for, once."""

    images: Mapping[str, Volume]
    _known: dict[tuple[object, ...], str] = field(default_factory=dict)

    def agree(self, name: str, score_map: ScoreMap) -> bool | None:
        """Whether a map is of that tomogram; None if the `.json` beside it does not say of which.

        The voxel size is no part of what is compared: the map's is taken for the tomogram's, since
        it may have been stated by --voxel-size.
        """
        made_by = score_map.sidecar.made_by
        if "tomogram_sha256" not in made_by:
            return None
        image = self.images[name]
        if "voxel_size_nm" in made_by:
            size = made_by["voxel_size_nm"]
            image = replace(image, voxel_size_nm=None if size is None else tuple(size))
        full = made_by.get("tomogram_hash") == "full"
        key = (name, image.voxel_size_nm, full)
        if key not in self._known:
            self._known[key] = image.fingerprint(full)
        return bool(self._known[key] == made_by["tomogram_sha256"])


def match(folder: Path, images: Mapping[str, Volume]) -> dict[str, Place]:
    """Return the score maps of each tomogram that was predicted into `folder` or below it.

    Parameters
    ----------
    folder
        The -o of `seget predict` or `segment`; with several tomograms, a subfolder each.
    images
        The tomograms by name.

    Raises
    ------
    InputError
        There is no map, maps under the name of a tomogram were predicted from another one, or two
        folders hold maps of one.
    """
    fingerprints = _Fingerprints(images)
    found: dict[str, Place] = {}
    foreign: list[Place] = []
    for place in _places(folder):
        of = [name for name in images if _is_of(place, name, fingerprints)]
        foreign += [] if of or place.name not in images else [place]
        for name in of:
            twin = found.setdefault(name, place)
            if place.folder == folder / name:
                found[name] = place
            elif twin is not place and twin.folder != folder / name:
                raise InputError(
                    f"{folder}: {twin.folder} and {place.folder} both hold score maps of {name}; "
                    "give one of these folders."
                )
    for place in foreign:
        if place.name not in found:
            _refuse(place, images[place.name], fingerprints)
    return found


def _refuse(place: Place, image: Volume, fingerprints: _Fingerprints) -> None:
    other = next(m for m in place.maps.values() if fingerprints.agree(place.name, m) is False)
    raise InputError(
        f"{other.path}: was predicted from another tomogram than {place.name} of the dataset "
        f"({image.path or 'in memory'}), or from that one before it was changed; predict again "
        "from this one, or give another folder."
    )


def _places(folder: Path) -> list[Place]:
    """Return the folder and its subfolders, as far as they hold score maps."""
    below = sorted(folder.iterdir()) if folder.is_dir() else []
    holding = [one for one in (folder, *below) if holds_score_maps(one)]
    # Without any, `find_score_maps` says what is missing.
    maps = {one: find_score_maps(one) for one in holding or [folder]}
    return [Place(one, {m.structure: m for m in of_one}) for one, of_one in maps.items()]


def _is_of(place: Place, name: str, fingerprints: _Fingerprints) -> bool:
    """Whether the maps of a folder are of a tomogram: all that say so, or all by their name."""
    agree = {s: fingerprints.agree(name, one) for s, one in place.maps.items()}
    said = {answer for answer in agree.values() if answer is not None}
    return said == {True} or (not said and place.name == name)
