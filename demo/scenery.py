"""What the three worlds share: wandering motion, surfaces, crowds, banners, backdrops."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import cv2
import numpy as np

from demo.canvas import Camera, Canvas, Colour, Point, on_ground, rgb
from demo.figures import SKIN, bright_colour

WORDS = ["SPORT", "OPEN", "CUP", "FINAL", "LIVE", "RADIO", "WATER", "CITY", "FAIR PLAY", "2026"]


def drift(rng: np.random.Generator, reach: Point, period: float) -> Callable[[float], np.ndarray]:
    """A smooth wander about 0: at a time, one offset for each `reach` (which it keeps within)."""
    speed = 2 * np.pi / period * rng.uniform(0.6, 1.4, (2, len(reach))) * [[1], [2.3]]
    start = rng.uniform(0, 2 * np.pi, (2, len(reach)))
    return lambda time: np.asarray(reach) * ([0.8, 0.2] @ np.sin(speed * time + start))


def smooth_step(share: float) -> float:
    """0 to 1, leaving and arriving gently."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def any_colour(rng: np.random.Generator, low: float = 40, high: float = 200) -> np.ndarray:
    """A muted colour, for walls, floors and seats."""
    return bright_colour(rng) * 0.3 + rng.uniform(low, high) * 0.7


def mottled(
    rng: np.random.Generator, colour: Colour, contrast: float = 0.12, stripes: int = 0
) -> np.ndarray:
    """A worn surface (grass, clay, rubber), (256, 256, 3) uint8; `stripes` as a mower leaves."""
    shade = np.ones((256, 256), np.float32)
    for cells, weight in ((5, 1.0), (24, 0.7), (128, 0.5)):
        patches = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        shade += contrast * weight * cv2.resize(patches, (256, 256), interpolation=cv2.INTER_CUBIC)
    if stripes:
        shade += 0.07 * np.sign(np.sin(np.arange(256) / 256 * np.pi * stripes))
    return np.clip(shade[..., None] * np.asarray(colour), 0, 255).astype(np.uint8)


def crowd(rng: np.random.Generator, rows: int, seats: int, filled: float = 0.9) -> np.ndarray:
    """A stand full of people as seen from afar, (12 rows, 8 seats, 3) uint8."""
    empty = any_colour(rng)
    clothes = rng.choice([30, 70, 130, 190, 230], (rows, seats, 1)) * rng.uniform(
        0.5, 1, (rows, seats, 3)
    )
    skin = np.array(SKIN)[rng.integers(len(SKIN), size=(rows, seats))]
    hair = skin * 0.25
    seat = np.broadcast_to(empty, skin.shape)
    taken = rng.random((rows, seats, 1)) < filled
    looks = np.stack([seat * 0.6] + [np.where(taken, part, seat) for part in (hair, skin, clothes)])
    person = np.zeros((12, 8), np.uint8)  # which of the looks each pixel of one seat shows
    cv2.ellipse(person, (4, 11), (3, 5), 0, 0, 360, 3, -1)
    cv2.ellipse(person, (4, 4), (2, 3), 0, 0, 360, 2, -1)
    person[1:3, 2:7] = np.where(person[1:3, 2:7], 1, 0)
    stand = looks[
        np.tile(person, (rows, seats)),
        np.arange(rows * 12)[:, None] // 12,
        np.arange(seats * 8) // 8,
    ]
    for row in range(1, rows, 2):  # nobody sits right behind another
        stand[row * 12 : row * 12 + 12] = np.roll(stand[row * 12 : row * 12 + 12], 4, axis=1)
    return stand.astype(np.uint8)


def banner(rng: np.random.Generator, panels: int) -> np.ndarray:
    """A row of three sponsors' boards, over and over, (48, 160 panels, 3) uint8."""
    boards = np.empty((3, 48, 160, 3), np.uint8)
    for board, word in zip(boards, rng.choice(WORDS, 3, replace=False), strict=True):
        colour, ink = bright_colour(rng), bright_colour(rng)
        if abs(colour - ink).max() < 90:
            ink = 255 * (colour.mean() < 128) * np.ones(3)
        board[:] = rgb(colour)
        size = min(6.4 / (len(word) + 1.5), 1.2)
        cv2.putText(
            board, str(word), (12, 36), cv2.FONT_HERSHEY_DUPLEX, size, rgb(ink), 3, cv2.LINE_AA
        )
    return np.concatenate([boards[panel % 3] for panel in range(panels)], axis=1)


def sky(rng: np.random.Generator, camera: Camera) -> Canvas:
    """A canvas whose upper part is a sky, paler towards the horizon, or a dark hall's air."""
    day, blue, light = rng.random() < 0.7, rng.uniform(0, 0.45), rng.uniform(140, 235)
    night = rng.uniform(15, 60)
    canvas = Canvas(camera, light * np.array([1 - blue, 1 - blue / 2, 1]) if day else [night] * 3)
    paler = np.linspace(0.85, 1.2, camera.size[1])[:, None, None]
    canvas.image[:] = np.clip(canvas.image * paler, 0, 255)
    return canvas


def ground(canvas: Canvas, picture: np.ndarray, reach: float) -> None:
    """Cover the ground with a surface, `reach` metres to each side."""
    canvas.texture(picture, (-reach, -reach, 0), (2 * reach, 0, 0), (0, 2 * reach, 0))


def rectangle(low: Point, high: Point) -> np.ndarray:
    """The closed outline (5, 2) of a rectangle on the ground."""
    (left, near), (right, far) = low, high
    return np.array([(left, near), (right, near), (right, far), (left, far), (left, near)])


def paint_lines(canvas: Canvas, paths: Sequence[np.ndarray], width: float, colour: Colour) -> None:
    """Paint each straight piece of each path (N, 2) on the ground."""
    for path in paths:
        for piece in pairwise(path):
            canvas.ground_line(np.array(piece), width, colour)


def arc(centre: Point, radius: float, first: float, last: float) -> np.ndarray:
    """Points (25, 2) of a circle's arc on the ground, angles in radians."""
    turn = np.linspace(first, last, 25)
    return np.array(centre) + radius * np.column_stack([np.cos(turn), np.sin(turn)])


def wall(
    canvas: Canvas,
    start: Point,
    end: Point,
    low: float,
    high: float,
    picture: np.ndarray,
    lean: float = 0.0,
) -> None:
    """Stand a picture up between two ground points, seen with `start` on the left.

    Its foot is at height `low`, its top at `high`; it leans back by `lean` metres, as a stand does.
    """
    start, end = np.array(start, float), np.array(end, float)
    back = np.array([start[1] - end[1], end[0] - start[0]])
    back *= lean / np.linalg.norm(back)
    foot = on_ground([start], low)[0]
    canvas.texture(picture, foot, (*(end - start), 0), (*back, high - low))
