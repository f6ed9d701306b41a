"""What a dataset.toml becomes: names, order, annotated slices, paths."""

from __future__ import annotations

import h5py
import numpy as np

from dataset_folder import DRAWN, ONE_MASK, Folder
from seget.dataset import read_dataset


def test_the_dataset_of_the_handbook(folder: Folder) -> None:
    dataset = folder.read(
        'name = "ctl"\nholdout = "every-5th"\n[[tomogram]]\nimage = "tomogram.mrc"\n'
        '[tomogram.masks]\nsynapse = "synapse.mrc"\n"dense core" = { file = "labels.mrc", '
        "value = 2 }\n",
    )
    (tomogram,) = dataset.tomograms
    assert (dataset.name, dataset.structures) == ("ctl", ("synapse", "dense core"))
    assert tomogram.name == tomogram.image.name == "tomogram"
    assert tomogram.annotated == tuple(range(20))
    assert tomogram.split.validation == (0, 5, 10, 15)
    np.testing.assert_array_equal(tomogram.masks["synapse"].slice(4), DRAWN[4])
    assert tomogram.masks["synapse"].foreground_px == tuple(DRAWN.sum(axis=(1, 2)).tolist())
    assert tomogram.masks["dense core"].selection.values == (2,)


def test_volumes_inside_one_hdf5_file(folder: Folder) -> None:
    with h5py.File(folder.path / "cell.h5", "w") as h5:
        h5["raw"] = np.random.default_rng(0).integers(0, 256, DRAWN.shape, np.uint8)
        h5["drawn/synapse"] = DRAWN.astype(np.uint8)
    text = '[[tomogram]]\nimage = "cell.h5:/raw"\nmasks = { synapse = "cell.h5:/drawn/synapse" }'
    (tomogram,) = folder.read(text).tomograms
    assert tomogram.name == "cell-raw"
    np.testing.assert_array_equal(tomogram.masks["synapse"].slice(4), DRAWN[4])


def test_left_out_keys(folder: Folder) -> None:
    dataset = folder.read(f"[[tomogram]]\n{ONE_MASK}")
    assert dataset.name == "dataset"
    assert dataset.tomograms[0].split.kind == "block"


def test_only_the_named_slices_are_annotated(folder: Folder) -> None:
    text = f'holdout = "none"\n[[tomogram]]\nslices = [17, 3]\n{ONE_MASK}'
    (tomogram,) = folder.read(text).tomograms
    assert tomogram.annotated == tomogram.split.train == (3, 17)
    counts = tomogram.masks["synapse"].foreground_px
    assert [z for z, px in enumerate(counts) if px] == [3, 17]
    assert counts[17] == DRAWN[17].sum()


def test_a_tomograms_own_holdout_overrides(folder: Folder) -> None:
    text = (
        f'holdout = "block"\ngap = 1\n[[tomogram]]\n{ONE_MASK}'
        f"[[tomogram]]\nholdout = {{ test = [0, 1] }}\n{ONE_MASK}"
        f'[[tomogram]]\nholdout = "none"\n{ONE_MASK}'
    )
    splits = [tomogram.split for tomogram in folder.read(text).tomograms]
    assert [split.kind for split in splits] == ["block", "explicit", "none"]
    assert splits[0].validation == (13, 14)
    assert splits[1].test == (0, 1)


def test_a_tomogram_may_lack_a_structure(folder: Folder) -> None:
    text = (
        '[[tomogram]]\nimage = "tomogram.mrc"\nmasks = { golgi = "synapse.mrc" }\n'
        '[[tomogram]]\nimage = "tomogram.mrc"\n[tomogram.masks]\nsynapse = "synapse.mrc"\n'
        'golgi = { file = "labels.mrc", value = 1 }\n'
    )
    dataset = folder.read(text)
    assert dataset.structures == ("golgi", "synapse")
    assert [list(tomogram.masks) for tomogram in dataset.tomograms] == [
        ["golgi"],
        ["synapse", "golgi"],
    ]


def test_paths_are_relative_to_the_dataset_and_may_climb_or_be_absolute(folder: Folder) -> None:
    text = (
        '[[tomogram]]\nimage = "../tomogram.mrc"\n'
        f"masks = {{ synapse = '{folder.path / 'synapse.mrc'}' }}\n"
    )
    assert folder.read(text, inner="inner").structures == ("synapse",)


def test_a_byte_order_mark_is_no_fault(folder: Folder) -> None:
    path = folder.path / "dataset.toml"
    path.write_text(f"[[tomogram]]\n{ONE_MASK}", encoding="utf-8-sig")
    assert read_dataset(str(path)).structures == ("synapse",)
