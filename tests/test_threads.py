from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from seget.threads import ahead, made_ahead


def numbers(made: list[int], last: int = 5) -> Iterator[int]:
    for number in range(last):
        made.append(number)
        yield number
    raise ArithmeticError("no more")


def test_items_come_in_order_and_errors_where_they_belong() -> None:
    got: list[int] = []
    with pytest.raises(ArithmeticError, match="no more"):
        got.extend(ahead(2 * n for n in ahead(numbers([]))))
    assert got == [0, 2, 4, 6, 8]
    assert list(ahead([])) == []


def test_one_item_is_made_ahead_and_not_more() -> None:
    made: list[int] = []
    waiting = threading.Event()

    def slowly() -> Iterator[int]:
        for number in numbers(made):
            yield number
            waiting.set()

    items = ahead(slowly())
    assert next(items) == 0
    assert waiting.wait(10)  # the next is asked for without the caller
    items.close()
    assert len(made) <= 2


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_make_items_at_once_and_keep_their_order(threads: int) -> None:
    together = threading.Barrier(threads)

    def square(number: int) -> int:
        together.wait(10)  # breaks unless so many are being made at the same time
        if number == 6:
            raise ArithmeticError("no six")
        return number * number

    items = made_ahead(square, range(9), threads)
    assert [next(items) for _ in range(6)] == [0, 1, 4, 9, 16, 25]
    with pytest.raises(ArithmeticError, match="no six"):
        next(items)


def test_no_more_is_made_ahead_than_there_are_threads() -> None:
    asked: list[int] = []

    def arguments() -> Iterator[int]:
        for number in range(9):
            asked.append(number)
            yield number

    items = made_ahead(abs, arguments(), 3)
    next(items)
    assert len(asked) == 4
    next(items)
    assert len(asked) == 5


def test_a_caller_that_goes_away_hangs_nobody() -> None:
    for _ in range(200):
        items = ahead(n for n in ahead(numbers([])))
        next(items)
        ring = [items]
        ring.append(ring)  # for the garbage collector to find, wherever it runs
        del items, ring
    gc.collect()
