"""Labels of real organelles: the counts are the instances', and the surfaces close."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.volume import Volume

DATA = Path(os.environ.get("SEGET_DATA", "/nowhere"))


def _volume(name: str) -> Volume:
    path = DATA / name.partition(":")[0]
    if not path.exists():
        pytest.skip("SEGET_DATA has no such labels")
    return files.read(f"{DATA / name}")


def test_vesicles_on_flat_voxels_are_as_many_objects_as_they_are_numbered(measure) -> None:
    volume = _volume("dcv-labels/7-13_vesicle_instances_80x1000x1000.h5:/main")
    # The whole volume has 254 and takes half a minute: docs/measures.md.
    part = Volume(np.asarray(volume.data[:40, 400:560, 400:560]), (30.0, 8.0, 8.0))
    found = measure(part, instances=True, structures=("vesicles=any",))
    numbers, counts = np.unique(part.data[part.data > 0], return_counts=True)
    assert len(numbers) > 5
    assert sorted(one.voxels for one in found.objects) == sorted(counts.tolist())
    for one in found.objects:
        assert one.mesh.is_closed or one.touches_border


@pytest.mark.parametrize("name", ["mito_instance_fib1-0-0-0", "golgi_precise_binary_fib1-4-3-0"])
def test_real_mitochondria_and_golgi_have_closed_surfaces(measure, name: str) -> None:
    data = _nifti(f"urocell-labels/{name}.nii.gz")
    part = Volume(data[::3, ::3, ::3], (45.0, 48.0, 48.0))  # quicker
    found = measure(part, instances=name.startswith("mito"))
    assert found.objects
    for one in found.objects:
        assert one.mesh.is_closed or one.touches_border
    if name.startswith("mito"):
        assert len(found.objects) == len(np.unique(part.data)) - 1


def _nifti(name: str) -> np.ndarray:
    """Read a label volume of NIfTI, which seget does not: `(z, y, x)`."""
    path = DATA / name
    if not path.exists():
        pytest.skip("SEGET_DATA has no such labels")
    raw = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(raw, "<i2", 4, 40)[1:]
    kind = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8", 256: "i1", 512: "<u2"}
    dtype = np.dtype(kind[int(np.frombuffer(raw, "<i2", 1, 70)[0])])
    start = int(np.frombuffer(raw, "<f4", 1, 108)[0])
    data = np.frombuffer(raw, dtype, int(np.prod(shape, dtype=int)), start)
    return data.reshape(shape[::-1]).astype(np.int32)
