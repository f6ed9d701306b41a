"""What a shell is told that asks how a word goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "wanted"), [("seget seg", "segment"), ("seget train --max-m", "--max-minutes")]
)
def test_bash_is_told_verbs_and_options(words: str, wanted: str) -> None:
    asked = {
        "_SEGET_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    script = "import sys; sys.argv = ['seget']; from seget.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [wanted]
