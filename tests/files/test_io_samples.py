"""Every odd file of the collection: what it holds by its bytes, and what must be said of it.

The table was made from the headers, taken apart by hand, not from what this package says.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from seget import files
from seget.errors import FormatError, InputError

pytestmark = pytest.mark.skipif(
    "SEGET_DATA" not in os.environ, reason="real data is not in the repository"
)

STAMP, STACK, ONE, NEVER = 'no stamp "MAP "', r"\(ispg\) 0 says", "exactly 1 ang", "smallest above"
ZEROS, DIFFER, BLANK = (
    "statistics are all 0",
    "states values .* and the voxels",
    r"is 10 and 0 hold",
)
ABOVE = "first row is the upper one"
UNKNOWN, NEGATIVE = r"size is unknown, xlen, ylen, zlen are [\d., ]+;", "unknown, .* are negative"
UNTYPED, ANGLES, START = "bytes has no type", "angles of the cell", "origin is 0 and the first"
PADDED = r"\d+% of the sampled slices is padding"
ORIGIN_0 = (0.0, 0.0, 0.0)
ANGSTROM = (0.1, 0.1, 0.1)


class Row(NamedTuple):
    """`(z, y, x)`, type, voxel size and origin in nm, sign, words of each fault."""

    shape: tuple[int, int, int]
    dtype: str
    size: tuple[float, float, float] | None
    origin: tuple[float, float, float] | None
    faults: tuple[str, ...]
    signed: bool | None = None


CRYSTAL = ("run along z, x, y", ANGLES, START, UNTYPED)
EMD_3001 = Row((73, 25, 43), "float32", (0.045875, 0.03925, 0.044825), ORIGIN_0, CRYSTAL)
EMD_3197 = Row((20, 20, 20), "float32", (1.14, 1.14, 1.14), ORIGIN_0, (START,))
DE_SUM = Row((1, 4, 8), "float32", None, ORIGIN_0, (NEGATIVE, NEVER))

READ = {
    "axoneme_aln/search.mrc": Row(
        (1, 512, 512), "int16", (0.1, 28.8, 28.8), ORIGIN_0, (r"is 10 and 1 hold",)
    ),
    "cryodrgn/ay19102021_warp_subtomo_stack.mrcs": Row(
        (220, 64, 64), "float32", ANGSTROM, ORIGIN_0, (STAMP, STACK, ONE, NEVER)
    ),
    "cryodrgn/empiar_10076_7.mrc": Row((7, 320, 320), "float32", None, ORIGIN_0, (UNKNOWN,)),
    "etspy/HAADF.mrc": Row(
        (77, 256, 256), "int16", ANGSTROM, ORIGIN_0, (STAMP, STACK, ONE, UNTYPED)
    ),
    "etspy/test_000.mrc": Row((2, 1024, 1024), "int16", (0.788,) * 3, ORIGIN_0, (STACK,)),
    "gemmi/5i55_tiny.ccp4": Row(
        (10, 8, 6),
        "float32",
        (0.0495, 0.04375, 0.0490833),
        ORIGIN_0,
        ("run along y, x, z", ANGLES, START, UNTYPED),
    ),
    "gemmi/iota_yzx.ccp4.gz": Row(
        (2, 1, 4),
        "float32",
        (2.0, 2.2, 3.0),
        ORIGIN_0,
        ("run along y, z, x", START, "from 0 to 187 .* have 60 to 187", UNTYPED),
    ),
    "micrograph_cleaner_em/carbon_softmask.mrc": Row(
        (1, 927, 959), "float32", ANGSTROM, ORIGIN_0, (ONE, ZEROS, BLANK)
    ),
    "micrograph_cleaner_em/mic.mrc": Row(
        (1, 927, 959), "float32", ANGSTROM, ORIGIN_0, (ONE, ZEROS, BLANK)
    ),
    "mobie-io/gridmap_stiched_3_bin8.mrc": Row(
        (1, 1348, 1348),
        "int16",
        (223.6, 1788.8, 1788.8),
        (0.0, -447.2, -447.2),
        ("none of an electron tomogram", PADDED),
    ),
    "mrcfile/EMD-3001.map": EMD_3001,
    "mrcfile/EMD-3001.map.bz2": EMD_3001,
    "mrcfile/emd_3001.map.gz": EMD_3001,
    "mrcfile/EMD-3197.map": EMD_3197,
    "mrcfile/EMD-3197.map.bz2": EMD_3197,
    "mrcfile/emd_3197.map.gz": EMD_3197,
    "mrcfile/fei-extended.mrc.gz": Row((1, 3838, 3710), "uint16", None, ORIGIN_0, (ABOVE, UNKNOWN)),
    "openncem/temp.mrc": Row((3, 128, 128), "float32", (0.2,) * 3, ORIGIN_0, (STAMP, STACK)),
    "pyto/pyto_big_head.mrc": Row(
        (100, 100, 100), "int16", (1.684,) * 3, (-274.491943, 0.0, 0.0), ()
    ),
    "pyto/pyto_new-head_int16.mrc": Row(
        (20, 30, 40), "int16", (0.4,) * 3, (9.0, 96.4, 94.4), (STACK, "is 9 and 10 hold")
    ),
    "pyto/pyto_presynaptic_labels.mrc": Row(
        (60, 155, 155),
        "uint8",
        (1.684,) * 3,
        ORIGIN_0,
        (STAMP, r"\(nversion\) is 538976288", STACK),
        signed=False,
    ),
    "pyto/pyto_swapped_byte_order.mrc": Row(
        (1, 2, 10), "float32", None, ORIGIN_0, ("stamp is 44 41 00 00, wanted 11 11", UNKNOWN)
    ),
    "quoll/042.tif": Row((1, 256, 256), "uint8", (3.3724,) * 3, None, ()),
    "quoll/042_notsquare.tif": Row(
        (1, 128, 256), "uint8", (3.372408, 6.744817, 3.372408), None, ()
    ),
    "quoll/L4_ts_03_sort_bin8_1img.mrc": Row((1, 720, 512), "uint16", None, ORIGIN_0, (UNKNOWN,)),
    "rosettasciio/20241021_00405_0_Virt_0_sum.mrc": DE_SUM,
    "rosettasciio/20241021_00405_1_Virt_1_sum.mrc": DE_SUM,
    "rosettasciio/20241021_00405_ext1_Ext_1.mrc": DE_SUM,
    "rosettasciio/20241021_00405_final.mrc": DE_SUM._replace(
        faults=(NEGATIVE, "all sampled voxels are 496", NEVER)
    ),
    "rosettasciio/20241021_00405_movie.mrc": DE_SUM._replace(shape=(32, 4, 8), dtype="uint16"),
    "rosettasciio/Custom_movie.mrc": DE_SUM._replace(shape=(30, 16, 16), dtype="uint16"),
    "rosettasciio/HAADFscan.mrc": Row(
        (1, 16, 16), "uint16", None, ORIGIN_0, (ABOVE, UNKNOWN, NEVER)
    ),
    "rosettasciio/ROI_Random_Scan_Sum.mrc": DE_SUM._replace(shape=(1, 29, 12)),
    "rosettasciio/ROI_Random_Scan_movie.mrc": DE_SUM._replace(shape=(348, 16, 16), dtype="uint16"),
    "sfftk/emd_1832.map": Row((64, 64, 64), "float32", (0.57,) * 3, ORIGIN_0, (PADDED, START)),
    "tardis/mrc2D.mrc": Row(
        (1, 64, 32),
        "uint8",
        None,
        (-464.0, 0.0, 0.0),
        (STAMP, "are 742.398, 1484.8, inf, which are no lengths", DIFFER),
        signed=False,
    ),
    "tardis/mrc3D.mrc": Row(
        (78, 64, 32), "uint8", (2.32,) * 3, (-464.0, 0.0, 0.0), (STAMP, STACK, DIFFER), signed=False
    ),
    "visfd/test_1d_example.rec": Row((1, 1, 161), "float32", ANGSTROM, (6.1, 14.9, 0.1), (ONE,)),
    "visfd/test_blob_detect.rec": Row(
        (27, 32, 22),
        "int8",
        (1.931538,) * 3,
        (166.11233, -197.0169, 40.56228),
        (STACK,),
        signed=True,
    ),
    "visfd/test_blob_detect_mask.rec": Row(
        (27, 32, 22),
        "int8",
        (1.931538,) * 3,
        (-267.96289, -521.21631, -432.32305),
        (STACK,),
        signed=True,
    ),
    "visfd/test_image_membrane.rec": Row(
        (16, 16, 16), "int16", (1.973333,) * 3, (-70.05333, 1064.86992, 799.59463), (STACK,)
    ),
    "xmipp/singleImage.mrc": Row((1, 3, 3), "float32", ANGSTROM, ORIGIN_0, (ONE, ZEROS, BLANK)),
    "xmipp/smallStack.mrcs": Row(
        (4, 64, 64), "float32", ANGSTROM, ORIGIN_0, ("mz is 1", ONE, PADDED, ZEROS, BLANK)
    ),
}
NO_IMAGE = "names no image format"
REFUSED = {
    "imod/headerTest.st": "promises 512 x 512 x 1 voxels of mode 1, 526336 bytes .* has 2048",
    "sfftk/empty1.map": "the file has 0 bytes and the header of an MRC file has 1024",
    "sfftk/test_data_corrupt_header.map": "34280108 bytes in all, and the file has 1108",
    "surface_morphometrics/TE1_TF1_labels.tar.gz": NO_IMAGE,
    "NOTES.txt": NO_IMAGE,
    "etspy/HAADF.rawtlt": NO_IMAGE,
    "etspy/test_000.mrc.mdoc": NO_IMAGE,
    "mrcfile/README.txt": NO_IMAGE,
    "quoll/L4_ts_03_sort.mrc.mdoc": NO_IMAGE,
    "quoll/L4_ts_03_sort.tlt": NO_IMAGE,
}
# Of voxels read with NumPy alone: smallest, largest, mean.
VALUES = {
    "etspy/HAADF.mrc": (-31908, 32325, -27648.408605),
    "mrcfile/EMD-3001.map": (-0.36814296, 0.72161025, 0.00053296668),
    "mrcfile/fei-extended.mrc.gz": (302, 45804, 3521.0302419),
    "pyto/pyto_swapped_byte_order.mrc": (-21.38634, 0.7819683, -7.70119307),
    "rosettasciio/HAADFscan.mrc": (3923, 9399, 6066.19921875),
    "tardis/mrc3D.mrc": (141, 163, 153.036846),
    "visfd/test_blob_detect.rec": (19, 55, 36.50047348),
}


@pytest.fixture
def samples() -> Path:
    return Path(os.environ["SEGET_DATA"]) / "io-samples"


def near(lengths: Any) -> Any:
    return lengths if lengths is None else pytest.approx(lengths, rel=1e-5, abs=1e-6)


def test_the_table_is_whole(samples: Path) -> None:
    found = {str(p.relative_to(samples)) for p in samples.rglob("*") if p.is_file()}
    assert found == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", READ)
def test_what_is_read(samples: Path, name: str) -> None:
    wanted, found = READ[name], files.describe(samples / name)
    assert (found.shape_zyx, found.dtype, found.signed) == wanted[:2] + wanted[5:]
    assert found.voxel_size_nm == near(wanted.size)
    assert found.origin_nm == near(wanted.origin)
    for words, fault in zip(wanted.faults, found.faults, strict=True):
        assert re.search(words, fault)
    volume = files.read(samples / name)
    assert (volume.shape, volume.data.dtype) == (wanted.shape, wanted.dtype)
    if name in VALUES:
        low, high, mean = VALUES[name]
        data = np.asarray(volume.data, np.float64)
        assert (data.min(), data.max(), data.mean()) == pytest.approx((low, high, mean), rel=1e-6)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(samples: Path, name: str) -> None:
    with pytest.raises(InputError, match=REFUSED[name]) as error:
        files.describe(samples / name)
    assert isinstance(error.value, FormatError) == (REFUSED[name] != NO_IMAGE)


@pytest.mark.parametrize("name", [name for name in READ if ".tif" not in name])
def test_a_mended_copy_holds_the_same_and_has_fewer_faults(
    samples: Path, tmp_path: Path, name: str
) -> None:
    size = READ[name].size
    stated = None if size not in (None, ANGSTROM) else (1.5, 1.2, 1.2)
    files.mend(samples / name, tmp_path / "new.mrc", stated)
    before, after = files.read(samples / name), files.read(tmp_path / "new.mrc")
    for z in (0, before.shape[0] - 1):
        np.testing.assert_array_equal(after.slice(z), before.slice(z))
    assert after.voxel_size_nm == near(stated or size)
    assert after.origin_nm == near(before.origin_nm)
    left = files.describe(tmp_path / "new.mrc").faults
    beyond = (ANGLES, START, UNTYPED, "none of an electron", "all sampled", PADDED)
    assert all(any(re.search(words, fault) for words in beyond) for fault in left)
