"""The timeline picture: the right colours at the right times, for any clip and any labels."""

import warnings
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from activity.labelling.timeline import COLOURS, OTHERS, class_colours, draw_timeline
from activity.temporal.envelope import MOST_COLUMNS, Envelope, envelope_of
from activity.temporal.smoothing import SMOOTHINGS, Rolling, compared_smoothings
from tests.predictions import predictions_of

LABELS = ["football", "tennis", "weight_lifting"]
FPS = 30.0


def gather(
    winners: list[int], labels: list[str] = LABELS, size: int = 8, compare: tuple[int, ...] = ()
) -> Envelope:
    """Frames of a clip that is sure of itself, smoothed by rolling averages alone."""
    raw = np.full((len(winners), len(labels)), 0.1 / (len(labels) - 1), np.float32)
    raw[np.arange(len(winners)), winners] = 0.9
    clip = predictions_of(raw, labels, fps=FPS)
    compared = {Rolling(each): Rolling(each).numbers(clip) for each in sorted({1, size, *compare})}
    return envelope_of(clip, compared, Rolling(size))


def draw(envelope: Envelope, frames: int, folder: Path, title: str = "clip.mp4") -> np.ndarray:
    """Draw, and read the picture back: RGB, uint8."""
    draw_timeline(envelope, frames / FPS, folder / "timeline.png", title)
    return cv2.imread(str(folder / "timeline.png"))[:, :, ::-1]


def painted(picture: np.ndarray, colour: str) -> np.ndarray:
    return (picture == tuple(bytes.fromhex(colour[1:]))).all(axis=2)


def bands(picture: np.ndarray) -> list[np.ndarray]:
    """The middle row of each band, from top to bottom, cut to the band's width."""
    return [picture[(top + bottom) // 2, left:right] for top, bottom, left, right in boxes(picture)]


def boxes(picture: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Top, bottom, left and right of each band; bottom and right exclusive."""
    coloured = np.any([painted(picture, colour) for colour in (*COLOURS, OTHERS)], axis=0)
    full = coloured.sum(axis=1) > 0.8 * picture.shape[1]
    tops, bottoms = np.flatnonzero(np.diff(full.astype(int))).reshape(-1, 2).T + 1
    found = []
    for top, bottom in zip(tops, bottoms, strict=True):
        if bottom - top > 9:  # a line of the curves can be as long, but not as thick
            (columns,) = coloured[top + 2 : bottom - 2].all(axis=0).nonzero()
            found.append((top, bottom, columns[0], columns[-1] + 1))
    return found


def share(band: np.ndarray, colour: str) -> float:
    return painted(band[np.newaxis], colour).mean()


def test_bands_show_when_each_label_held(tmp_path: Path) -> None:
    winners = [0] * 100 + [1] * 100 + [2] * 200
    one, eight = bands(draw(gather(winners), 400, tmp_path))
    assert share(one, COLOURS[0]) == pytest.approx(0.25, abs=0.01)
    assert share(one, COLOURS[1]) == pytest.approx(0.25, abs=0.01)
    assert share(one, COLOURS[2]) == pytest.approx(0.5, abs=0.01)
    assert (eight[0] == one[0]).all()
    # A window of 8 switches four frames late.
    assert share(eight, COLOURS[0]) == pytest.approx(0.26, abs=0.005)


def test_a_label_holds_until_the_next_frame(tmp_path: Path) -> None:
    (band,) = bands(draw(gather([0, 1, 2], size=1), 3, tmp_path))
    for colour in COLOURS[:3]:
        assert share(band, colour) == pytest.approx(1 / 3, abs=0.01)


def test_compared_sizes_get_bands_of_their_own(tmp_path: Path) -> None:
    winners = [1 if frame % 40 < 4 else 0 for frame in range(400)]
    picture = draw(gather(winners, size=64, compare=(2, 16)), 400, tmp_path)
    one, _, sixteen, main = bands(picture)
    assert share(one, COLOURS[1]) == pytest.approx(0.1, abs=0.02)
    # The first frames are 1, and so is the label until others outweigh them.
    assert share(sixteen, COLOURS[1]) < 0.03
    assert share(main, COLOURS[1]) < 0.03


@pytest.mark.parametrize("drawn", SMOOTHINGS)
def test_both_ways_of_smoothing_show_the_delay(drawn: str, tmp_path: Path) -> None:
    raw = np.where(np.arange(400)[:, np.newaxis] < 200, [0.9, 0.1, 0], [0.1, 0.9, 0])
    clip, smoothing = predictions_of(raw, fps=FPS), SMOOTHINGS[drawn](80)
    compared = {each: each.numbers(clip) for each in compared_smoothings(80, ())}
    envelope = envelope_of(clip, compared, smoothing)
    one, rolling, viterbi = bands(draw(envelope, 400, tmp_path))
    assert share(one, COLOURS[0]) == share(viterbi, COLOURS[0]) == pytest.approx(0.5, abs=0.01)
    assert share(rolling, COLOURS[0]) == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize(("winners", "switches"), [([0] * 300, 0), ([0] * 99 + [1] + [0] * 200, 2)])
def test_switches_are_ticked(tmp_path: Path, winners: list[int], switches: int) -> None:
    picture = draw(gather(winners, size=1), 300, tmp_path)
    ((top, _, left, right),) = boxes(picture)
    above = picture[top - 10 : top - 3, left + 5 : right]
    dark = (above < 100).all(axis=(0, 2))
    assert np.count_nonzero(np.diff(dark.astype(int)) == 1) == switches


def test_smoothed_is_thick_and_raw_is_thin(tmp_path: Path) -> None:
    # Raw: constant at 0.9. An average that the test makes up: constant at 0.5.
    envelope = gather([0] * 300)
    envelope = replace(envelope, smoothed=np.tile([0.5, 0.3, 0.2], (300, 1)))
    picture = draw(envelope, 300, tmp_path)
    (top, *_), _ = boxes(picture)
    # The blue lines of class 0 in a column through the middle of the curves.
    column = picture[: top - 30, picture.shape[1] // 2].astype(int)
    red, green, blue = column.T
    ink = ((blue - red > 60) & (blue > green)).astype(int)
    lines = np.flatnonzero(np.diff(ink)).reshape(-1, 2)
    thicknesses = (lines[:, 1] - lines[:, 0]).tolist()
    raw_line, smoothed_line = thicknesses
    assert raw_line <= 2
    assert 3 <= smoothed_line <= 6


def test_few_labels_keep_their_colours_in_every_picture() -> None:
    assert class_colours(gather([0, 0, 0])) == class_colours(gather([2, 1, 2]))
    assert class_colours(gather([0])) == {0: COLOURS[0], 1: COLOURS[1], 2: COLOURS[2]}


def test_of_many_labels_only_those_that_matter_get_a_colour(tmp_path: Path) -> None:
    labels = [f"class {number}" for number in range(1000)]
    winners = [700] * 100 + [701] * 100
    colours = class_colours(gather(winners, labels))
    assert colours == {700: COLOURS[0], 701: COLOURS[1]}
    one, _ = bands(draw(gather(winners, labels), 200, tmp_path))
    assert share(one, COLOURS[0]) == pytest.approx(0.5, abs=0.01)


def test_labels_that_share_a_colour_are_told_apart() -> None:
    labels = [f"class {number}" for number in range(22)]
    same = [0, len(COLOURS), 2 * len(COLOURS)]
    colours = class_colours(gather(same + same[1:] + same[2:], labels, size=1))
    assert sorted(colours) == same
    assert len(set(colours.values())) == 3
    assert colours[same[2]] == COLOURS[0], "the one that is the label most often keeps its own"


def test_labels_beyond_the_colours_are_grey(tmp_path: Path) -> None:
    labels = [f"class {number}" for number in range(22)]
    winners = [frame // 20 for frame in range(400)]
    envelope = gather(winners, labels, size=1)
    colours = class_colours(envelope)
    assert len(colours) == len(set(colours.values())) == len(COLOURS)
    (band,) = bands(draw(envelope, 400, tmp_path))
    assert share(band, OTHERS) == pytest.approx(13 / 20, abs=0.02)


def test_a_long_clip_is_drawn_in_no_more_columns_than_a_short_one(tmp_path: Path) -> None:
    frames = 40_000
    winners = [0 if frame < frames // 4 else 1 for frame in range(frames)]
    envelope = gather(winners)
    one, _ = bands(draw(envelope, frames, tmp_path))
    assert len(envelope.start) <= MOST_COLUMNS
    assert share(one, COLOURS[0]) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(
    "labels", [["a$b$", "$\\frac{$"], ["_x", "_y"], ["テニス", "y\n" * 50], ["", "\udce9"]]
)
def test_any_label_and_title_can_be_drawn(tmp_path: Path, labels: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = draw(gather([0, 1, 0], labels), 3, tmp_path, title="$\\frac{$ \n" * 60)
    assert picture.shape[1] == 1440
    assert len(bands(picture)) == 2


def test_a_single_frame_can_be_drawn(tmp_path: Path) -> None:
    one, eight = bands(draw(gather([1]), 1, tmp_path))
    assert share(one, COLOURS[1]) == share(eight, COLOURS[1]) == 1
