"""Opens napari with a tomogram, a dataset.toml, or what seget made of one.

path -> napari's window

It blocks until the window is closed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seget import files
from seget.errors import InputError
from seget.viewer.layers import LayerData, layers_of
from seget.viewer.session import Session, open_session, session_folder
from seget.viewer.session.folder import DATASET, SETTINGS

DOCK = "seget"


def launch(path: Path, folder: Path | None = None, tomogram: str | None = None) -> None:
    """Open napari and return when it is closed; see `prepared`."""
    shown = prepared(path, folder, tomogram)  # what is wrong is said before a window opens
    import napari

    show(napari.Viewer(title=f"seget: {path.name}"), shown)
    napari.run()


def open_viewer(
    viewer: Any, path: Path, folder: Path | None = None, tomogram: str | None = None
) -> Any:
    """Show a path in a viewer; return the dock, None where there is nothing to draw on."""
    return show(viewer, prepared(path, folder, tomogram))


def prepared(
    path: Path, folder: Path | None = None, tomogram: str | None = None
) -> Session | list[LayerData]:
    """Return a session to draw in, or layers to look at.

    Parameters
    ----------
    path
        A tomogram, a dataset.toml, a session's folder; or a folder of score maps and labels, a
        mask or a model, which are shown only.
    folder, tomogram
        As `open_session` takes them.

    Raises
    ------
    InputError
        Nothing there can be opened.
    """
    if is_drawn_on(path, folder):
        return open_session(path, folder, tomogram)
    return layers_of(path)


def show(viewer: Any, shown: Session | list[LayerData]) -> Any:
    """Show a session or layers in a viewer; return the dock, None of layers."""
    dock = None
    if isinstance(shown, Session):
        from seget.viewer.widgets.dock import Dock

        dock = Dock(viewer, shown)
        viewer.window.add_dock_widget(dock, name=DOCK, area="right")
    else:
        for data, keywords, kind in shown:
            getattr(viewer, f"add_{kind}")(data, **keywords)
    viewer.dims.set_current_step(0, viewer.dims.nsteps[0] // 2)
    canvas = getattr(viewer, "canvas", None)  # napari before 0.9 has none
    getattr(canvas, "overlays", viewer).scale_bar.visible = True
    viewer.reset_view()
    return dock


def is_drawn_on(path: Path, folder: Path | None = None) -> bool:
    """Whether a path is a session, a dataset.toml or a tomogram, rather than what was made of one.

    Raises
    ------
    InputError
        Nothing is there.
    """
    if not path.exists() and not files.location(path).exists():
        raise InputError(f"{path}: there is no such file or folder; check the name.")
    if (path / DATASET).is_file() or path.suffix.lower() == ".toml":
        return True
    if ((folder or session_folder(path)) / SETTINGS).is_file():
        return True
    return files.is_volume(path) and not files.why_no_tomogram(path)
