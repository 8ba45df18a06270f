"""An ordered pool: the results of a loop, made in several threads."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity.common.threads import in_order


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 4))
def test_results_come_in_the_order_of_the_items(items: list[int], threads: int) -> None:
    def work(item: int) -> int:
        time.sleep(item / 5000)
        return -item

    assert list(in_order(work, iter(items), threads)) == [-item for item in items]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 15), st.integers(1, 4))
def test_an_error_comes_at_its_place(place: int, threads: int) -> None:
    results = in_order(lambda item: 1 / (item - place), range(20), threads)
    for item in range(place):
        assert next(results) == 1 / (item - place)
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_items_are_worked_on_at_the_same_time() -> None:
    # Each waits for the other: one thread alone would never come to an end.
    both = threading.Barrier(2, timeout=30)
    assert sorted(in_order(lambda _: both.wait(), range(2), threads=2)) == [0, 1]


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_than_twice_the_threads_are_in_memory(threads: int) -> None:
    given_out = 0

    def items() -> Iterator[int]:
        nonlocal given_out
        for number in range(50):
            given_out += 1
            yield number

    with closing(in_order(abs, items(), threads)) as results:
        for taken, _ in enumerate(results, 1):
            assert given_out <= taken - 1 + 2 * threads


def test_closing_early_leaves_no_thread() -> None:
    before = threading.active_count()
    with closing(in_order(abs, iter(int, 1), threads=3)) as results:
        assert next(results) == 0
    assert threading.active_count() == before
