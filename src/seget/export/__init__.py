"""Models for other programs: ONNX, and packages of bioimage.io.

Trained -> golgi.onnx + golgi.json; Trained + tomogram -> golgi.zip

It never trains and never predicts a volume. `onnx_file` writes the graph and checks it against
torch, `package` what bioimage.io wants around it: `example` the test images and the cover, `words`
the documentation. `trained.foreign` reads both.
"""

from seget.export.onnx_file import onnx_bytes, write_onnx
from seget.export.package import About, write_package

__all__ = ["About", "onnx_bytes", "write_onnx", "write_package"]
