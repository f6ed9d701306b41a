"""Several processes of one training speak with one voice."""

from __future__ import annotations

import sys

import pytest

from seget.cli.processes import silent
from seget.errors import InputError, RunError


def test_only_the_first_process_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    for wanted in (False, True):
        with silent(wanted):
            sys.stderr.write("said\n")
    assert capsys.readouterr().err == "said\n"


def test_a_wrong_input_is_said_by_the_first_alone_what_went_wrong_in_a_run_by_each() -> None:
    with pytest.raises(SystemExit) as left, silent(True):
        raise InputError("wrong")
    assert left.value.code == 2
    with pytest.raises(InputError), silent(False):
        raise InputError("wrong")
    with pytest.raises(RunError), silent(True):
        raise RunError("failed")


def test_masks_are_for_one_process(seget, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, said = seget(
        "train", "tomogram.mrc", "--mask", "a=a.mrc", "-o", "run", "--devices", "2"
    )
    assert code == 2
    assert "--mask: one process writes the dataset.toml" in said
