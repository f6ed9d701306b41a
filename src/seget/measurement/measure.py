"""A label volume measured: objects, surfaces, lengths and distances, in nm.

label volume -> Measurement: a Measured for every object, the nearest ones, their numbers on disk

It never writes what people read: `folder` does. It holds the triangles of all objects, and of the
voxels a block at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.listener import Listener
from seget.machine import require_disk
from seget.measurement import extra
from seget.measurement.centre_line import CentreLine, centre_line, is_tube
from seget.measurement.components import IdStore, Objects, find_objects
from seget.measurement.distances import Nearest, nearest_objects
from seget.measurement.moments import principal_axes
from seget.measurement.rows import Measured
from seget.measurement.smallest import LeftOut, fewest_voxels, smallest_nm3
from seget.measurement.structures import Structures, find_structures
from seget.measurement.surface import surface
from seget.threads import made_ahead
from seget.volume import Triple, Volume, known_pixel_nm

THREADS = 2


@dataclass(frozen=True)
class Options:
    """What to measure, and how.

    Attributes
    ----------
    structures
        Texts `NAME=VALUE`, see `find_structures`; empty: the legend's.
    instances
        Whether each number of the labels is one object.
    voxel_size_nm
        `(z, y, x)`, where the file does not say it or is wrong; None: the file's.
    smallest_nm3
        Structure, or "any", -> volume of its smallest object; what is smaller is left out, and
        counted. Without one that is 27 voxels, and nothing where each number is an object.
    contact_nm
        Distance up to which surfaces count as in contact.
    tubes
        Structures whose objects get a middle line; None: those objects that are tubes by shape.
    meshes
        Whether surfaces are written for other programs, and in which format: stl, ply or obj.
    spacing_nm
        Distance of particles along tubes.
    unbinned_nm
        Edge of a pixel of the tilt series, which RELION counts; None: that of the labels.
    tomogram
        The image that view.cxc opens as well.
    """

    structures: tuple[str, ...] = ()
    instances: bool = False
    voxel_size_nm: Triple | None = None
    smallest_nm3: Mapping[str, float] = field(default_factory=dict)
    contact_nm: float = 30.0
    tubes: tuple[str, ...] | None = None
    meshes: str | None = "stl"
    spacing_nm: float = 8.0
    unbinned_nm: float | None = None
    tomogram: str | None = None


@dataclass(frozen=True)
class Measurement:
    """All that was measured in a label volume.

    Attributes
    ----------
    volume
        The labels, with the voxel size that was used.
    structures
        What their numbers are.
    objects
        In the order of their numbers, from 1.
    nearest
        For every object the nearest one of each structure.
    ids
        Which voxel is which object's; gone when the context of `measured` ends.
    smallest_nm3, left_out
        Structure -> from which volume on its objects were measured, and those that are smaller.
    """

    volume: Volume
    structures: Structures
    objects: list[Measured]
    nearest: list[Nearest]
    ids: IdStore
    smallest_nm3: dict[str, float]
    left_out: dict[str, LeftOut]

    @property
    def voxel_size_nm(self) -> Triple:
        """`(z, y, x)` edges of a voxel."""
        size = self.volume.voxel_size_nm
        assert size is not None  # `measured` refuses labels without
        return size

    @property
    def origin_nm(self) -> Triple:
        """`(z, y, x)` of the middle of the first voxel in the file's frame; 0 where unknown."""
        return self.volume.origin_nm or (0.0, 0.0, 0.0)


@contextmanager
def measured(
    volume: Volume, options: Options, scratch: Path, listener: Listener | None = None
) -> Iterator[Measurement]:
    """Measure a label volume; what it yields holds until the context ends.

    Parameters
    ----------
    volume
        Labels; only slabs and boxes of it are read.
    options
        What to measure.
    scratch
        An existing folder in which four bytes a voxel are kept meanwhile.
    listener
        Is told the parts "objects", "surfaces", "distances", and how far each is.

    Raises
    ------
    InputError
        The labels have no voxel size, or one slice, or are scores; a library is missing.
    RunError
        There is no room for the numbers.
    """
    extra.require()
    listener = listener or Listener()
    volume = _checked(volume, options)
    structures = find_structures(volume, options.structures, options.instances)
    voxel_nm3 = float(np.prod(volume.voxel_size_nm or 1))
    smallest = smallest_nm3(options.smallest_nm3, structures, voxel_nm3)
    fewest = fewest_voxels(smallest, voxel_nm3)
    require_disk(scratch, 4 * int(np.prod(volume.shape)))
    with TemporaryDirectory(prefix=".measure-", dir=scratch) as folder:
        with listener.part("objects") as told:
            found = find_objects(volume, structures, Path(folder, "ids"), fewest, told)
        with listener.part("surfaces") as told:
            objects = _measure_each(found, volume, options, told)
        with listener.part("distances") as told:
            meshes = [one.mesh for one in objects]
            nearest = nearest_objects(meshes, found.structures, options.contact_nm, told)
        yield Measurement(volume, structures, objects, nearest, found.ids, smallest, found.left_out)


def _checked(volume: Volume, options: Options) -> Volume:
    where = volume.path or volume.name
    if options.voxel_size_nm is not None:
        volume = replace(volume, voxel_size_nm=options.voxel_size_nm)
    elif known_pixel_nm(volume.voxel_size_nm) is None:
        raise InputError(
            f"{where}: the file does not say how large a voxel is, and without it nothing can be "
            "measured in nm; give --voxel-size Z,Y,X."
        )
    if min(volume.shape) < 2:
        raise InputError(
            f"{where}: is {' x '.join(map(str, volume.shape))} voxels, and volumes, surfaces and "
            "distances need at least two along every axis; measure the stack the slice is of."
        )
    return volume


def _measure_each(
    found: Objects, volume: Volume, options: Options, listener: Listener
) -> list[Measured]:
    """Measure the objects in their order, two at a time."""
    size = volume.voxel_size_nm
    assert size is not None
    shared = _Shared(
        found, size, np.asarray(volume.origin_nm or (0.0, 0.0, 0.0)), options.tubes,
        *principal_axes(found.moments, size), found.moments.touches_border(volume.shape),
    )  # fmt: skip
    done: list[Measured] = []
    for one in made_ahead(shared.measured, range(len(found)), THREADS):
        done.append(one)
        listener.progress(len(done), len(found))
    return done


@dataclass(frozen=True)
class _Shared:
    """What the measuring of every object needs."""

    found: Objects
    voxel_size_nm: Triple
    origin_nm: npt.NDArray[np.float64]
    tubes: tuple[str, ...] | None
    axes_nm: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float64]
    touches_border: npt.NDArray[np.bool_]

    def measured(self, i: int) -> Measured:
        """Measure object `i`, from 0."""
        moments, size = self.found.moments, self.voxel_size_nm
        voxels = int(moments.voxels[i])
        mesh = surface(self.found.ids, i + 1, self.found.boxes[i], voxels, size)
        centre = moments.centroids[i]
        one = Measured(
            number=i + 1,
            structure=self.found.structures[i],
            voxels=voxels,
            volume_nm3=voxels * float(np.prod(size)),
            centroid_px=centre,
            centroid_nm=self.origin_nm + centre * size,
            low_px=moments.low[i],
            high_px=moments.high[i],
            axes_nm=self.axes_nm[i],
            axes=self.axes[i],
            touches_border=bool(self.touches_border[i]),
            mesh=mesh,
        )
        return replace(one, line=self._line(one))

    def _line(self, one: Measured) -> CentreLine | None:
        """Return the middle line of an object that is a tube, or is said to be one."""
        width = one.width_nm
        if self.found.parts[one.number - 1] > 1:
            return None
        if self.tubes is None:
            if width is None or not is_tube(one.volume_nm3, one.mesh.area_nm2, width):
                return None
        elif one.structure not in self.tubes:
            return None
        if width is None and one.mesh.area_nm2 > 0:
            width = 4 * one.volume_nm3 / one.mesh.area_nm2  # of a long tube
        if not width:
            return None
        voxels = _voxels(self.found.ids, one)
        return centre_line(voxels, self.voxel_size_nm, width, self.found.ids.shape)


def _voxels(ids: IdStore, one: Measured) -> npt.NDArray[np.int64]:
    """Return the indices of an object's voxels, `(n, 3)`, read slice by slice of its box."""
    low, high = one.low_px, one.high_px
    found = []
    for z in range(int(low[0]), int(high[0])):
        plane = ids.box((z, *low[1:]), (z + 1, *high[1:]))[0]
        y, x = np.nonzero(plane == one.number)
        found.append(np.stack([np.full(y.size, z), y + low[1], x + low[2]], axis=1))
    return np.concatenate(found).astype(np.int64)
