"""The dock in napari: what is drawn, the training, the prediction, the table of objects.

Session + canvas -> buttons, lists, bars

Widgets are thin: they show what a session or a job says and call it when they are pressed.
"""
