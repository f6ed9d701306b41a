"""Commands in processes of their own are understood; those that cannot work are refused."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.cli.progress import JsonLines, say
from seget.dataset import read_dataset
from seget.errors import InputError
from seget.viewer.session import Session, commands, open_session, predictions, runs
from seget.viewer.session.jobs import Job, Progress
from seget.viewer.session.runs import Model
from seget.volume import Volume

SHAPE = (6, 9, 7)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    grey = np.random.default_rng(3).integers(0, 256, SHAPE).astype(np.uint8)
    files.write(tmp_path / "cell.mrc", Volume(grey, (3.0, 2.0, 2.0)))
    return open_session(tmp_path / "cell.mrc")


def _draw(session: Session, z: int, value: int, complete: bool = True) -> None:
    session.drawing.labels[z, 2:5, 2 + value] = value
    session.take_strokes([z])
    session.set_complete(z, value, complete)


def test_a_program_reads_what_a_training_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEGET_PROGRESS", "json")
    told, heard = JsonLines(), Progress()
    told.note("golgi: begins")
    say("a sentence")
    told.step(0.25, 0.5)
    told.step(0.26, 0.5)  # too soon
    told.epoch({"epoch": 1.0, "loss": 0.4, "miou": float("nan")})
    told.progress(3, 6)
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if "share" in line]) == 1
    for line in lines:
        heard.hear(line)
    assert heard.text == "a sentence"
    assert heard.losses == [(0.25, 0.5)]
    assert heard.epochs == [{"epoch": 1.0, "loss": 0.4, "miou": None}]
    heard.hear("seget: cell.mrc: there is no such file; check the name.")
    assert heard.error == "cell.mrc: there is no such file; check the name."


def test_a_long_training_keeps_a_short_curve() -> None:
    heard = Progress()
    for step in range(5000):
        heard.hear(json.dumps({"share": step / 5000, "loss": 1 - step / 5000}))
    assert len(heard.losses) <= 400
    assert heard.losses[0][0] == 0
    assert heard.losses[-1][0] == pytest.approx(1, abs=0.01)


def test_a_job_is_followed_and_found_again(tmp_path: Path) -> None:
    job = Job(tmp_path / "job")
    job.begin(["info", str(tmp_path / "missing.mrc")])
    again = Job(tmp_path / "job")
    end = time.monotonic() + 60
    while job.is_running and time.monotonic() < end:
        time.sleep(0.05)
    assert not again.is_running
    for one in (job, again):
        assert "there is no such file" in one.poll().error
    assert again.said["command"] == f"seget info {tmp_path / 'missing.mrc'}"


def test_what_cannot_be_trained_is_refused(session: Session) -> None:
    golgi = session.add("golgi").value
    session.add("er")
    with pytest.raises(InputError, match="golgi: is drawn on no slice; paint it"):
        runs.train(session, ["golgi"], 1.0, runs.GENERAL)
    _draw(session, 2, golgi, complete=False)
    with pytest.raises(InputError, match="golgi: nothing says what it is not; paint all"):
        runs.train(session, ["golgi"], 1.0, runs.GENERAL)
    with pytest.raises(InputError, match="no structure is chosen"):
        runs.train(session, [], 1.0, runs.GENERAL)
    assert not (session.folder / runs.RUNS).exists()


def test_a_run_learns_from_a_copy(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[list[str]] = []

    def begin(self: Job, arguments: list[str], **more: object) -> None:
        begun.append(list(arguments))
        (self.folder / "progress.jsonl").touch()
        files.write_json(self.folder / "job.json", {"pid": 0, "created": 0, **more})

    monkeypatch.setattr(Job, "begin", begin)
    golgi, er = session.add("golgi").value, session.add("er").value
    _draw(session, 2, golgi)
    _draw(session, 3, er)
    job = runs.train(session, ["golgi", "er"], 2.0, runs.GENERAL)
    before = read_dataset(job.folder / "dataset.toml")
    assert before.structures == ("golgi", "er")
    assert before.tomograms[0].image.shape == SHAPE
    kept = before.tomograms[0].masks["golgi"].sha256([2])

    assert runs.train(session, ["golgi", "er"], 2.0, runs.GENERAL).folder == job.folder
    assert begun[1] == [*begun[0], "--resume"], "the same again goes on"

    session.drawing.labels[2, :5] = golgi
    session.take_strokes([2])
    other = runs.train(session, ["golgi", "er"], 2.0, runs.GENERAL)
    assert other.folder != job.folder
    again = read_dataset(job.folder / "dataset.toml")
    assert again.tomograms[0].masks["golgi"].sha256([2]) == kept
    drawn = read_dataset(other.folder / "dataset.toml").tomograms[0].masks["golgi"].slice(2)
    assert np.array_equal(drawn, session.drawing.labels[2] == golgi)


def test_commands_are_those_of_the_command_line(session: Session, tmp_path: Path) -> None:
    import typer

    from seget.cli import app

    group = typer.main.get_command(app)
    model = Model(tmp_path / "runs 1", ("golgi",), {"golgi": 0.5}, "")
    golgi = session.add("golgi").value
    _draw(session, 2, golgi)
    session.save()
    lines = [
        commands.train(session.dataset, tmp_path / "out", ["golgi", "er"], 2.5, "scratch"),
        commands.train(session.dataset, tmp_path / "out", ["golgi"], 2, None),
        predictions.segment_command(session, model, tmp_path / "out"),
        predictions.next_command(session, model),
        commands.measure(tmp_path / "cell.mrc", tmp_path / "out"),
    ]
    for arguments in lines:
        verb, *rest = shlex.split(commands.shell(arguments))[1:]
        command = group.commands[verb]  # type: ignore[attr-defined]
        assert command.make_context(verb, rest).params


def test_few_slices_are_looked_at_of_a_large_tomogram(session: Session) -> None:
    model = Model(session.folder, ("golgi",), {"golgi": 0.5}, "")
    golgi = session.add("golgi").value
    _draw(session, 2, golgi)
    assert predictions.candidates(session, model) == [0, 1, 3, 4, 5]


def test_scores_become_the_labels_of_the_session(session: Session) -> None:
    session.add("golgi")
    er = session.add("er").value
    scores = {name: np.zeros(SHAPE[1:], np.uint8) for name in ("er", "ribosomes")}
    scores["er"][2, 3] = 100
    scores["ribosomes"][:] = 127
    labels = predictions.labels_of(session, scores, {"er": 0.5, "ribosomes": 0.5})
    assert labels[2, 3] == er
    assert (labels > 0).sum() == 1
