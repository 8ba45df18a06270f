"""Every scene by name, the misleading shots that all activities share, and the camera's flaws.

A scene is a pure function of activity, seed and time. Each frame replays the same random numbers,
as many of them whatever the time, so only what depends on time moves from frame to frame.
"""

import cv2
import numpy as np

from demo.canvas import Body, Camera, Canvas, rgb
from demo.figures import Pose, athlete, bright_colour, cheering, random_kit
from demo.football import football
from demo.scenery import WORDS, any_colour, banner, crowd, drift, sky, wall
from demo.tennis import tennis
from demo.weight_lifting import weight_lifting

ACTIVITIES = {"football": football, "tennis": tennis, "weight_lifting": weight_lifting}


def draw_scene(
    activity: str,
    seed: int,
    time: float = 0.0,
    size: tuple[int, int] = (400, 300),
    shot: str = "play",
) -> np.ndarray:
    """Draw one frame: RGB uint8, (height, width, 3).

    `size` is (width, height), `time` in seconds. A `shot` other than "play" gives no hint of the
    activity: "crowd" and "close_up", which mislead, and "title", a card with a word.
    """
    identity = [seed, list(ACTIVITIES).index(activity), SHOTS.index(shot)]
    rng = np.random.default_rng(identity)
    draw = ACTIVITIES[activity] if shot == "play" else _OTHER_SHOTS[shot]
    canvas = draw(rng, time, size)
    grain = np.random.default_rng([*identity, round(time * 1000)])
    return through_lens(canvas.image, rng, grain)


def crowd_shot(rng: np.random.Generator, time: float, size: tuple[int, int]) -> Canvas:
    """Spectators on a stand, some of them on their feet and waving."""
    zoom, rise = rng.uniform(1.5, 2.6), rng.uniform(0.35, 0.5)
    sway = drift(rng, (0.5, 0.1, 0.2), 4)(time)
    camera = Camera(np.array([0, -9, rng.uniform(1.5, 4)]) + sway, (sway[0], 2, 1.6), zoom, size)
    canvas = Canvas(camera, any_colour(rng, 20, 120))
    seats, boards, joy = any_colour(rng), banner(rng, 6), rng.random()
    team = bright_colour(rng)
    for row in reversed(range(8)):
        y, z = 0.85 * row, rise * row
        canvas.polygon(
            np.array([(-12, y, z - 0.3), (12, y, z - 0.3), (12, y, z + 0.75), (-12, y, z + 0.75)]),
            seats * (0.8 + 0.03 * row),
        )
        people: list[Body] = []
        for x in np.arange(-3.7, 3.8, 0.62) + rng.uniform(-0.12, 0.12, 13):
            kit = random_kit(rng, team if rng.random() < 0.4 else None)
            cheer = joy * rng.uniform(0, 1.3)
            pose = cheering(rng.uniform(0, 6) + rng.uniform(3, 7) * time, min(cheer, 1))
            height, present = rng.uniform(1.55, 1.8), rng.random() < 0.9
            person = athlete((x, y - 0.25, z - 0.6), -np.pi / 2, pose, kit, height, face=row < 3)
            people += person if present else []
        canvas.bodies(people)
    if rng.random() < 0.5:
        wall(canvas, (-8, -1), (8, -1), -0.5, 0.4, boards)
    return canvas


def close_up(rng: np.random.Generator, time: float, size: tuple[int, int]) -> Canvas:
    """One face and shoulders before a background out of focus."""
    tall = 1.8
    face = np.array([0, 0, rng.uniform(0.86, 0.9) * tall])
    around = rng.uniform(-0.7, 0.7)
    sway = drift(rng, (0.06, 0.06, 0.03), 3)(time)
    eye = face + 3 * np.array([np.sin(around), -np.cos(around), rng.uniform(-0.1, 0.1)]) + sway
    aim = face - (rng.uniform(-0.12, 0.12), 0, 0)
    camera = Camera(eye, aim, rng.uniform(2.6, 5.0), size)
    canvas = sky(rng, camera)
    backdrop = [crowd(rng, 8, 20), banner(rng, 3)][int(rng.integers(2))]
    low, high = rng.uniform(-2, 0.5), rng.uniform(1.6, 6)
    wall(canvas, (-6, 5), (6, 5), low, high, backdrop)
    canvas.blur(size[0] / 60)
    turn = rng.uniform(-0.5, 0.5) + drift(rng, (0.25,), 3)(time)[0]
    pose = Pose(
        [(-0.15, 0.1, 0.5), (0.15, 0.1, 0.5)], [(-0.06, 0, 0.03), (0.06, 0, 0.03)], gaze=turn
    )
    canvas.bodies(athlete((0, 0), -np.pi / 2, pose, random_kit(rng), tall, face=True))
    return canvas


def title_card(rng: np.random.Generator, time: float, size: tuple[int, int]) -> Canvas:
    """What a station shows between two games: a word on drifting bands, which no photo shows."""
    width, height = size
    canvas = Canvas(Camera((0, -9, 2), (0, 0, 2), 1, size), bright_colour(rng) * 0.35)
    shift = drift(rng, (0.1, 0.1), 6)(time) * height
    for place in np.linspace(-0.5, 1.5, 6):
        middle = int(place * height + shift[0])
        ends = (-9, middle + height // 6), (width + 9, middle - height // 6)
        cv2.line(canvas.image, *ends, rgb(bright_colour(rng)), height // 14, cv2.LINE_AA)
    word = WORDS[int(rng.integers(len(WORDS)))]
    (across, up), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_TRIPLEX, height / 120, 4)
    corner = (width - across) // 2 + int(shift[1]), (height + up) // 2
    font = cv2.FONT_HERSHEY_TRIPLEX
    cv2.putText(canvas.image, word, corner, font, height / 120, (255,) * 3, 4, cv2.LINE_AA)
    return canvas


_OTHER_SHOTS = {"crowd": crowd_shot, "close_up": close_up, "title": title_card}
SHOTS = ("play", *_OTHER_SHOTS)


def through_lens(
    image: np.ndarray, rng: np.random.Generator, grain: np.random.Generator
) -> np.ndarray:
    """What a real camera adds: exposure, tint, contrast, a dark rim, softness and noise.

    `rng` gives the camera's own traits, the same in all its frames; `grain` each frame's noise.
    """
    height, width = image.shape[:2]
    tint, contrast = rng.uniform(0.88, 1.12, 3), rng.uniform(0.75, 1.15)
    gain, lift = rng.uniform(0.8, 1.25), rng.uniform(-8, 18)
    rim, noise, softness = rng.uniform(0, 0.3), rng.uniform(0.5, 5), rng.uniform(0.2, 0.8)
    picture = cv2.GaussianBlur(image, (0, 0), softness).astype(np.float32)
    across, down = np.linspace(-1, 1, width) ** 2, np.linspace(-1, 1, height)[:, None] ** 2
    picture *= (1 - rim * (across + down) / 2)[..., None] * tint * gain * contrast
    picture += 128 * (1 - contrast) + lift
    picture += noise * grain.standard_normal((height, width, 1), np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)
