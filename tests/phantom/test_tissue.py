"""Tissue: cells that tile space, borders of the width asked for, nothing across a border."""

from __future__ import annotations

import numpy as np
import pytest

from seget.phantom import ALL_STRUCTURES, Picture, Settings, Specimen, simulate
from seget.phantom.painting import Canvas
from seget.phantom.placing import Thing
from seget.phantom.scene import build
from seget.phantom.tissue import Depths, Tissue, drawn

EXTENT = np.array([200.0, 1500.0, 1500.0])
SETTINGS = Settings(
    shape=(10, 200, 200), voxel_nm=8.0, seed=1, structures=ALL_STRUCTURES,
    specimen=Specimen(tissue_nm=450.0), picture=Picture(section_nm=8.0),
)  # fmt: skip


def axes(shape: tuple[int, int, int], step: float) -> tuple[np.ndarray, ...]:
    return np.ix_(*[(np.arange(n, dtype=np.float32) + 0.5) * step for n in shape])


def random_tissue(stretch: float = 1.0) -> Tissue:
    rng = np.random.default_rng(3)
    sites = rng.uniform(-300, [500, 1800, 1800], (60, 3))
    return Tissue(sites, rng.uniform(50, 500, 60), np.array([0.0, 0.6, 0.8]), stretch, 5)


def test_two_equal_cells_share_the_plane_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seget.phantom.tissue.WARPS", ((1000.0, 0.0),))
    sites = np.array([[50.0, 100.0, 50.0], [50.0, 300.0, 50.0]])
    cells = Tissue(sites, np.array([80.0, 80.0]), np.array([1.0, 0, 0]), 1.0, 0)
    z, y, x = axes((10, 40, 10), 10.0)
    border, cell = cells.border(z, y, x, 500.0)
    np.testing.assert_allclose(border, np.broadcast_to(np.abs(y - 200), border.shape), atol=0.01)
    assert (cell == (y > 200)).all()


@pytest.mark.parametrize("stretch", [1.0, 3.0])
def test_the_distance_is_one_of_nm(stretch: float) -> None:
    """Near a border it changes by about a nm for each nm, however the cells are stretched."""
    border, cell = random_tissue(stretch).border(*axes((30, 150, 150), 5.0), 60.0)
    assert len(np.unique(cell)) > 5
    slope = np.sqrt(sum(g**2 for g in np.gradient(border, 5.0)))
    near = (border > 6) & (border < 30)
    assert np.median(slope[near]) == pytest.approx(1, abs=0.1)
    assert np.quantile(slope[near], 0.9) < 1.5


def test_a_piece_is_what_it_is_in_the_whole() -> None:
    cells = random_tissue(2.0)
    z, y, x = axes((20, 70, 80), 8.0)
    border, cell = cells.border(z, y, x, 60.0)
    part, of = cells.border(z[3:9], y[:, 20:60], x[..., 11:40], 60.0)
    near = part < 60
    np.testing.assert_allclose(part[near], border[3:9, 20:60, 11:40][near], atol=0.01)
    assert (of == cell[3:9, 20:60, 11:40]).mean() > 0.9999


def test_the_lookup_is_the_distance() -> None:
    cells = random_tissue()
    looked_up = Depths(cells, EXTENT)
    z, y, x = axes((4, 60, 60), 23.0)
    border = cells.border(z, y, x, 250.0)[0]
    grid = np.stack(np.broadcast_arrays(z, y, x), axis=-1).reshape(-1, 3)
    assert np.abs(looked_up.depth(grid) - border.ravel()).mean() < 2
    assert np.quantile(np.abs(looked_up.depth(grid) - border.ravel()), 0.99) < 12


def test_borders_are_two_membranes_and_a_gap_wide() -> None:
    _, thing = drawn(np.random.default_rng(0), EXTENT, 500.0)
    geometry = thing.geometry | {"gap": 16.0, "synapses": []}
    canvas = Canvas((8, 300, 300), 5.0, membranes=True)
    canvas.paint(Thing("tissue", "synapse", thing.low, thing.high, geometry))
    assert canvas.membranes is not None
    border, _ = Tissue(
        *(np.array(geometry[key]) for key in ("sites", "sizes", "along")),
        geometry["stretch"], geometry["seed"],
    ).border(*axes((8, 300, 300), 5.0), 60.0)  # fmt: skip
    # The mask is both membranes and the gap between them: 16 + 2 x 7 nm.
    assert (canvas.membranes == (border < 15)).mean() > 0.999
    assert canvas.density[(border > 9) & (border < 14)].mean() > 0.75
    assert not (canvas.labels == 1).any()


def test_nothing_lies_across_a_border() -> None:
    things = build(SETTINGS)
    kinds = {thing.kind for thing in things}
    assert {"tissue", "mitochondrion", "microtubule", "vesicle"} <= kinds
    assert not kinds & {"cleft", "nucleus"}
    whole, alone = (Canvas(SETTINGS.painted, 8.0, membranes=True) for _ in range(2))
    borders = next(thing for thing in things if thing.kind == "tissue")
    alone.paint(borders)
    for thing in things:
        whole.paint(thing)
    kept = (whole.membranes > 0) & (alone.membranes > 0)
    assert kept.sum() > 0.97 * alone.membranes.sum()


def test_a_tissue_is_the_seed_s_and_has_synapses() -> None:
    made = simulate(SETTINGS)
    assert np.array_equal(made.tomogram.data, simulate(SETTINGS).tomogram.data)
    share = {name: mask.data.mean() for name, mask in made.masks.items()}
    assert 0.05 < share["membranes"] < 0.25
    assert 0.001 < share["synapse"] < 0.06
    assert share["mitochondria"] > 0.003
    grey, synapses = made.tomogram.data, made.masks["synapse"].data > 0
    assert grey[synapses].mean() < grey[~synapses].mean() - 20


def test_a_window_into_a_tissue_shows_the_same_borders() -> None:
    small = Settings(
        shape=(10, 100, 100), voxel_nm=8.0, seed=1, specimen=SETTINGS.specimen,
        picture=SETTINGS.picture, structures=ALL_STRUCTURES,
    )  # fmt: skip
    [whole], [window] = (
        [thing for thing in build(settings) if thing.kind == "tissue"]
        for settings in (SETTINGS, small)
    )
    canvases = [Canvas(s.painted, 8.0, membranes=True) for s in (SETTINGS, small)]
    for canvas, thing in zip(canvases, (whole, window), strict=True):
        canvas.paint(thing)
    # Both fields are windows into the middle of one scene of 2 um.
    differ = canvases[0].membranes[:, 50:150, 50:150] != canvases[1].membranes
    assert differ.mean() < 0.002
