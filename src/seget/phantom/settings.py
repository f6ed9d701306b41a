"""Settings of a phantom: size, seed, microscope, specimen and picture.

numbers of a user -> Settings (checked)

It never draws a random number and never touches an array.
"""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass
from math import ceil, isfinite
from typing import Any

from seget.errors import InputError
from seget.phantom.structures import STRUCTURES, checked

# Thicker sections exist for high-voltage microscopes only, and one centriole could no longer
# reach all three parts of the block split.
THICKEST_NM = 1000.0
FINEST_NM, COARSEST_NM = 0.5, 20.0
FEWEST_SLICES = 8
FEWEST_PX = 64
# From this edge on, every structure is in every part of the block split, for every seed; a smaller
# field is a window into a scene of this edge.
SCENE_EDGE_NM = 2000.0
# Settings that every scene.json names.
ALWAYS_SAID = ("shape", "voxel_nm", "seed", "dose", "tilt")
# Plain sections are painted in layers of about this thickness, or of a pixel's width if more.
LAYER_NM = 6.0


@dataclass(frozen=True)
class Specimen:
    """How the cell is made and stained; the defaults are the clean cell of the tests.

    Attributes
    ----------
    crowd
        Organelles, vesicles and filaments an area or volume, relative to the default.
    ribosomes
        The same for ribosomes.
    texture, texture_scale
        Strength of the cytoplasm's texture and the width of its grains, relative to the default.
    cytoplasm
        Mean density of the cytoplasm; a membrane's is about 1.
    stain_spread
        Each kind of object is stained more or less by a factor, whose logarithm has this deviation.
    unevenness
        Strength of the stain's unevenness, relative to the default.
    kept
        `(z, y, x)` share of its length that the specimen keeps: cutting compresses a section in the
        plane, the beam thins it.
    tissue_nm
        Width of the cells of a tissue that takes the place of the T cell; 0 for the T cell.
    """

    crowd: float = 1.0
    ribosomes: float = 1.0
    texture: float = 1.0
    texture_scale: float = 1.0
    cytoplasm: float = 0.32
    stain_spread: float = 0.0
    unevenness: float = 1.0
    kept: tuple[float, float, float] = (1.0, 1.0, 1.0)
    tissue_nm: float = 0.0


@dataclass(frozen=True)
class Picture:
    """How the picture is taken and finished; the defaults are the clean picture of the tests.

    Attributes
    ----------
    section_nm
        Thickness of plain sections, each one straight image and one slice, the voxel's edge along
        z; None for a tilt series.
    buried
        Slices of the section above and below the field: they are imaged, and cut off.
    depth_nm
        Deviation of a blur along z, of plain sections only: the depth that electrons return from.
    defocus_nm, jitter_nm, envelope_nm, detector
        Underfocus, misalignment, blur and detector of the images: see `microscope.Microscope`.
    smooth_px
        Deviation of a blur of the finished picture, signal and noise.
    grain, grain_px
        Noise of a correlation length in pixels, relative to the picture's deviation.
    shading, flicker
        Slow change of brightness and contrast in the plane, and from slice to slice, relative to
        the picture's deviation.
    clipped
        Share of the voxels that are clipped to black or white.
    gamma
        Exponent of the grey values, 0 to 1, dense is dark: above 1 darkens.
    inverted
        Whether dense is bright.
    """

    section_nm: float | None = None
    buried: int = 0
    depth_nm: float = 0.0
    defocus_nm: float = 1000.0
    jitter_nm: float = 0.8
    envelope_nm: float = 4.0
    detector: float = 0.3
    smooth_px: float = 0.0
    grain: float = 0.0
    grain_px: float = 2.0
    shading: float = 0.0
    flicker: float = 0.0
    clipped: float = 0.002
    gamma: float = 1.0
    inverted: bool = False


@dataclass(frozen=True)
class Settings:
    """A phantom's size, seed and microscope, the specimen and the picture.

    Attributes
    ----------
    shape
        `(z, y, x)` voxels: at least 8 slices of 64 x 64.
    voxel_nm
        Edge of the voxel in nm, 0.5 to 20; along z that of plain sections is their thickness.
    seed
        The same seed gives the same scene in nm, and with the same numbers the same bytes.
    dose
        Electrons per nm2 over the whole tilt series. Plastic sections tolerate hundreds of
        thousands, a hundred times what ice does. Of plain sections, each image's.
    tilt
        First angle, last angle and step of the tilt series in degrees.
    structures
        Whose masks are wanted; the cell is the same for any choice.
    specimen, picture
        How the cell is made, and how the picture is taken and finished.
    focus
        A structure that the field lies around, where it is smaller than the scene of 2 um; None for
        the scene's middle.
    """

    shape: tuple[int, int, int] = (24, 512, 512)
    voxel_nm: float = 4.51
    seed: int = 0
    dose: float = 200_000.0
    tilt: tuple[float, float, float] = (-60.0, 60.0, 1.5)
    structures: tuple[str, ...] = STRUCTURES
    specimen: Specimen = Specimen()
    picture: Picture = Picture()
    focus: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "structures", checked(self.structures))
        self._check_look()
        self._check_size()
        self._check_beam()

    @property
    def voxel_size_nm(self) -> tuple[float, float, float]:
        """`(z, y, x)` edges of a voxel of the tomogram in nm."""
        return self.picture.section_nm or self.voxel_nm, self.voxel_nm, self.voxel_nm

    @property
    def layers(self) -> int:
        """Painted layers that make one slice."""
        section = self.picture.section_nm
        return ceil(section / max(self.voxel_nm, LAYER_NM)) if section else 1

    @property
    def painted(self) -> tuple[int, int, int]:
        """`(z, y, x)` voxels that are painted."""
        slices, y, x = self.shape
        return (slices + 2 * self.picture.buried) * self.layers, y, x

    @property
    def step_nm(self) -> tuple[float, float, float]:
        """`(z, y, x)` nm of the cell, before it was compressed, for each painted voxel."""
        z, y, x = (
            edge / kept for edge, kept in zip(self.voxel_size_nm, self.specimen.kept, strict=True)
        )
        return z / self.layers, y, x

    @property
    def extent_nm(self) -> tuple[float, float, float]:
        """`(z, y, x)` edge lengths of what is painted, in nm of the cell."""
        z, y, x = (edge * step for edge, step in zip(self.painted, self.step_nm, strict=True))
        return z, y, x

    def facts(self) -> dict[str, Any]:
        """Return what JSON can hold: size, seed and microscope, and what is not the default."""
        default = asdict(Settings())
        return {
            name: value
            for name, value in asdict(self).items()
            if name in ALWAYS_SAID or value != default[name]
        }

    def _check_size(self) -> None:
        if not FINEST_NM <= self.voxel_nm <= COARSEST_NM:
            raise InputError(
                f"phantom: a voxel of {self.voxel_nm:g} nm was asked for, {FINEST_NM:g} to "
                f"{COARSEST_NM:g} nm can be simulated; set the voxel size to 2.255, say."
            )
        if self.shape[0] < FEWEST_SLICES or min(self.shape[1:]) < FEWEST_PX:
            raise InputError(
                f"phantom: a size of {_by(self.shape)} was asked for, at least {FEWEST_SLICES} "
                f"slices of {FEWEST_PX} x {FEWEST_PX} are needed; ask for more slices or pixels."
            )
        if self.extent_nm[0] > THICKEST_NM:
            raise InputError(
                f"phantom: {self.shape[0] + 2 * self.picture.buried} slices of "
                f"{self.voxel_size_nm[0]:g} nm make a section of {self.extent_nm[0]:.0f} nm, "
                f"electrons pass {THICKEST_NM:.0f} nm at most; "
                "ask for fewer slices or smaller voxels."
            )
        if self.seed < 0:
            raise InputError(
                f"phantom: the seed is {self.seed}, a whole number from 0 up was wanted; "
                "choose another seed."
            )

    def _check_beam(self) -> None:
        if not 0 < self.dose < float("inf"):
            raise InputError(
                f"phantom: the dose is {self.dose:g} electrons per nm2, a positive number was "
                "wanted; plastic sections stand 200000, say."
            )
        first, last, step = self.tilt
        if not (-80 <= first < last <= 80 and 0 < step <= last - first):
            raise InputError(
                f"phantom: the tilt series is {first:g} to {last:g} degrees by {step:g}, first < "
                "last within -80 to 80 and a positive step no longer than the range were wanted; "
                "set it to -60,60,1.5, say."
            )

    def _check_look(self) -> None:
        if self.focus is not None:
            checked([self.focus])
        positive = {
            "cytoplasm": self.specimen.cytoplasm, "texture_scale": self.specimen.texture_scale,
            "kept": min(self.specimen.kept), "grain_px": self.picture.grain_px,
            "gamma": self.picture.gamma, "section_nm": self.picture.section_nm or 1.0,
        }  # fmt: skip
        for name, value in positive.items():
            if not 0 < value < float("inf"):
                raise InputError(
                    f"phantom: {name} is {value:g}, a number above 0 was wanted; leave it out for "
                    "the default."
                )
        numbers = (*astuple(self.specimen), *astuple(self.picture))
        if not all(isfinite(n) and n >= 0 for n in numbers if isinstance(n, int | float)):
            raise InputError(
                f"phantom: {self.specimen} and {self.picture} were asked for, numbers from 0 up "
                "were wanted; leave out for the default what is negative or not finite."
            )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(edge) for edge in shape)
