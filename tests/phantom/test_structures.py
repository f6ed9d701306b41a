"""The structures beside the paper's five: their masks lie where their density is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seget.errors import InputError
from seget.phantom import ALL_STRUCTURES, STRUCTURES, Phantom, Settings, organelles, simulate
from seget.phantom.ink import Block, Ink
from seget.phantom.masks import masks
from seget.phantom.painting import Canvas, paint
from seget.phantom.placing import Thing
from seget.phantom.scene import build
from seget.phantom.structures import MEMBRANES, ORGANELLES, parsed

# Seed 4 has a nuclear envelope.
SETTINGS = Settings(
    shape=(8, 256, 256), voxel_nm=8.0, seed=4, tilt=(-60, 60, 10), structures=ALL_STRUCTURES
)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return simulate(SETTINGS)


@pytest.fixture(scope="module")
def canvas() -> Canvas:
    return paint(build(SETTINGS), SETTINGS)


def box(shape: tuple[int, int, int], voxel_nm: float) -> Block:
    """Voxel centres around the origin."""
    z, y, x = ((np.arange(n, dtype=np.float32) - (n - 1) / 2) * voxel_nm for n in shape)
    return Block(z[:, None, None], y[None, :, None], x[None, None, :], voxel_nm)


def mask(canvas: Canvas, structure: str) -> np.ndarray:
    return masks(canvas, SETTINGS)[structure]


def test_every_structure_is_there(phantom: Phantom) -> None:
    assert tuple(phantom.masks) == ALL_STRUCTURES
    assert all(mask.data.any() for mask in phantom.masks.values())
    assert all(f'{name} = "{name}.mrc"' in phantom.dataset_toml for name in ALL_STRUCTURES)


def test_the_cell_is_the_same_whatever_masks_are_wanted(phantom: Phantom) -> None:
    five = simulate(replace(SETTINGS, structures=STRUCTURES))
    assert tuple(five.masks) == STRUCTURES
    assert np.array_equal(five.tomogram.data, phantom.tomogram.data)
    for name in STRUCTURES:
        # The paper's five and the others do not overlap in space, but for grazing voxels.
        differ = five.masks[name].data != phantom.masks[name].data
        assert differ.sum() <= 0.005 * five.masks[name].data.sum()
    assert {thing["structure"] for thing in five.scene["things"]} == {None, *STRUCTURES}


def test_no_two_share_a_voxel_but_membranes(phantom: Phantom) -> None:
    masks = {name: mask.data.astype(int) for name, mask in phantom.masks.items()}
    membranes = masks.pop(MEMBRANES)
    total = sum(masks.values())
    assert set(np.unique(total)) == {0, 1}
    shared = {name: int((mask & membranes).sum()) for name, mask in masks.items()}
    assert shared["microtubules"] < 0.05 * masks["microtubules"].sum()
    assert shared["ribosomes"] < 0.05 * masks["ribosomes"].sum()
    for name in ("golgi", "granules", "mitochondria", "reticulum", "vesicles", "envelope"):
        assert shared[name] > 0.05 * masks[name].sum()


def test_a_mask_lies_where_the_density_is(canvas: Canvas) -> None:
    density = canvas.density
    background = float(np.median(density))
    for name in (MEMBRANES, "ribosomes", "mitochondria"):
        assert density[mask(canvas, name) > 0].mean() > background + 0.1
    membranes = mask(canvas, MEMBRANES) > 0
    assert density[membranes].mean() > 1.8 * density[~membranes].mean()


def test_the_voxels_of_a_mask_are_its_objects(canvas: Canvas) -> None:
    """Each structure painted alone has about the voxels that it has in the whole scene."""
    things = build(SETTINGS)
    for name in ORGANELLES:
        alone = Canvas(SETTINGS.shape, SETTINGS.voxel_nm)
        for thing in things:
            if thing.structure == name:
                alone.paint(thing)
        own, together = int(mask(alone, name).sum()), int(mask(canvas, name).sum())
        assert own > 0
        # Ribosomes lie against what is painted over them.
        assert 0 <= own - together <= (0.1 if name == "ribosomes" else 0.02) * own


def test_a_vesicle_has_its_volume_and_a_shell_of_membrane() -> None:
    ink = organelles.vesicle(box((60, 60, 60), 2.0), (1.0, 0.5, 0), 40.0, 0.2)
    assert ink.inside is not None
    assert ink.inside.sum() * 8 == pytest.approx(4 / 3 * np.pi * 40**3, rel=0.01)
    shell = 4 / 3 * np.pi * (40**3 - 33**3)
    assert ink.membranes.sum() * 8 == pytest.approx(shell, rel=0.03)


def test_an_envelope_is_40_nm_thick_and_open_at_its_pores() -> None:
    block, radius = box((3, 60, 200), 4.0), 2000.0
    away, pore = (0.0, -radius - 20, 0.0), (0.0, 1.0, 0.0)
    closed, opened = (
        organelles.nucleus(block, away, radius, pores, seed=3) for pores in ((), (pore,))
    )
    assert closed is not None
    assert opened is not None
    thick = closed.inside.sum(axis=1) * 4.0
    assert thick.mean() == pytest.approx(40, rel=0.05)
    gap = (~opened.inside.any(axis=(0, 1))).sum() * 4.0
    assert gap == pytest.approx(84, abs=30)  # 2 x 42 nm, less the rounding of the rims


def test_what_covers_a_membrane_hides_it() -> None:
    ink = Ink(box((9, 9, 9), 2.0))
    ink.membrane(np.zeros((9, 9, 9), np.float32))
    assert ink.membranes.all()
    ink.lay(np.full((9, 9, 9), 0.9, np.float32), 0.3)
    assert not ink.membranes.any()
    canvas = Canvas((20, 20, 20), 4.0, membranes=True)
    ball = {"centre": (40, 40, 40), "radius": 30.0, "stain": 0.2}
    whole = ((0, 0, 0), (80, 80, 80))
    canvas.paint(Thing("vesicle", "vesicles", *whole, ball))
    assert mask(canvas, MEMBRANES).any()
    canvas.paint(Thing("gold", None, *whole, {"centre": (40, 40, 40), "radius": 39.0}))
    assert not mask(canvas, MEMBRANES).any()
    assert not mask(canvas, "vesicles").any()


@pytest.mark.parametrize("voxel_nm", [2.0, 7.0, 12.0])
def test_a_membrane_has_no_holes_at_any_voxel_size(voxel_nm: float) -> None:
    block = box((1, 1, 101), voxel_nm)
    for offset in np.linspace(0, voxel_nm, 9):
        ink = Ink(block)
        ink.membrane((block.x + 0 * block.y + 0 * block.z - np.float32(offset)).astype(np.float32))
        wide = ink.membranes.sum() * voxel_nm
        assert max(7.0, voxel_nm) - voxel_nm <= wide <= max(7.0, voxel_nm) + voxel_nm
        assert ink.membranes.any() or offset == pytest.approx(voxel_nm / 2)


def test_names_are_checked_and_ordered() -> None:
    assert parsed("all") == ALL_STRUCTURES
    assert parsed("ribosomes, golgi") == ("golgi", "ribosomes")
    assert Settings(structures=["membranes", "synapse"]).structures == ("synapse", "membranes")
    for text in ("nerves", "golgi,nerves", "", ","):
        with pytest.raises(InputError, match=r"^phantom: structures .*there are synapse.*; name"):
            parsed(text)
