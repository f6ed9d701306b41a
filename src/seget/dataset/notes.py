"""What may be wrong with a mask that can be read: sentences for people.

mask + its keys in the dataset.toml + tomogram -> sentences, each with its mend

It never refuses a mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seget.dataset.looks import Levels, look, looks_like_a_tomogram
from seget.dataset.mask_file import MaskFile
from seget.dataset.split import slice_ranges
from seget.dataset.tables import MaskTable
from seget.files import imod
from seget.volume import Triple, Volume, known_pixel_nm

# Slices that a note names one by one, so that they can be copied.
MOST_NAMED = 60


@dataclass(frozen=True)
class Counted:
    """A mask as it was read.

    Attributes
    ----------
    structure, entry
        Its name and its keys in the dataset.toml.
    slices
        Its annotated slices.
    are_named
        Whether the dataset.toml names them.
    foreground_px, labelled_px
        Of every slice of the tomogram.
    """

    structure: str
    entry: MaskTable
    slices: Sequence[int]
    are_named: bool
    foreground_px: Sequence[int]
    labelled_px: Sequence[int]

    @property
    def share(self) -> float:
        """Share of the foreground in the labelled pixels."""
        return sum(self.foreground_px) / max(1, sum(self.labelled_px))


def notes(counted: Counted, mask_file: MaskFile, drawn_as: Volume) -> Iterator[str]:
    """Yield sentences on a mask; `drawn_as` is the volume of its file, as it was read."""
    is_image = not imod.is_model(counted.entry.file)
    if is_image and counted.entry.value is None and counted.entry.above is None:
        yield from _complement(counted, mask_file)
    yield from _empty_slices(counted)
    if is_image:
        yield from _values(counted, mask_file)
        yield from _grid(counted, mask_file.image, drawn_as)


def _complement(counted: Counted, mask_file: MaskFile) -> Iterator[str]:
    total = mask_file.total(counted.slices)
    background = -mask_file.offset(counted.slices)
    if counted.share > 0.5 and background in total:
        yield (
            f"{counted.structure} is {counted.share:.0%} of the annotated pixels; 0 may be the "
            f"structure: {counted.structure} = {counted.entry.inline(value=0)}."
        )


def _empty_slices(counted: Counted) -> Iterator[str]:
    shown = [z for z in counted.slices if counted.foreground_px[z]]
    if counted.are_named or 2 * len(shown) >= len(counted.slices):
        return
    named = counted.entry.inline(slices=shown if len(shown) <= MOST_NAMED else ...)
    yield (
        f"{counted.structure} is on {len(shown)} of {len(counted.slices)} slices "
        f"({slice_ranges(shown)}), and the others count as background; if it was not looked for "
        f"there, name the slices: {counted.structure} = {named}."
    )


def _values(counted: Counted, mask_file: MaskFile) -> Iterator[str]:
    """Say where `value` is one of a blurred mask's numbers, or of a tomogram's."""
    entry, slices = counted.entry, counted.slices
    image = mask_file.image.path
    if image is not None and image.resolve() == mask_file.path.resolve():
        yield f"{mask_file.path} is given as image and as mask; give the tomogram as image."
    if entry.value is None and entry.above is None:
        return
    if entry.above is not None or entry.value == "any":
        z = slices[len(slices) // 2]
        kind = "tomogram" if looks_like_a_tomogram(mask_file.volume.slice(z)) else ""
    else:
        z = mask_file.richest(slices)
        total = mask_file.seen(entry, slices)
        few = len(total) <= 2
        kind = "" if few else look(total, lambda: mask_file.volume.slice(z))
    if kind == "tomogram":
        yield (
            f"{mask_file.path} holds many grey values and none on a large share of the pixels, as "
            "a tomogram does; exchange image and mask in the dataset if they are exchanged."
        )
    if kind == "blurred":
        middle = Levels.of(total).middle + mask_file.offset(slices)
        instead = entry.model_copy(update={"value": None}).inline(above=middle)
        yield (
            f"{mask_file.path} holds {len(total):,} numbers, as a blurred mask does, so value = "
            f"{entry.value} leaves its rim to the background; {counted.structure} = {instead} "
            "takes the half of the rim that is its own."
        )


def _grid(counted: Counted, image: Volume, drawn_as: Volume) -> Iterator[str]:
    """Say where the mask states another voxel size or another place than the tomogram."""
    if known_pixel_nm(drawn_as.voxel_size_nm) is None or image.voxel_size_nm is None:
        return
    sizes = image.voxel_size_nm, drawn_as.voxel_size_nm
    # A mask of some slices has a depth of its own.
    axes = range(3) if drawn_as.shape == image.shape else range(1, 3)
    mend = "give the mask of this tomogram, or mend the header of the one that is wrong"
    if known_pixel_nm(image.voxel_size_nm) is not None and any(
        abs(sizes[0][i] - sizes[1][i]) * image.shape[i] > sizes[0][i]  # type: ignore[index]
        for i in axes
    ):
        yield (
            f"{counted.structure}: the voxels of mask and tomogram are {_nm(sizes[1])} and "
            f"{_nm(sizes[0])} nm (z, y, x); {mend}."
        )
        return
    places = image.origin_nm, drawn_as.origin_nm
    if places[0] is None or places[1] is None:
        return
    if any(abs(places[0][i] - places[1][i]) > sizes[0][i] for i in axes):
        yield (
            f"{counted.structure}: mask and tomogram begin at {_nm(places[1])} and "
            f"{_nm(places[0])} nm (z, y, x); {mend}."
        )


def _nm(triple: Triple | None) -> str:
    return ", ".join(f"{nm:.4g}" for nm in triple or ())
