import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity.common.threads import in_background


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(), max_size=30), st.integers(1, 5))
def test_items_come_in_order(items: list[int], ahead: int) -> None:
    assert list(in_background(iter(items), ahead)) == items


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 20), st.integers(1, 5))
def test_an_error_comes_at_its_place(place: int, ahead: int) -> None:
    def items() -> Iterator[int]:
        yield from range(place)
        raise ValueError("no more")

    stream = in_background(items(), ahead)
    seen = [next(stream) for _ in range(place)]
    with pytest.raises(ValueError, match="no more"):
        next(stream)
    assert seen == list(range(place))


@pytest.mark.parametrize("ahead", [1, 3])
def test_no_more_than_so_many_are_made_ahead(ahead: int) -> None:
    made = 0

    def items() -> Iterator[int]:
        nonlocal made
        for number in range(50):
            made += 1
            yield number

    with closing(in_background(items(), ahead)) as stream:
        for taken, _ in zip(range(1, 6), stream, strict=False):
            time.sleep(0.05)
            # One more is made and waits for room.
            assert made <= taken + ahead + 1
            assert made > taken


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10), st.integers(1, 5))
def test_closing_early_leaves_no_thread_and_closes_the_items(taken: int, ahead: int) -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    before = threading.active_count()
    with closing(in_background(items(), ahead)) as stream:
        for _ in range(taken + 1):
            next(stream)
    assert closed.is_set()
    assert threading.active_count() == before
