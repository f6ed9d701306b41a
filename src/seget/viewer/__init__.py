"""seget in napari: see a tomogram, draw on it, train, correct, measure.

tomogram or dataset.toml -> napari with a dock; strokes -> masks that `seget train` reads

`session` is what is drawn and how it is kept, without Qt and without napari; `worker` is the
process that predicts. It never trains in napari's own process, and imports torch only there.
"""
