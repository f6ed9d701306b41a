"""What a person sees of something long: bars on a terminal, lines in a log file."""

from __future__ import annotations

import sys

import pytest

from seget.cli.progress import bar
from seget.errors import InputError


def test_a_log_file_gets_the_end_and_the_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("predict cell") as listener:
        for done in range(4):
            listener.progress(done, 3)
        listener.note("cell: going on [with 50 px]")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["predict cell: 3 of 3", "cell: going on [with 50 px]"]


def test_parts_and_epochs_have_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("compare") as listener, listener.part("table") as table:
        with table.part("seget/golgi/seed0") as cell:
            cell.step(0.5, 0.25)
            cell.epoch({"epoch": 1.0, "loss": 0.25, "miou": 0.75, "elapsed_s": 60.0})
        table.progress(1, 1)
    assert capsys.readouterr().err.splitlines() == [
        "seget/golgi/seed0: epoch 1  loss 0.2500  validation mIOU 0.7500  1.0 min",
        "table: 1 of 1",
    ]


def test_without_tensorboardx_it_says_what_to_install(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(InputError, match="pip install tensorboardX"), bar("x", tmp_path, True):
        pass
