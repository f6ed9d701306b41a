"""The layers of a session in napari: the tomogram, what is drawn, and what is predicted.

Session + viewer -> layers; strokes, clicks and keys -> session

It never writes a file and holds no button: `widgets` does. Only what napari documents is used of
it, so that another version of it paints as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import ndimage

from seget.viewer import layers
from seget.viewer.session import Session
from seget.viewer.session.drawing import Labels, blank

DRAWN, PREDICTION = "drawn", "prediction"
DRAWN_OPACITY, PREDICTION_OPACITY, OUTLINE_PX = 0.55, 0.9, 2
# Of the slice's shorter side: a first brush that is neither a dot nor the whole slice.
BRUSH_SHARE = 0.02


class Canvas:
    """A session shown in a viewer.

    Attributes
    ----------
    drawn, prediction
        The layers of labels.
    changed
        Called after anything was drawn, accepted, undone or selected.
    moved
        Called after another slice is shown.
    refused
        Called with a sentence when what was painted was taken back.
    """

    def __init__(self, viewer: Any, session: Session) -> None:
        self.viewer = viewer
        self.session = session
        self.changed: list[Callable[[], None]] = []
        self.moved: list[Callable[[], None]] = []
        self.refused: list[Callable[[str], None]] = []
        self._image = self._show_image()
        place = layers.place(session.tomogram)
        place.pop("metadata")
        self.prediction = viewer.add_labels(
            blank(session.tomogram.shape), name=PREDICTION, opacity=PREDICTION_OPACITY, **place
        )
        self.prediction.editable = False
        self.drawn = viewer.add_labels(
            session.drawing.labels, name=DRAWN, opacity=DRAWN_OPACITY, **place
        )
        self.drawn.brush_size = max(4, round(BRUSH_SHARE * min(session.tomogram.shape[1:])))
        self.show_structures()
        self._listen()
        viewer.layers.selection.active = self.drawn

    def _show_image(self) -> Any:
        """Return the tomogram's layer; add it unless it is there."""
        data, keywords, _ = layers.image(self.session.tomogram)
        source = keywords["metadata"]["seget_path"]
        for layer in self.viewer.layers:
            if layer.metadata.get("seget_path") == source and layer.name == keywords["name"]:
                return layer
        return self.viewer.add_image(data, **keywords)

    def _listen(self) -> None:
        self.drawn.events.paint.connect(self._take_strokes)
        self.drawn.events.selected_label.connect(lambda: self._tell(self.changed))
        self.drawn.events.n_edit_dimensions.connect(self._paint_in_slices)
        self.drawn.mouse_drag_callbacks.append(self._spare_locked)
        self.prediction.mouse_drag_callbacks.append(self._accept_clicked)
        self.viewer.dims.events.current_step.connect(lambda: self._tell(self.moved))

    @property
    def z(self) -> int:
        """The slice that is shown."""
        depth = self.session.tomogram.shape[0]
        z = round(float(self.drawn.world_to_data(self.viewer.dims.point)[0]))
        return int(min(max(z, 0), depth - 1))

    def go_to(self, z: int) -> None:
        """Show slice `z`."""
        self.viewer.dims.set_point(0, self.drawn.data_to_world((z, 0, 0))[0])

    @property
    def selected(self) -> int:
        """The label that is painted with; 0 for erasing."""
        return int(self.drawn.selected_label)

    def select(self, value: int) -> None:
        """Paint with a structure from now on, or erase with 0."""
        self.viewer.layers.selection.active = self.drawn
        if value:
            self.drawn.selected_label = value
        self.drawn.mode = "paint" if value else "erase"
        self._tell(self.changed)

    def show_structures(self) -> None:
        """Colour the layers as the structures are, and name them beside the cursor."""
        structures = self.session.structures
        shades = {one.value: one.colour for one in structures}
        colours = layers.label_colours(shades, np.dtype(np.uint8))
        features = {
            "index": [0, *(one.value for one in structures)],
            "structure": ["", *(one.name for one in structures)],
        }
        legend = {one.value: (one.name, one.colour) for one in structures}
        path = layers.place(self.session.tomogram)["metadata"]
        for layer in (self.drawn, self.prediction):
            layer.colormap = colours
            layer.features = features
            layer.metadata = {**path, "seget_legend": legend}
        known = {one.value for one in structures}
        if structures and self.selected not in known:
            self.drawn.selected_label = structures[0].value

    def predict(self, z: int, wanted: Labels) -> None:
        """Show predicted labels `(y, x)` on a slice, as outlines."""
        self.prediction.contour = OUTLINE_PX  # not before: finding none takes time, too
        self.prediction.data[z] = wanted
        self.prediction.refresh()
        self._tell(self.changed)

    def is_predicted(self, z: int) -> bool:
        """Whether a prediction that is not accepted yet is on a slice."""
        return bool(self.prediction.data[z].any())

    def accept(self, z: int, value: int | None = None, where: Any = None) -> bool:
        """Draw the prediction of a slice: all of it, one structure, or some pixels.

        What is accepted is taken out of the prediction. Returns whether anything was drawn.
        """
        shown = self.prediction.data[z]
        wanted, accepted = shown.copy(), np.ones(shown.shape, np.bool_)
        if value is not None:  # where it is neither drawn nor predicted, nothing changes
            accepted = shown == value
            if where is not None:
                accepted &= where
            own = accepted if where is not None else accepted | (self._labels(z) == value)
            where, wanted = own, np.where(accepted, shown, np.uint8(0))
        touched = self.session.accept(z, wanted, where)
        shown[accepted] = 0
        self.prediction.refresh()
        self._show(touched)
        return bool(touched)

    def _labels(self, z: int) -> Labels:
        labels: Labels = self.session.drawing.labels[z]
        return labels

    def discard(self, z: int) -> None:
        """Take the prediction off a slice."""
        self.predict(z, np.zeros_like(self.prediction.data[z]))

    def undo(self) -> None:
        """Undo the last stroke or acceptance, and show the slice where it was."""
        self._after_undo(self.session.undo())

    def redo(self) -> None:
        """Do it again."""
        self._after_undo(self.session.redo())

    def _after_undo(self, touched: set[int]) -> None:
        if touched and self.z not in touched:
            self.go_to(min(touched))
        self._show(touched)

    def _show(self, touched: set[int]) -> None:
        if touched:
            self.drawn.refresh()
        self._tell(self.changed)

    def _take_strokes(self, _event: Any = None) -> None:
        slices = self._slices()
        spared = [z for z in slices if self.session.drawing.spare_locked(z)]
        self.session.take_strokes(slices)
        if spared:
            self.drawn.refresh()
        for listener in self.refused:
            listener(self._why_refused() if spared else "")
        self._tell(self.changed)

    def _why_refused(self) -> str:
        known = {one.value: one for one in self.session.structures}
        painted = known.get(self.selected)
        if self.drawn.mode != "erase" and painted is None:
            return f"Label {self.selected} is no structure; add one, or press its number key."
        if self.drawn.mode != "erase" and painted is not None and painted.locked:
            return f"{painted.name} is locked; press its lock to paint it."
        return "What is locked stays as it is; press its lock to change it."

    def _slices(self) -> range:
        """Return the slices into which a stroke may have gone."""
        flat = self.viewer.dims.ndisplay == 2 and self.viewer.dims.order[0] == 0
        z = self.z
        return range(z, z + 1) if flat else range(self.session.tomogram.shape[0])

    def _spare_locked(self, _layer: Any, event: Any) -> Iterator[None]:
        """While the mouse is dragged, keep locked structures as they are."""
        yield
        while event.type == "mouse_move":
            if self.session.drawing.spare_locked(self.z):
                self.drawn.refresh()
            yield

    def _paint_in_slices(self, _event: Any = None) -> None:
        # A brush through several slices would draw where nobody looks.
        if self.drawn.n_edit_dimensions != 2:
            self.drawn.n_edit_dimensions = 2

    def _accept_clicked(self, layer: Any, event: Any) -> Iterator[None]:
        """Accept the predicted object that was clicked on; a drag moves the picture as ever."""
        dragged = False
        yield
        while event.type == "mouse_move":
            dragged = True
            yield
        if dragged:
            return
        z, y, x = (round(float(place)) for place in layer.world_to_data(event.position))
        plane = layer.data[self.z]
        if z != self.z or not (0 <= y < plane.shape[0] and 0 <= x < plane.shape[1]):
            return
        if plane[y, x]:
            objects, _ = ndimage.label(plane == plane[y, x])
            self.accept(z, int(plane[y, x]), objects == objects[y, x])

    @staticmethod
    def _tell(listeners: list[Callable[[], None]]) -> None:
        for listener in listeners:
            listener()
