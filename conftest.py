"""What the examples in docstrings need, so that ``pytest --doctest-modules`` can run them."""

import pytest

from tests.conftest import write_clip


@pytest.fixture(autouse=True)
def example_files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each example in a folder of its own that holds the files that examples name."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    folder = request.getfixturevalue("tmp_path")
    monkeypatch.chdir(folder)
    (folder / "match.csv").write_text("start,end,label\n0,4.5,tennis\n4.5,60,unknown\n")
    write_clip(folder / "tennis.mp4", ["green"] * 90)
