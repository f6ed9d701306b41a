from __future__ import annotations

import pickle

import pytest

from seget.errors import FormatError, InputError, RunError, printable


@pytest.mark.parametrize("kind", [InputError, FormatError, RunError])
def test_a_message_is_one_line_that_commands_no_terminal(kind: type[Exception]) -> None:
    said = str(kind("\x1b[2Ja\nb\u202ecrm\ud800.mrc: has no voxel\u2028; give one."))
    assert said == r"\x1b[2Ja\nb\u202ecrm\ud800.mrc: has no voxel\u2028; give one."
    said.encode()


def test_letters_of_all_languages_stay_as_they_are() -> None:
    for name in ("é ß 細胞 🧫.mrc", r"C:\data\cell.mrc", "a b"):
        assert printable(name) == name


def test_what_is_without_end_is_cut_in_its_middle() -> None:
    said = printable("begin" + "x" * 10**7 + "end")
    assert len(said) < 10_000
    assert said.startswith("begin")
    assert said.endswith("end")


def test_an_error_from_another_process_is_the_same() -> None:
    error = pickle.loads(pickle.dumps(InputError("a\nb")))
    assert (type(error), str(error)) == (InputError, r"a\nb")
