"""Random settings: the seed's, valid at every size, and as wide as they are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from seget.errors import InputError
from seget.phantom import ALL_STRUCTURES, PRESETS, Picture, Settings, Specimen, randomised, simulate
from seget.phantom.randomisation import VOXEL_NM
from seget.phantom.settings import THICKEST_NM

DRAWN = [randomised(seed, structures=ALL_STRUCTURES) for seed in range(300)]


def test_a_seed_s_settings_are_the_same_and_others_differ() -> None:
    assert randomised(7) == randomised(7)
    assert len({settings.voxel_nm for settings in DRAWN}) == len(DRAWN)


@pytest.mark.parametrize("shape", [(8, 64, 64), (24, 256, 300), (76, 512, 512)])
def test_settings_are_valid_at_every_size(shape: tuple[int, int, int]) -> None:
    for seed in range(60):  # what is not valid raises
        settings = randomised(seed, shape)
        assert settings.shape == shape
        assert settings.extent_nm[0] <= THICKEST_NM


def test_all_that_is_said_to_vary_varies() -> None:
    def values(name: str) -> np.ndarray:
        groups = (DRAWN, [s.specimen for s in DRAWN], [s.picture for s in DRAWN])
        group = next(group for group in groups if hasattr(group[0], name))
        return np.array([getattr(item, name) for item in group], dtype=float)

    voxels = values("voxel_nm")
    assert voxels.min() >= VOXEL_NM[0]
    assert voxels.max() <= VOXEL_NM[1]
    assert (voxels < 2.5).mean() > 0.1
    assert (voxels > 8).mean() > 0.1
    assert 0.4 < np.isnan(values("section_nm")).mean() < 0.6  # tilt series
    assert 0.1 < values("inverted").mean() < 0.25
    for name in ("crowd", "ribosomes", "texture_scale", "cytoplasm", "envelope_nm", "texture"):
        assert values(name).max() > 3 * values(name).min()
    for name in (
        "grain",
        "shading",
        "smooth_px",
        "flicker",
        "stain_spread",
        "buried",
        "depth_nm",
        "tissue_nm",
    ):
        assert values(name).max() > 0
        assert values(name).min() < 0.01
    kept = np.array([settings.specimen.kept for settings in DRAWN])
    assert (kept.min(axis=0) < 0.85).all()
    assert {settings.focus for settings in DRAWN} >= {None, *ALL_STRUCTURES[:10]} - {None}


def in_voxels(settings: Settings) -> dict[str, float]:
    """Return what makes the look of a cell, lengths of the picture in its voxels."""
    picture, specimen = settings.picture, settings.specimen
    lengths = ("envelope_nm", "jitter_nm", "depth_nm")
    looks = ("grain", "grain_px", "smooth_px", "detector", "flicker", "shading", "gamma")
    stains = ("texture", "texture_scale", "cytoplasm", "unevenness", "tissue_nm")
    return {
        **{name: getattr(picture, name) / settings.voxel_nm for name in lengths},
        **{name: getattr(picture, name) for name in looks},
        **{name: getattr(specimen, name) for name in stains},
        "crowd": specimen.crowd,
        "voxel_nm": settings.voxel_nm,
    }


@pytest.mark.parametrize("name", ["real", "real-serial", "real-face"])
def test_what_was_fitted_to_real_pictures_lies_within(name: str) -> None:
    """The ranges are wider than life's, as far as three fits know it: of each kind for itself."""
    fitted = PRESETS[name]
    straight = fitted.picture.section_nm is not None
    alike = [s for s in DRAWN if (s.picture.section_nm is not None) == straight]
    drawn = [in_voxels(settings) for settings in alike]
    for key, value in in_voxels(fitted).items():
        values = sorted(one[key] for one in drawn)
        assert values[0] <= value <= values[-1], key


@pytest.mark.parametrize("seed", [0, 1, 2, 4])
def test_a_random_cell_has_a_picture_and_masks(seed: int) -> None:
    settings = randomised(seed, (8, 64, 64), ALL_STRUCTURES)
    made = simulate(settings)
    assert made.tomogram.shape == (8, 64, 64)
    assert made.tomogram.data.std() > 5
    total = sum(mask.data for name, mask in made.masks.items() if name != "membranes")
    assert set(np.unique(total)) <= {0, 1}
    again = simulate(randomised(seed, (8, 64, 64), ALL_STRUCTURES))
    assert np.array_equal(again.tomogram.data, made.tomogram.data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"specimen": Specimen(kept=(1.0, 0.0, 1.0))}, "kept is 0"),
        ({"specimen": Specimen(crowd=-1.0)}, "numbers from 0 up"),
        ({"specimen": Specimen(cytoplasm=float("nan"))}, "cytoplasm is nan"),
        ({"picture": Picture(gamma=0.0)}, "gamma is 0"),
        ({"picture": Picture(section_nm=-5.0)}, "section_nm is -5"),
        ({"picture": Picture(section_nm=90.0)}, "12 slices of 90 nm make a section of 1080 nm"),
        ({"picture": Picture(grain=float("inf"))}, "numbers from 0 up"),
        ({"focus": "nerves"}, "there are synapse"),
    ],
)
def test_wrong_looks_are_said(change: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=r"^phantom: ") as error:
        Settings(shape=(12, 64, 64), **change)
    assert words in str(error.value)
    assert ";" in str(error.value)
