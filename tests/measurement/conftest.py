"""What the tests of measuring share: they are skipped where the extra `measure` is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from seget.measurement import Measurement, Options, measured
from seget.volume import Volume

Measure = Callable[..., Measurement]

for module in ("cc3d", "edt", "skimage", "trimesh"):
    pytest.importorskip(module)


@pytest.fixture
def measure(tmp_path: Path) -> Iterator[Measure]:
    """Return a function that measures a volume: `measure(volume, structures=("a=1",))`."""
    with ExitStack() as stack:

        def call(volume: Volume, **options: object) -> Measurement:
            chosen = Options(**options)  # type: ignore[arg-type]
            return stack.enter_context(measured(volume, chosen, tmp_path))

        yield call
