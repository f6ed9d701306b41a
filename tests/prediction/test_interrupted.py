"""Prediction that is stopped anywhere, and the same command again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from listening import Heard
from seget import files
from seget.errors import InputError, RunError
from seget.prediction import Options, predict_files, segment_files
from seget.results import find_score_maps, fuse_files
from seget.trained import Trained
from seget.volume import Volume


class Kill(BaseException):
    """What ends a run; nothing catches it."""


@contextmanager
def killed_at(function: str) -> Iterator[None]:
    """Run until the function of that name is called, and be killed there."""

    def kill(*_: object) -> None:
        raise Kill

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Kill):
        patch.setattr(function, kill)
        yield


def stopping(trained: Trained, after: int, act: Callable[[], None] | None = None) -> Trained:
    """Return the model with a network that is killed, or acts, at its `after`-th slice."""

    class Stopping(type(trained.network)):  # type: ignore[misc]
        calls = 0

        def forward(self, image: Tensor) -> Tensor:
            Stopping.calls += 1
            if Stopping.calls == after:
                if act is None:
                    raise Kill
                act()
            return super().forward(image)

    network = Stopping.__new__(Stopping)
    network.__dict__ = dict(trained.network.__dict__)
    return replace(trained, network=network)


@pytest.fixture
def tomogram(ramp: Volume, tmp_path: Path) -> Volume:
    files.write(tmp_path / "ramp.mrc", ramp)
    return files.read(tmp_path / "ramp.mrc")


@pytest.mark.parametrize("format", ["mrc", "zarr"])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_killed_run_goes_on(
    tomogram: Volume, echo: Trained, tmp_path: Path, format: str, after: int
) -> None:
    out = tmp_path / "out"
    heard = Heard()
    with pytest.raises(Kill):
        predict_files(tomogram, [stopping(echo, after)], out, Options(format=format))
    assert not list(out.glob("ramp*"))
    counting = stopping(echo, 99)
    (path,) = predict_files(tomogram, [counting], out, Options(format=format), heard)
    np.testing.assert_array_equal(np.asarray(files.read(path).data), np.asarray(tomogram.data))
    done = after - 1 if format == "mrc" else 0  # OME-Zarr stores eight slices at a time
    assert type(counting.network).calls == 3 - done
    assert heard.counts == [(number, 3) for number in range(done, 4)]
    assert any("going on" in words for words in heard.notes) == (done > 0)
    assert sorted(p.name for p in out.iterdir()) == ["ramp__echo.json", f"ramp__echo.{format}"]


def test_another_model_says_so_and_starts_anew(
    tomogram: Volume, echo: Trained, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(Kill):
        predict_files(tomogram, [stopping(echo, 3)], out)
    heard = Heard()
    other = stopping(replace(echo, weights_sha256="other"), 99)
    predict_files(tomogram, [other], out, listener=heard)
    assert type(other.network).calls == 3
    assert any("starting anew" in words for words in heard.notes)


def test_an_input_that_was_written_again_starts_anew(
    tomogram: Volume, echo: Trained, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(Kill):
        predict_files(tomogram, [stopping(echo, 3)], out)
    assert tomogram.path is not None
    files.write(tomogram.path, replace(tomogram, data=np.asarray(tomogram.data)))
    again = stopping(echo, 99)
    predict_files(files.read(tomogram.path), [again], out)
    assert type(again.network).calls == 3


@pytest.mark.parametrize("missing", ["json", "journal and json"])
def test_a_kill_between_a_map_and_its_json(
    tomogram: Volume, echo: Trained, tmp_path: Path, missing: str
) -> None:
    with killed_at("seget.prediction.writing.write_sidecar"):
        predict_files(tomogram, [echo], tmp_path / "out")
    path = tmp_path / "out" / "ramp__echo.mrc"
    assert path.exists()
    if missing == "json":
        again = stopping(echo, 99)
        predict_files(tomogram, [again], tmp_path / "out")
        assert type(again.network).calls == 0
        assert len(find_score_maps(tmp_path / "out")) == 1
    else:  # then nobody can tell whose it is
        files.drop_journal(path)
        with pytest.raises(InputError, match="made by another command"):
            predict_files(tomogram, [echo], tmp_path / "out")


@pytest.mark.parametrize("form", ["mrc", "zarr"])
def test_a_kill_at_the_very_end_leaves_no_journal(
    tomogram: Volume, echo: Trained, tmp_path: Path, form: str
) -> None:
    """Map or labels and what stands beside them are whole; only a journal is still there."""
    out = tmp_path / "out"
    commands = [
        lambda: predict_files(tomogram, [echo], out, Options(format=form)),
        lambda: fuse_files(out, out / "labels.mrc"),
    ]
    for command in commands:
        with killed_at("seget.files.drop_journal"):
            command()
        assert list(out.glob(".*.journal"))
        command()
        assert not list(out.glob(".*.journal"))


def test_a_finished_map_leaves_the_journal_of_the_run_that_replaces_it(
    tomogram: Volume, echo: Trained, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict_files(tomogram, [echo], out)
    with pytest.raises(Kill):
        predict_files(tomogram, [stopping(echo, 3)], out, Options(overwrite=True))
    predict_files(tomogram, [echo], out)  # nothing to do
    again = stopping(echo, 99)
    predict_files(tomogram, [again], out, Options(overwrite=True))
    assert type(again.network).calls == tomogram.shape[0] - 2


def test_a_kill_between_labels_and_their_json(
    tomogram: Volume, echo: Trained, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with killed_at("seget.files.provenance.write"):
        segment_files(tomogram, [echo], out)
    labels = np.asarray(files.read(out / "labels.mrc").data)
    fuse_files(out, out / "labels.mrc")
    np.testing.assert_array_equal(np.asarray(files.read(out / "labels.mrc").data), labels)
    assert json.loads((out / "labels.json").read_text())["1"]["structure"] == "echo"


def test_an_input_that_changes_or_goes_away(
    tomogram: Volume, echo: Trained, tmp_path: Path
) -> None:
    path = tomogram.path
    assert path is not None
    aside = path.with_suffix(".aside")
    out = tmp_path / "out"
    with pytest.raises(RunError, match="cannot be reached any more"):
        predict_files(tomogram, [stopping(echo, 1, lambda: path.rename(aside))], out)
    aside.rename(path)
    again = stopping(echo, 99)
    predict_files(files.read(path), [again], out)
    assert type(again.network).calls in (1, 2)  # the first is kept; the next may be read already

    def touch() -> None:
        path.write_bytes(path.read_bytes() + b"more")

    with pytest.raises(RunError, match="changed while it was being read"):
        predict_files(files.read(path), [stopping(echo, 1, touch)], tmp_path / "other")


def test_what_made_it_stands_beside_it(tomogram: Volume, echo: Trained, tmp_path: Path) -> None:
    out = tmp_path / "out"
    segment_files(tomogram, [echo], out, Options(full_hash=True))
    made_by = files.provenance.read(out / "ramp__echo.mrc")
    assert made_by is not None
    assert made_by["tomogram_sha256"] == tomogram.fingerprint(full=True)
    assert made_by["model_sha256"] == "e"
    assert made_by["engine"] == "torch"  # an echo is no graph
    assert made_by["precision"] in ("float32", "bf16")
    assert {"seget", "torch", "python", "numpy"} <= set(made_by["versions"])
    of_labels = files.provenance.read(out / "labels.mrc")
    assert of_labels is not None
    assert of_labels["maps"]["echo"]["tomogram_sha256"] == made_by["tomogram_sha256"]


def test_a_full_hash_sees_every_voxel(ramp: Volume) -> None:
    data = np.zeros((100, 4, 4), np.uint8)
    volume = replace(ramp, data=data)
    before = volume.fingerprint(), volume.fingerprint(full=True)
    data[1, 2, 2] = 1  # no sampled slice
    assert volume.fingerprint() == before[0]
    assert volume.fingerprint(full=True) != before[1]


def test_a_disk_that_is_too_small_is_said_before_the_work(
    tomogram: Volume, echo: Trained, tmp_path: Path
) -> None:
    counting = stopping(echo, 99)
    with pytest.raises(RunError, match="are to be written there"):
        predict_files(tomogram, [counting], tmp_path / "out", spare_bytes=2**60)
    assert type(counting.network).calls == 0


def test_an_output_may_lie_in_the_folder_of_slices(
    ramp: Volume, echo: Trained, tmp_path: Path
) -> None:
    import tifffile

    for z in range(ramp.shape[0]):
        tifffile.imwrite(tmp_path / f"{z}.tif", ramp.slice(z))
    (path,) = predict_files(files.read(tmp_path), [echo], tmp_path / "out")
    np.testing.assert_array_equal(np.asarray(files.read(path).data), ramp.data)
    assert predict_files(files.read(tmp_path), [echo], tmp_path)
