"""What `seget view` opens, and what it says where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.errors import InputError
from seget.viewer.launch import prepared
from seget.viewer.session import Session, open_session
from seget.volume import Volume


def test_what_is_drawn_on_and_what_is_only_shown(small_dataset: Path, tmp_path: Path) -> None:
    tomogram = files.read(small_dataset.with_name("tomogram.mrc"))
    files.write(tmp_path / "cell.mrc", tomogram)
    files.write(tmp_path / "cell__er.mrc", tomogram.on_same_grid(tomogram.data, "er"))
    files.write_json(tmp_path / "cell__er.json", {"structure": "er", "scale": 127})
    assert isinstance(prepared(tmp_path / "cell.mrc"), Session)
    (heat,) = prepared(tmp_path / "cell__er.mrc")
    assert heat[1]["name"] == "score of er"
    (mask,) = prepared(small_dataset.with_name("discs.mrc"))
    assert mask[2] == "labels"
    folder = prepared(tmp_path)
    assert isinstance(folder, list)
    assert [layer[1]["name"] for layer in folder] == ["cell", "score of er"]


def test_one_of_several_tomograms_is_chosen(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (3, 20, 20)).astype(np.uint8)
    text = ""
    for name in ("a", "b"):
        files.write(tmp_path / f"{name}.mrc", Volume(grey))
        files.write(tmp_path / f"{name}_golgi.mrc", Volume((grey > 200).astype(np.uint8)))
        text += f'[[tomogram]]\nimage = "{name}.mrc"\nmasks = {{ golgi = "{name}_golgi.mrc" }}\n'
    (tmp_path / "two.toml").write_text(text)
    with pytest.raises(InputError, match=r"names 2 tomograms .* give --tomogram, one of a, b"):
        open_session(tmp_path / "two.toml")
    assert open_session(tmp_path / "two.toml", tomogram="b").tomogram.name == "b"


def test_a_damaged_session_says_so(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text("{}")
    with pytest.raises(InputError, match="this does not describe a session"):
        open_session(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file or folder; check the name"):
        prepared(tmp_path / "missing.mrc")


@pytest.mark.skipif(find_spec("napari") is not None, reason="napari is installed")
def test_without_napari_it_says_how_to_get_it(
    seget: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, _, said = seget("view", tmp_path / "cell.mrc")
    assert code == 2
    assert "needs napari; install it with pip install 'seget[viewer]'" in said
