"""Every rule against a loop over voxels, and slabs of one slice against the whole."""

from __future__ import annotations

import gc
import weakref
from collections import deque
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seget.errors import InputError
from seget.fusion import NO_RULES, Fusion, Rules, StructureRules, fuse

NAMES = ("a", "b", "c")
SIZE_NM = (12.0, 5.0, 4.0)
# Noise, dense or sparse, so that there are objects of all sizes, holes, ties and conflicts.
maps = st.builds(
    lambda seed, share: np.where(
        (rng := np.random.default_rng(seed)).random((3, 4, 5, 6)) < share,
        rng.choice([50, 60, 64, 100, 127], (3, 4, 5, 6)),
        0,
    ).astype(np.uint8),
    st.integers(0, 10**6),
    st.sampled_from([0.15, 0.3, 0.5, 0.9]),
)
LIMITS = {"a": 0.5, "b": 0.45, "c": 0.6}

of_one = st.builds(
    StructureRules,
    prior=st.sampled_from([1.0, 1.0, 0.3, 4.0]),
    clear_nm=st.sampled_from([None, None, 4.0, 9.0, 13.0, 20.0]),
    not_inside=st.sampled_from([(), ("a",), ("b", "c")]),
    smallest_nm3=st.sampled_from([0.0, 500.0, 1000.0]),
    fewest_slices=st.sampled_from([1, 2, 3]),
    fill_holes=st.booleans(),
)
rule_sets = st.builds(
    Rules,
    priority=st.sampled_from([(), ("a over b", "c over b"), ("c over a", "a over b")]),
    structure=st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, of_one)),
)
often = settings(max_examples=200)  # each takes milliseconds


def fusion(scores: np.ndarray, rules: Rules, slab_voxels: int = 10**6) -> Fusion:
    def read(z: int) -> dict[str, np.ndarray]:
        return {name: scores[i, z] for i, name in enumerate(NAMES)}

    return Fusion(read, NAMES, scores.shape[1:], LIMITS, rules, SIZE_NM, slab_voxels)


def labels_of(one: Fusion) -> np.ndarray:
    return np.stack([one.slice(z) for z in range(one.shape[0])])


def by_loops(scores: np.ndarray, rules: Rules) -> np.ndarray:
    """The same labels by loops over voxels and flood fills."""
    labels = np.zeros(scores.shape[1:], int)
    for voxel in np.ndindex(labels.shape):
        labels[voxel] = decided(scores[(slice(None), *voxel)], rules)
    labels = cleared(labels, rules)
    labels = judged(labels, rules)
    return filled(labels, rules)


def decided(values: np.ndarray, rules: Rules) -> int:
    score = {}
    for name, value in zip(NAMES, values.tolist(), strict=True):
        factor = rules.of(name).prior
        p = value / 127
        score[name] = round(127 * factor * p / (factor * p + 1 - p)) if factor != 1 else value
    claims = [name for name in NAMES if score[name] > LIMITS[name] * 127]
    left = [n for n in claims if not any(b == n and a in claims for a, b in rules.pairs)]
    best = max(left, key=lambda name: score[name], default=None)
    return NAMES.index(best) + 1 if best else 0


def cleared(labels: np.ndarray, rules: Rules) -> np.ndarray:
    result = labels.copy()
    for own, name in enumerate(NAMES, start=1):
        nm = rules.of(name).clear_nm
        places = np.argwhere(labels == own) * SIZE_NM
        if nm is None or not len(places):
            continue
        for voxel in np.ndindex(labels.shape):
            apart = np.linalg.norm(places - np.array(voxel) * SIZE_NM, axis=1).min()
            if labels[voxel] not in (0, own) and apart <= nm + 1e-6:
                result[voxel] = 0
    return result


def flood(labels: np.ndarray, value: int, *, corners: bool) -> Iterator[list[tuple[int, ...]]]:
    """Yield the voxels of each object of a value."""
    steps = [s for s in product((-1, 0, 1), repeat=3) if any(s)]
    steps = steps if corners else [s for s in steps if sum(map(abs, s)) == 1]
    left = {tuple(v) for v in np.argwhere(labels == value).tolist()}
    while left:
        queue, found = deque([left.pop()]), []
        while queue:
            voxel = queue.popleft()
            found.append(voxel)
            for step in steps:
                near = tuple(a + b for a, b in zip(voxel, step, strict=True))
                if near in left:
                    left.remove(near)
                    queue.append(near)
        yield found


def faces(labels: np.ndarray, body: list[tuple[int, ...]]) -> list[int]:
    """What lies behind each face of a body; -1 beyond the border."""
    own, behind = set(body), []
    for voxel in body:
        for axis, step in product(range(3), (-1, 1)):
            near = list(voxel)
            near[axis] += step
            if tuple(near) in own:
                continue
            is_in = 0 <= near[axis] < labels.shape[axis]
            behind.append(int(labels[tuple(near)]) if is_in else -1)
    return behind


def judged(labels: np.ndarray, rules: Rules) -> np.ndarray:
    result = labels.copy()
    for own, name in enumerate(NAMES, start=1):
        rule = rules.of(name)
        for body in flood(labels, own, corners=True):
            behind = faces(labels, body)
            others = [NAMES.index(n) + 1 for n in rule.not_inside]
            inside = [n for n in others if n != own and 2 * behind.count(n) > len(behind)]
            slices = len({voxel[0] for voxel in body})
            new = own
            if inside:
                new = inside[0]
            elif len(body) * np.prod(SIZE_NM) < rule.smallest_nm3 or slices < rule.fewest_slices:
                new = 0
            for voxel in body:
                result[voxel] = new
    return result


def filled(labels: np.ndarray, rules: Rules) -> np.ndarray:
    result = labels.copy()
    for body in flood(labels, 0, corners=False):
        behind = set(faces(labels, body))
        if len(behind) == 1 and (own := behind.pop()) > 0 and rules.of(NAMES[own - 1]).fill_holes:
            for voxel in body:
                result[voxel] = own
    return result


@often
@given(maps, rule_sets)
def test_rules_do_what_loops_over_voxels_do(scores: np.ndarray, rules: Rules) -> None:
    np.testing.assert_array_equal(labels_of(fusion(scores, rules)), by_loops(scores, rules))


@often
@given(maps, rule_sets, st.permutations(range(3)))
def test_slabs_in_any_order_give_what_the_whole_gives(
    scores: np.ndarray, rules: Rules, order: list[int]
) -> None:
    whole, parts = fusion(scores, rules), fusion(scores, rules, slab_voxels=1)
    expected = labels_of(whole)
    for z in order:
        np.testing.assert_array_equal(parts.slice(z), expected[z])
    assert sorted(parts.table()) == sorted(whole.table())


@given(maps)
def test_without_rules_it_is_the_paper_s(scores: np.ndarray) -> None:
    plain = fuse({name: scores[i] for i, name in enumerate(NAMES)}, LIMITS)
    np.testing.assert_array_equal(labels_of(fusion(scores, NO_RULES)), plain)


def test_a_shell_is_filled_and_a_granule_in_a_mitochondrion_is_none() -> None:
    scores = np.zeros((3, 7, 7, 7), np.uint8)
    scores[0, 1:6, 1:6, 1:6] = 127
    scores[0, 3, 3, 3] = 0
    hollow = fusion(scores, Rules(structure={"a": StructureRules(fill_holes=True)}))
    assert labels_of(hollow).sum() == 125
    assert hollow.table()[0]._asdict() == {
        "structure": "",
        "other": "a",
        "voxels": 1,
        "objects": 1,
        "decided_by": "fill_holes",
    }
    scores[1, 3, 3, 3] = 127
    inside = fusion(scores, Rules(structure={"b": StructureRules(not_inside=("a",))}))
    assert (labels_of(inside) == 2).sum() == 0
    assert labels_of(inside).sum() == 125


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('priority = ["a over"]', "wanted .NAME over NAME."),
        ('priority = ["a over b", "b over c", "c over a"]', "in a circle .a over b over c over a"),
        ("[structure.a]\nprio = 2", "the key structure.a.prio is unknown, known here are prior"),
        ("[structure.a]\nprior = 0", "structure.a.prior: Input should be greater than 0"),
        ("prior = 2", "known here are priority, structure"),
        ("a over b", "not TOML"),
    ],
)
def test_wrong_rules_are_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        Rules.read(path)


def test_rules_that_cannot_be_kept_are_refused() -> None:
    scores = np.zeros((3, 2, 2, 2), np.uint8)
    with pytest.raises(InputError, match="the rules name golgi, and there are scores of a, b, c"):
        fusion(scores, Rules(structure={"golgi": StructureRules()}))
    one = Rules(structure={"a": StructureRules(clear_nm=20)})
    with pytest.raises(InputError, match="voxel size of the score maps is unknown"):
        Fusion(lambda z: {}, NAMES, (2, 2, 2), LIMITS, one, None)


def test_what_is_read_is_let_go_with_the_fusion() -> None:
    class Source:
        """Stands for open files."""

        def __call__(self, z: int) -> dict[str, np.ndarray]:
            return {name: np.full((4, 5), 100, np.uint8) for name in NAMES}

    source = Source()
    rules = Rules.model_validate(
        {"structure": {"a": {"clear_nm": 9, "smallest_nm3": 1, "fill_holes": True}}}
    )
    one = Fusion(source, NAMES, (3, 4, 5), LIMITS, rules, SIZE_NM)
    one.slice(1)
    one.table()
    left = weakref.ref(source)
    gc.disable()
    try:
        del source, one
        assert left() is None
    finally:
        gc.enable()
