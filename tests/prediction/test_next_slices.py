"""Which slice is annotated next, by models whose scores are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from echo import Echo
from listening import Heard
from seget import files
from seget.dataset import Dataset, read_dataset
from seget.errors import InputError
from seget.prediction import Options, next_slices
from seget.recipes import modern
from seget.trained import Trained
from seget.volume import Volume

EDGE = 64
ONE_VIEW = Options(views=1)
BOARD = np.add.outer(np.arange(EDGE), np.arange(EDGE)) % 2 == 0
EVEN = [10] * 9


def entropy_bits(share: float) -> float:
    return -share * math.log2(share) - (1 - share) * math.log2(1 - share)


def stack(levels: Sequence[int]) -> Volume:
    """Chequered slices of `level` and 127 - `level`: on both a network that echoes is as unsure."""
    data = [np.where(BOARD, level, 127 - level) for level in levels]
    return Volume(np.array(data, np.uint8), (2.0, 2.0, 2.0))


def model(network: Echo, *structures: str) -> Trained:
    names = structures or ("echo",)
    return Trained(network, names, modern(), dict.fromkeys(names, 0.5))


class Both(Echo):
    """Gives both of its structures the same score."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image).repeat(1, 2, 1, 1)


class Shifted(Echo):
    """Answers a column off, so that its views agree where columns are all the same."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image).roll(1, dims=3)


def dataset(folder: Path, *tomograms: tuple[Volume, dict[str, list[int]]]) -> Dataset:
    text = 'holdout = "none"\n'
    for number, (image, drawn) in enumerate(tomograms):
        files.write(folder / f"cell{number}.mrc", image)
        mask = np.zeros(image.shape, np.uint8)
        mask[:, 8:20, 8:20] = 1
        files.write(folder / f"mask{number}.mrc", Volume(mask, image.voxel_size_nm))
        text += f'[[tomogram]]\nimage = "cell{number}.mrc"\n[tomogram.masks]\n'
        for structure, slices in drawn.items():
            text += f'{structure} = {{ file = "mask{number}.mrc", slices = {slices} }}\n'
    (folder / "dataset.toml").write_text(text)
    return read_dataset(folder / "dataset.toml")


def test_the_least_certain_slice_wins(tmp_path: Path) -> None:
    volume = stack([10, 10, 10, 10, 10, 10, 63, 10, 10])
    heard = Heard()
    data = dataset(tmp_path, (volume, {"echo": [0, 4, 8]}))
    (best,) = next_slices(data, [model(Echo(volume))], listener=heard)
    assert (best.tomogram, best.z) == ("cell0", 6)
    assert best.reason == "least certain of echo, 2 slices from any drawn one"
    found = best.structures["echo"]
    assert found.uncertainty == pytest.approx(entropy_bits(63 / 127), abs=1e-4)
    mean = (5 * entropy_bits(10 / 127) + entropy_bits(63 / 127)) / 6
    assert found.uncertainty_ratio == pytest.approx(found.uncertainty / mean, abs=1e-3)
    assert (found.disagreement, found.disagreement_ratio, found.distance_slices) == (0, 1, 2)
    assert heard.counts[-1] == (6, 6)


def test_of_equal_slices_that_wins_which_is_near_most_that_is_far(tmp_path: Path) -> None:
    """Each is chosen as if those before were drawn: distances 0 to 8 sum to 36, with 5 to 12."""
    volume = stack(EVEN)
    data = dataset(tmp_path, (volume, {"echo": [0]}))
    best = next_slices(data, [model(Echo(volume))], 3, options=ONE_VIEW)
    assert [one.z for one in best] == [5, 7, 3]
    assert best[0].value == pytest.approx(1 - 12 / 36)
    assert best[0].reason == "about as certain as elsewhere, 5 slices from any drawn one"
    assert best[2].reason.endswith("2 slices from any drawn or chosen one")


def test_only_the_slices_that_are_named_are_to_be_covered(tmp_path: Path) -> None:
    volume = stack(EVEN)
    data = dataset(tmp_path, (volume, {"echo": [2]}))
    everywhere = next_slices(data, [model(Echo(volume))], options=ONE_VIEW)
    named = next_slices(data, [model(Echo(volume))], slices=[0, 1, 3, 4], options=ONE_VIEW)
    assert everywhere[0].z == 6
    assert named[0].z in (0, 4)
    assert named[0].value == pytest.approx(1 / 3)  # 2 of the distances 2, 1, 1, 2


def test_a_model_that_is_always_certain_leaves_the_distance(tmp_path: Path) -> None:
    volume = stack([0] * 9)
    data = dataset(tmp_path, (volume, {"echo": [4]}))
    best = next_slices(data, [model(Echo(volume))], 2)
    assert [one.z for one in best] == [1, 7]
    assert best[0].structures["echo"].uncertainty == 0


@pytest.mark.parametrize("drawn", [[0], [2, 3, 7]])
def test_annotated_slices_are_never_proposed(tmp_path: Path, drawn: list[int]) -> None:
    volume = stack([10, 10, 63, 63, 10, 10, 10, 63, 10])
    heard = Heard()
    data = dataset(tmp_path, (volume, {"echo": drawn}))
    best = next_slices(data, [model(Echo(volume))], 20, options=ONE_VIEW, listener=heard)
    assert sorted(one.z for one in best) == [z for z in range(9) if z not in drawn]
    assert f"20 slices are asked for, {9 - len(drawn)} are left" in heard.notes[-1]


def test_slices_that_hold_nothing_are_never_proposed(tmp_path: Path) -> None:
    volume = stack(EVEN)
    volume.data[7:] = 0
    data = dataset(tmp_path, (volume, {"echo": [0]}))
    best = next_slices(data, [model(Echo(volume))], 9, options=ONE_VIEW)
    assert max(one.z for one in best) == 6


def test_padding_counts_for_nothing(tmp_path: Path) -> None:
    volume = stack(EVEN)
    volume.data[5, :, :32] = 0
    data = dataset(tmp_path, (volume, {"echo": [0]}))
    best = next_slices(data, [model(Echo(volume))], 9, options=ONE_VIEW)
    framed = next(one for one in best if one.z == 5).structures["echo"]
    assert framed.uncertainty == pytest.approx(entropy_bits(10 / 127), abs=1e-3)


def test_views_that_disagree_win(tmp_path: Path) -> None:
    """Mirrored in x, shifted stripes of columns change places; stripes of rows stay.

    Padding of the slice to a multiple of pixels changes a column or two of 64.
    """
    columns = np.where(np.arange(EDGE) % 4 < 2, 20, 107) * np.ones((EDGE, 1), int)
    planes = [columns.T] * 3 + [columns] + [columns.T] * 3
    volume = Volume(np.array(planes, np.uint8), (2.0, 2.0, 2.0))
    data = dataset(tmp_path, (volume, {"echo": [0, 6]}))
    shifted = model(Shifted(volume))
    (best,) = next_slices(data, [shifted])
    assert best.z == 3
    assert best.structures["echo"].disagreement == pytest.approx(87 / 127, rel=0.03)
    assert best.structures["echo"].uncertainty == pytest.approx(1, rel=0.03)
    everything = {one.z: one for one in next_slices(data, [shifted], 9)}
    assert everything[2].structures["echo"].disagreement == 0
    assert "mirrored views disagree on echo" in everything[3].reason
    # Turned by a right angle rows become columns.
    turned = {one.z: one for one in next_slices(data, [shifted], 9, options=Options(views=8))}
    assert turned[2].structures["echo"].disagreement == pytest.approx(87 / 127, rel=0.03)
    one_view = next_slices(data, [shifted], options=ONE_VIEW)
    assert one_view[0].structures["echo"].disagreement == 0


def test_each_structure_has_its_own_slices_and_models_may_be_joint(tmp_path: Path) -> None:
    volume = stack(EVEN)
    data = dataset(tmp_path, (volume, {"er": [0, 1], "golgi": [0, 8]}))
    joint = [model(Both(volume), "golgi", "er")]
    alone = [model(Echo(volume), "er"), model(Echo(volume), "golgi")]
    best = next_slices(data, joint, 9, options=ONE_VIEW)
    # Of er's distances, 28 in sum, 5 leaves 10, and 8 of golgi's 16.
    assert [one.z for one in best][:1] == [5]
    assert best[0].value == pytest.approx((18 / 28 + 8 / 16) / 2)
    assert best[0].reason == (
        "about as certain as elsewhere, 4 slices from any drawn one of er, "
        "3 slices from any drawn one of golgi"
    )
    left = {one.z: tuple(one.structures) for one in best}
    assert 0 not in left
    assert (left[1], left[8], left[4]) == (("golgi",), ("er",), ("er", "golgi"))
    assert "to draw there: only er" in next(one for one in best if one.z == 8).reason
    assert next_slices(data, alone, 9, options=ONE_VIEW) == best
    only = next_slices(data, joint, 9, structures=["er"], options=ONE_VIEW)
    assert sorted(one.z for one in only) == [2, 3, 4, 5, 6, 7, 8]


def test_several_tomograms(tmp_path: Path) -> None:
    first, second = stack([10] * 8 + [63]), stack([10] * 3 + [63] + [10] * 5)
    data = dataset(tmp_path, (first, {"echo": [4, 8]}), (second, {"echo": [0, 6], "golgi": [1]}))
    models = [model(Both(first), "golgi", "echo")]
    best = next_slices(data, models, 2, structures=["echo"])
    assert [(one.tomogram, one.z) for one in best] == [("cell1", 3), ("cell0", 1)]
    # Nobody drew golgi in the first one.
    (golgi,) = next_slices(data, models, structures=["golgi"], slices=[4])
    assert golgi.tomogram == "cell0"
    assert "golgi is drawn on no slice of this tomogram" in golgi.reason


def test_of_many_slices_some_are_looked_at(tmp_path: Path) -> None:
    volume = stack([10] * 201)
    volume = replace(volume, data=volume.data[:, :32, :32])
    heard = Heard()
    data = dataset(tmp_path, (volume, {"echo": [0]}))
    (best,) = next_slices(data, [model(Echo(volume))], options=ONE_VIEW, listener=heard)
    assert best.z == 134
    assert heard.counts[-1] == (100, 100)
    assert "one in 2 is looked at" in " ".join(heard.notes)
    (best,) = next_slices(data, [model(Echo(volume))], slices=range(40, 50), options=ONE_VIEW)
    assert best.z == 45


def test_what_is_inverted_in_the_dataset_is_read_so(tmp_path: Path) -> None:
    plane = np.full((EDGE, EDGE), 20, np.uint8)
    plane[::2, ::2] = 60
    volume = Volume(np.stack([plane] * 3), (2.0, 2.0, 2.0))
    data = dataset(tmp_path, (volume, {"echo": [0]}))

    def uncertainty(data: Dataset) -> float:
        (best,) = next_slices(data, [model(Echo(volume))], options=ONE_VIEW)
        return best.structures["echo"].uncertainty

    as_it_is = (3 * entropy_bits(20 / 127) + entropy_bits(60 / 127)) / 4
    assert uncertainty(data) == pytest.approx(as_it_is, abs=0.01)
    text = data.path.read_text().replace("[tomogram.masks]", "invert = true\n[tomogram.masks]")
    data.path.write_text(text)
    # About the mean of 30, 20 and 60 become 40 and 0.
    turned = 3 * entropy_bits(40 / 127) / 4
    assert uncertainty(read_dataset(data.path)) == pytest.approx(turned, abs=0.01)


@pytest.mark.parametrize(
    ("drawn", "scored", "asked", "words"),
    [
        (list(range(9)), ("echo",), {}, "every slice is annotated, and none is left"),
        ([3], ("echo",), {"slices": [3]}, "every slice that --slices names is annotated"),
        ([3], ("golgi",), {}, "one of the models scores golgi, the masks here are of echo"),
        ([3], (), {}, "none of the models scores echo; name a model of it too"),
        ([3], ("echo",), {"structures": ["er"]}, "there is no mask of er"),
        ([3], ("echo",), {"slices": [4, 9]}, "the slices are 0 to 8"),
        ([3], ("echo",), {"number": 0}, "wanted at least 1"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path,
    drawn: list[int],
    scored: tuple[str, ...],
    asked: dict[str, object],
    words: str,
) -> None:
    volume = stack(EVEN)
    data = dataset(tmp_path, (volume, {"echo": drawn}))
    models = [model(Echo(volume), *scored)] if scored else []
    with pytest.raises(InputError, match=words) as raised:
        next_slices(data, models, **asked)
    assert str(raised.value).endswith(".")


def test_a_structure_without_a_model_and_two_models_of_one(tmp_path: Path) -> None:
    volume = stack(EVEN)
    data = dataset(tmp_path, (volume, {"er": [0], "golgi": [0]}))
    er = model(Echo(volume), "er")
    with pytest.raises(InputError, match=r"none of the models scores golgi; .* or give -s er"):
        next_slices(data, [er])
    with pytest.raises(InputError, match="two of the models score er beside"):
        next_slices(data, [er, model(Echo(volume), "er", "golgi")], structures=["er"])
