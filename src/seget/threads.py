"""Items made ahead in threads, while the caller works on the one before.

iterator, or function and its arguments -> the same items in the same order

It never has more items waiting than it has threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import repeat, takewhile
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield `items`; while the caller works on one, a thread makes the next.

    An error in making an item is raised where that item would have come. What is being made when
    the caller stops is finished and dropped.
    """
    source, nothing = iter(items), object()
    made: Iterator[T] = made_ahead(lambda _: next(source, nothing), repeat(None))  # type: ignore[arg-type,return-value]
    yield from takewhile(lambda item: item is not nothing, made)


def made_ahead(make: Callable[[A], T], arguments: Iterable[A], threads: int = 1) -> Iterator[T]:
    """Yield `make(argument)` in order; while the caller works on one, threads make the next.

    An error in `make` is raised where its item would have come. What is being made when the caller
    stops is finished and dropped.
    """
    pool = ThreadPoolExecutor(threads)
    coming: deque[Future[T]] = deque()
    try:
        for argument in arguments:
            coming.append(pool.submit(make, argument))
            if len(coming) > threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        # Not waited for: when a caller stops early, the garbage collector runs this, maybe in the
        # very thread that must finish the last item, which would then wait for itself.
        pool.shutdown(wait=False, cancel_futures=True)
