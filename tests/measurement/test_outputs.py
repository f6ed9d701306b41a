"""Each output is opened by another program or by a reader of its own, and lies at its place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from bodies import COARSE, tube_voxels
from seget.files import imod
from seget.measurement import Measured, Options, measured
from seget.measurement.folder import _write_outputs
from seget.measurement.outputs.meshes import _fewer
from seget.measurement.outputs.particles import angles
from seget.volume import Volume

ORIGIN = (100.0, -200.0, 300.0)
OPTIONS = Options(
    structures=("granules=1", "microtubules=2"), spacing_nm=20.0, unbinned_nm=2.25, meshes="ply"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, list[Measured]]:
    """A folder of outputs of a ball and a tube, and what was measured."""
    data = np.zeros((30, 60, 130), np.uint8)
    z, y, x = np.ogrid[:30, :60, :130]
    data[(z - 14) ** 2 + (y - 40) ** 2 + (x - 70) ** 2 < 12**2] = 1
    data[tuple(tube_voxels(np.array([[60, 60, x] for x in range(40, 500)]), 12.5, COARSE).T)] = 2
    volume = Volume(data, COARSE, ORIGIN, "cell 1")
    folder = tmp_path_factory.mktemp("outputs")
    with measured(volume, OPTIONS, folder) as found:
        _write_outputs(folder, found, OPTIONS)
    return folder, found.objects


def _angstroms(one: Measured) -> np.ndarray:
    return (one.centroid_nm * 10)[::-1]


def test_the_glb_has_a_named_coloured_part_an_object(made) -> None:
    folder, (ball, tube) = made
    scene = trimesh.load_scene(folder / "structures.glb")
    assert set(scene.geometry) == {"granules 1", "microtubules 2"}
    part = scene.geometry["granules 1"]
    assert part.visual.material.baseColorFactor[:3].tolist() == [0, 0, 255]
    merged = trimesh.Trimesh(part.vertices, part.faces)
    assert merged.is_watertight
    assert merged.volume == pytest.approx(ball.volume_nm3 * 1000, rel=0.01)
    np.testing.assert_allclose(merged.center_mass, _angstroms(ball), atol=5)
    assert scene.geometry["microtubules 2"].area == pytest.approx(100 * tube.mesh.area_nm2)


def test_each_structure_has_a_file_of_its_own(made) -> None:
    folder, (_, tube) = made
    mesh = trimesh.load_mesh(folder / "meshes" / "microtubules.ply")
    assert mesh.is_watertight
    np.testing.assert_allclose(mesh.center_mass, _angstroms(tube), atol=10)
    assert mesh.volume > 0  # the triangles are seen from outside


def test_a_simplified_mesh_keeps_its_place_and_size() -> None:
    ball = trimesh.creation.icosphere(4, radius=100)
    ball.apply_translation([1e6, 2e6, -1e6])
    points, faces = _fewer(ball.vertices, ball.faces, 0.2)
    assert len(faces) < 0.25 * len(ball.faces)
    small = trimesh.Trimesh(points, faces)
    assert small.volume == pytest.approx(ball.volume, rel=0.02)
    np.testing.assert_allclose(small.center_mass, ball.center_mass, atol=1)


def test_models_lie_on_the_image(made) -> None:
    folder, (ball, tube) = made
    model = imod.read(folder / "structures.mod")
    assert [one.name for one in model.objects] == ["granules", "microtubules"]
    assert model.drawn_on.origin_nm == pytest.approx(ORIGIN)
    (mesh,) = model.objects[0].meshes
    assert len(mesh.triangles) == len(ball.mesh.triangles)
    middle = (mesh.vertices_zyx.max(axis=0) + mesh.vertices_zyx.min(axis=0)) / 2
    np.testing.assert_allclose(middle, ball.centroid_px + np.array([0, 0.5, 0.5]), atol=0.1)
    points = imod.read(folder / "points.mod")
    assert [one.kind for one in points.objects] == [imod.Kind.SCATTERED, imod.Kind.OPEN]
    spot = points.objects[0].contours[0].points_zyx
    np.testing.assert_allclose(spot, [[14, 40.5, 70.5]], atol=1e-3)
    line = points.objects[1].contours[0].points_zyx
    assert np.ptp(line[:, 2]) * 4.5 == pytest.approx(tube.line.length_nm, rel=0.01)


def _star(path: Path) -> tuple[list[str], list[list[str]]]:
    starfile = pytest.importorskip("starfile")
    table = starfile.read(path)
    return list(table.columns), table.values.tolist()


def test_particles_are_read_by_starfile_and_lie_in_the_tomogram(made) -> None:
    folder, (ball, tube) = made
    columns, rows = _star(folder / "particles" / "granules_relion4.star")
    assert columns[:4] == ["rlnTomoName"] + [f"rlnCoordinate{axis}" for axis in "XYZ"]
    assert len(rows) == 1
    # Pixels are half as wide as the voxels: voxel i holds pixels 2 i and 2 i + 1.
    np.testing.assert_allclose(rows[0][1:4], 2 * ball.centroid_px[::-1] + 0.5, atol=0.01)
    columns, rows = _star(folder / "particles" / "granules_relion5.star")
    assert columns[1:4] == [f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]
    wanted = (2 * ball.centroid_px + 0.5 - np.array([30, 60, 130])) * 22.5
    np.testing.assert_allclose(rows[0][1:4], wanted[::-1], atol=0.1)
    columns, rows = _star(folder / "particles" / "microtubules_relion5.star")
    places = np.array([row[1:4] for row in rows], float)
    np.testing.assert_allclose(np.linalg.norm(np.diff(places, axis=0), axis=1), 200, atol=0.5)
    assert len(rows) == int(tube.line.length_nm // 20) + 1
    turns = np.array([row[4:7] for row in rows], float)
    np.testing.assert_allclose(_axes(turns)[:, 0] ** 2, 1, atol=1e-3)  # along x


def _axes(turns: np.ndarray) -> np.ndarray:
    """Where RELION's Euler angles turn the reference's z axis, `(n, 3)` x, y, z."""
    return Rotation.from_euler("ZYZ", turns, degrees=True).inv().apply([0.0, 0.0, 1.0])


def test_angles_turn_the_reference_along_the_tube() -> None:
    ways = np.random.default_rng(0).normal(size=(50, 3))
    ways = np.concatenate([ways, np.eye(3), -np.eye(3)])
    ways /= np.linalg.norm(ways, axis=1)[:, None]
    np.testing.assert_allclose(_axes(angles(ways)), ways[:, ::-1], atol=1e-9)


def test_picks_lie_where_the_objects_are_and_turn_along_tubes(made) -> None:
    folder, (ball, tube) = made
    names = {path.name for path in (folder / "copick").iterdir()}
    assert names == {"seget_0_granules.json", "seget_0_microtubules.json"}
    said = json.loads((folder / "copick" / "seget_0_granules.json").read_text())
    assert (said["unit"], said["trust_orientation"]) == ("angstrom", False)
    (point,) = said["points"]
    place = [point["location"][axis] for axis in "zyx"]
    np.testing.assert_allclose(place, ball.centroid_px * COARSE * 10, atol=0.01)
    said = json.loads((folder / "copick" / "seget_0_microtubules.json").read_text())
    assert said["trust_orientation"]
    assert {point["instance_id"] for point in said["points"]} == {tube.number}
    turns = np.array([point["transformation_"] for point in said["points"]])
    own = turns[:, :3, :3] @ turns[:, :3, :3].mT
    np.testing.assert_allclose(own, np.broadcast_to(np.eye(3), own.shape), atol=1e-4)
    np.testing.assert_allclose(np.linalg.det(turns), 1, atol=1e-4)
    np.testing.assert_allclose(turns[:, 0, 2] ** 2, 1, atol=1e-3)  # z goes along x


def test_no_name_of_a_structure_leaves_the_folder(tmp_path: Path) -> None:
    data = np.zeros((8, 12, 12), np.uint8)
    data[2:6, 2:6, 2:6], data[2:6, 7:11, 7:11] = 1, 2
    named = Options(structures=("../../golgi=1", "a/golgi =2"))
    with measured(Volume(data, COARSE), named, tmp_path) as found:
        _write_outputs(tmp_path / "out", found, named)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert {path.name for path in (tmp_path / "out" / "meshes").iterdir()} == {
        "golgi.stl", "a_golgi.stl",
    }  # fmt: skip


def test_the_view_opens_files_that_are_there(made) -> None:
    folder, _ = made
    text = (folder / "view.cxc").read_text()
    assert 'open "structures.glb"' in text
    assert "labels.measured.mrc" in text


def test_labels_without_objects_have_outputs_too(tmp_path: Path) -> None:
    volume = Volume(np.zeros((4, 5, 6), np.uint8), COARSE)
    with measured(volume, Options(structures=("golgi=1",)), tmp_path) as found:
        _write_outputs(tmp_path, found, Options())
    assert imod.read(tmp_path / "structures.mod").objects[0].meshes == ()
    assert (tmp_path / "structures.glb").stat().st_size > 0
