"""Settings of a phantom: size, seed and microscope.

numbers of a user -> Settings (checked)

It never draws a random number and never touches an array.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
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


@dataclass(frozen=True)
class Settings:
    """A phantom's size, seed and microscope.

    Attributes
    ----------
    shape
        `(z, y, x)` voxels: at least 8 slices of 64 x 64.
    voxel_nm
        Edge of the (cubic) voxel in nm, 0.5 to 20.
    seed
        The same seed gives the same scene in nm, and with the same numbers the same bytes.
    dose
        Electrons per nm2 over the whole tilt series. Plastic sections tolerate hundreds of
        thousands, a hundred times what ice does.
    tilt
        First angle, last angle and step of the tilt series in degrees.
    structures
        Whose masks are wanted; the cell is the same for any choice.
    """

    shape: tuple[int, int, int] = (24, 512, 512)
    voxel_nm: float = 4.51
    seed: int = 0
    dose: float = 200_000.0
    tilt: tuple[float, float, float] = (-60.0, 60.0, 1.5)
    structures: tuple[str, ...] = STRUCTURES

    def __post_init__(self) -> None:
        object.__setattr__(self, "structures", checked(self.structures))
        self._check_size()
        self._check_beam()

    @property
    def extent_nm(self) -> tuple[float, float, float]:
        """`(z, y, x)` edge lengths of the field in nm."""
        z, y, x = (edge * self.voxel_nm for edge in self.shape)
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
                f"phantom: {self.shape[0]} slices of {self.voxel_nm:g} nm make a section of "
                f"{self.extent_nm[0]:.0f} nm, electrons pass {THICKEST_NM:.0f} nm at most; "
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


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(edge) for edge in shape)


PRESETS: dict[str, Settings] = {
    "small": Settings(),
    # The size of the paper's tomograms (Cell Image Library, P1694).
    "paper": Settings(shape=(76, 2048, 2048), voxel_nm=2.255),
}
