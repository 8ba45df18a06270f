"""What is drawn on frames: inside the frame, on a plate, readable, at any size."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity.labelling import overlay
from activity.labelling.overlay import MOST_BARS, bars_plate, drawable, label_plate

LABELS = ["football", "tennis", "weight_lifting"]
# No mixture of the overlay's colours gives these, nor do they darkened.
BACKGROUND = (200, 30, 120)
DARKENED = (60, 9, 36)
any_size = st.tuples(st.integers(1, 300), st.integers(1, 300))


def blank(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), BACKGROUND, np.uint8)


def draw_label(frame: np.ndarray, label: str, probability: float) -> None:
    plate = label_plate(frame.shape[1::-1], label, probability)
    if plate:
        plate.draw(frame)


def draw_bars(frame: np.ndarray, labels: list[str], probabilities: np.ndarray, label: int) -> None:
    plate = bars_plate(frame.shape[1::-1], labels, probabilities, label)
    if plate:
        plate.draw(frame)


def bounds(changed: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of the pixels that are true; bottom and right exclusive."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def changed_pixels(frame: np.ndarray) -> np.ndarray:
    return (frame != BACKGROUND).any(axis=2)


def green(frame: np.ndarray) -> np.ndarray:
    blue, green, red = np.moveaxis(frame.astype(int), 2, 0)
    return green - np.maximum(blue, red) > 80


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (8, 8)])
def test_nothing_is_drawn_where_there_is_no_room(size: tuple[int, int]) -> None:
    frame = blank(*size)
    draw_label(frame, "tennis", 1.0)
    draw_bars(frame, ["tennis", "football"], np.array([1.0, 0.0]), 0)
    assert not changed_pixels(frame).any()


@settings(deadline=None, max_examples=150)
@given(any_size, st.text(max_size=60), st.floats(0, 1))
def test_label_fits_any_frame(size: tuple[int, int], label: str, probability: float) -> None:
    frame = blank(*size)
    draw_label(frame, label, probability)
    changed = changed_pixels(frame)
    if changed.any():
        top, bottom, left, right = bounds(changed)
        assert changed[top:bottom, left:right].all(), "the plate is a full rectangle"
        plate = frame[top:bottom, left:right]
        if len(plate) >= 20:  # below, text is a blur of a pixel or two
            # Ink that is cut off would touch the plate's edge, which is dark footage.
            for edge in (plate[0], plate[-1], plate[:, 0], plate[:, -1]):
                assert (edge == DARKENED).all()


@settings(deadline=None, max_examples=100)
@given(any_size, st.lists(st.text(max_size=60), min_size=2, max_size=9), st.randoms())
def test_bars_fit_any_frame(size: tuple[int, int], labels: list[str], random) -> None:
    probabilities = np.array([random.random() + 1e-3 for _ in labels])
    frame = blank(*size)
    draw_bars(frame, labels, probabilities / probabilities.sum(), int(probabilities.argmax()))
    changed = changed_pixels(frame)
    if changed.any():
        top, bottom, left, right = bounds(changed)
        assert changed[top:bottom, left:right].all(), "the plate is a full rectangle"


@pytest.mark.parametrize("size", [(48, 64), (120, 160), (402, 638), (720, 404), (4320, 7680)])
def test_label_and_bars_do_not_meet(size: tuple[int, int]) -> None:
    label, bars = blank(*size), blank(*size)
    draw_label(label, "tennis", 0.97)
    draw_bars(bars, LABELS, np.array([0.02, 0.01, 0.97]), 2)
    assert changed_pixels(label).any()
    assert not (changed_pixels(label) & changed_pixels(bars)).any()


@pytest.mark.parametrize("size", [(402, 638), (720, 404), (1080, 1920), (4320, 7680)])
def test_label_is_green_at_the_top_left_and_scaled_to_the_short_side(size: tuple[int, int]) -> None:
    frame = blank(*size)
    draw_label(frame, "tennis", 0.97)
    top, bottom, left, right = bounds(green(frame))
    assert bottom < size[0] / 3
    assert left < size[1] / 8
    assert 0.03 < (bottom - top) / min(size) < 0.12
    assert right < size[1]


def test_plate_darkens_the_footage_and_hides_it_not() -> None:
    random = np.random.default_rng(0)
    frame = random.integers(0, 256, (402, 638, 3), np.uint8)
    before = frame.copy()
    draw_label(frame, "tennis", 0.97)
    top, _, left, right = bounds((frame != before).any(axis=2))
    edge = frame[top, left:right].astype(float)
    assert np.corrcoef(edge.ravel(), before[top, left:right].ravel())[0, 1] > 0.99
    assert edge.max() <= 77


def test_plate_keeps_its_width_whatever_the_probability() -> None:
    plates = set()
    for probability in (0.0, 0.5, 0.97, 1.0):
        frame = blank(402, 638)
        draw_label(frame, "tennis", probability)
        plates.add(bounds(changed_pixels(frame)))
    assert len(plates) == 1


def test_label_and_the_widest_probability_do_not_touch() -> None:
    frame = blank(402, 638)
    draw_label(frame, "tennis", 1)
    _, _, _, label_right = bounds(green(frame))
    _, _, percent_left, percent_right = bounds((frame > 230).all(axis=2))
    assert label_right + 5 < percent_left
    assert percent_right + 5 < bounds(changed_pixels(frame))[3]


def test_the_probability_is_drawn() -> None:
    frames = []
    for probability in (0.33, 0.34, 0.34):
        frames.append(blank(402, 638))
        draw_label(frames[-1], "tennis", probability)
    assert (frames[0] != frames[1]).any()
    assert (frames[1] == frames[2]).all()


def test_a_long_label_is_shrunk_to_the_frame() -> None:
    short, long = blank(720, 404), blank(720, 404)
    draw_label(short, "tennis", 1)
    draw_label(long, "a label that goes on for longer than any", 1)
    heights = [bounds(green(frame)) for frame in (short, long)]
    assert heights[1][1] - heights[1][0] < heights[0][1] - heights[0][0]
    assert bounds(changed_pixels(long))[3] < 404


def test_bars_are_as_long_as_the_probabilities() -> None:
    frame = blank(402, 638)
    draw_bars(frame, LABELS, np.array([0.2, 0.6, 0.2]), 1)
    _, _, left, right = bounds(green(frame))
    grey = (frame == overlay._GREY).all(axis=2)
    track = (frame == overlay._TRACK).all(axis=2)
    track_right = bounds(track[:, : right + 200])[3]
    assert (right - left) / (track_right - left) == pytest.approx(0.6, abs=0.02)
    bar_rows = grey[:, left : left + 3].all(axis=1)
    assert np.count_nonzero(np.diff(bar_rows.astype(int)) == 1) == 2, "two grey bars"


def test_many_classes_show_the_most_probable_first() -> None:
    labels = [f"class {number}" for number in range(1000)]
    probabilities = np.full(1000, 1e-4)
    probabilities[700:706] = [0.05, 0.1, 0.3, 0.2, 0.15, 0.1]
    frame = blank(402, 638)
    draw_bars(frame, labels, probabilities, int(probabilities.argmax()))
    alone = blank(402, 638)
    order = [702, 703, 704, 701, 705, 700]
    assert len(order) == MOST_BARS
    draw_bars(alone, [labels[i] for i in order], probabilities[order], 0)
    # The column of names is as wide as the widest of all classes, hence as in ``alone``.
    assert (frame == alone).all()


def test_labels_become_one_drawable_line() -> None:
    assert drawable("weight_lifting") == "weight_lifting"
    assert drawable(" two\nlines\tand\x07 bell ") == "two lines and? bell"
    assert len(drawable("x" * 500)) == 40
    assert drawable("x" * 500).endswith("...")


def test_accents_are_kept_where_the_font_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "_FONT_IS_UNICODE", True)
    assert drawable("Fußball cafe\u0301 テニス") == "Fußball café テニス"
    monkeypatch.setattr(overlay, "_FONT_IS_UNICODE", False)
    assert drawable("Slalom géant テニス") == "Slalom geant ???"


@pytest.mark.skipif(not overlay._FONT_IS_UNICODE, reason="OpenCV 4 draws ASCII alone")
def test_the_font_draws_other_scripts() -> None:
    drawn = [blank(402, 638) for _ in range(3)]
    for frame, label in zip(drawn, ("テニス", "サッカ", "???"), strict=True):
        draw_label(frame, label, 1)
    assert (drawn[0] != drawn[1]).any()
    assert (drawn[0] != drawn[2]).any()


def test_text_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = blank(402, 638)
    draw_label(frame, "tennis", 0.97)
    draw_bars(frame, LABELS, np.array([0.02, 0.97, 0.01]), 1)

    def refuse(*_: object) -> None:
        pytest.fail("measured again")

    monkeypatch.setattr(cv2, "getTextSize", refuse)
    draw_label(frame, "tennis", 0.97)
    draw_bars(frame, LABELS, np.array([0.02, 0.97, 0.01]), 1)
