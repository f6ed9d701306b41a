"""What the tests of measuring share: they are left out where the extra `measure` is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest

from seget.measurement import Measurement, Options, extra, measured
from seget.volume import Volume

Measure = Callable[..., Measurement]

# Not a skip: raised here it would end the whole run.
collect_ignore_glob = [] if all(map(find_spec, extra.MODULES)) else ["test_*.py"]


@pytest.fixture
def measure(tmp_path: Path) -> Iterator[Measure]:
    """Return a function that measures a volume: `measure(volume, structures=("a=1",))`.

    Specks are measured too, unless `smallest_nm3` says otherwise.
    """
    with ExitStack() as stack:

        def call(volume: Volume, **options: object) -> Measurement:
            chosen = Options(**{"smallest_nm3": {"any": 0.0}, **options})  # type: ignore[arg-type]
            return stack.enter_context(measured(volume, chosen, tmp_path))

        yield call
