"""Work that is done ahead, in a thread.

iterator -> the same items, the next of them being made meanwhile

It never holds more than one item that nobody asked for yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield `items`; while the caller works on one, a thread makes the next.

    An error in making an item is raised where that item would have come. What is being made when
    the caller goes away is finished and forgotten.
    """
    source = iter(items)
    nothing = object()
    thread = ThreadPoolExecutor(1)
    try:
        coming = thread.submit(next, source, nothing)
        while (item := coming.result()) is not nothing:
            coming = thread.submit(next, source, nothing)
            yield item  # type: ignore[misc]
    finally:
        # Not waited for: a caller that went away leaves this to the garbage collector, which may
        # run in any thread, even in one that the last item needs to be finished.
        thread.shutdown(wait=False, cancel_futures=True)
