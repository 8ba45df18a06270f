"""Values on the command line."""

from argparse import ArgumentTypeError

import pytest

from activity.network.arguments import positive, seed


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", ""])
def test_positive_takes_whole_numbers_from_1(text: str) -> None:
    assert positive("17") == 17
    with pytest.raises(ArgumentTypeError, match="not a whole number of at least 1"):
        positive(text)


@pytest.mark.parametrize("text", ["-1", "4294967296", "0.5"])
def test_seed_takes_what_random_generators_take(text: str) -> None:
    assert [seed("0"), seed("4294967295")] == [0, 4294967295]
    with pytest.raises(ArgumentTypeError, match="from 0 to 4294967295"):
        seed(text)
