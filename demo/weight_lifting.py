"""Weight lifting: a lifter and a barbell on a platform, in a contest's hall or in a gym."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from demo.canvas import Body, Camera, Canvas
from demo.figures import (
    Pose,
    athlete,
    bright_colour,
    official_kit,
    random_kit,
    running,
    seated,
    to_world,
)
from demo.scenery import any_colour, banner, crowd, drift, ground, mottled, sky, smooth_step, wall

PLATES = [
    (190, 40, 40),
    (40, 70, 170),
    (225, 190, 40),
    (40, 130, 70),
    (235, 235, 235),
    (35, 35, 38),
]
PLATFORMS = [
    (186, 142, 92),
    (150, 110, 70),
    (60, 120, 76),
    (50, 90, 150),
    (120, 120, 124),
    (160, 70, 60),
    (96, 80, 130),
]

# A lift's moments: seconds, then forward and up, in body heights, of bar, pelvis and chest.
SET = (0.12, 0.135, -0.17, 0.27, 0.07, 0.45)
HIP = (0.08, 0.44, -0.02, 0.50, 0.03, 0.80)
SQUAT = (0.09, 0.57, -0.10, 0.28, 0.00, 0.57)
RACK = (0.09, 0.82, 0.00, 0.51, 0.00, 0.81)
LOW_OVERHEAD = (0.00, 0.87, -0.12, 0.27, 0.02, 0.56)
OVERHEAD = (0.00, 1.13, 0.00, 0.50, 0.01, 0.80)
LIFTS = {  # name: half grip in body heights, moments
    "snatch": (
        0.34,
        [
            (0, SET),
            (0.9, SET),
            (1.5, HIP),
            (1.9, LOW_OVERHEAD),
            (2.5, LOW_OVERHEAD),
            (3.4, OVERHEAD),
            (5.4, OVERHEAD),
            (6.3, SET),
        ],
    ),
    "clean and jerk": (
        0.17,
        [
            (0, SET),
            (0.8, SET),
            (1.4, HIP),
            (1.8, SQUAT),
            (2.8, RACK),
            (3.4, RACK),
            (3.8, OVERHEAD),
            (5.6, OVERHEAD),
            (6.6, SET),
        ],
    ),
    "deadlift": (0.17, [(0, SET), (0.6, SET), (1.8, HIP), (3.0, HIP), (4.0, SET)]),
    "front squat": (0.17, [(0, RACK), (0.5, RACK), (1.7, SQUAT), (2.0, SQUAT), (3.2, RACK)]),
}


def weight_lifting(rng: np.random.Generator, time: float, size: tuple[int, int]) -> Canvas:
    """Draw an attempt at a moment."""
    grip, moments = list(LIFTS.values())[rng.choice(len(LIFTS), p=[0.35, 0.35, 0.15, 0.15])]
    clock = (time + rng.uniform(0, 7)) % moments[-1][0]
    shake = 0.004 * np.sin(31 * time)  # a heavy bar is never still
    pose, bar = _lift(clock, grip, moments, shake)

    heading, height = -np.pi / 2 + rng.uniform(-0.15, 0.15), rng.uniform(1.55, 1.85)
    suit = bright_colour(rng)
    kit = replace(random_kit(rng, suit), shorts=suit, bulk=rng.uniform(1.15, 1.5))
    bodies = athlete((0, 0), heading, pose, kit, height, face=True)
    in_world = to_world((0, 0), heading, height)
    bodies += _barbell(rng, in_world(bar), in_world((1, 0, 0)) / height)

    camera = _camera(rng, time, size)
    canvas = _hall(rng, camera)
    for side in (-1, 1):  # judges, coaches, loaders, or others training
        for _ in range(2):
            spot = (side * rng.uniform(2.4, 4.6), rng.uniform(-1.5, 2.6))
            sits = rng.random() < 0.4
            look = -np.pi / 2 - side * rng.uniform(0, 1.2)
            watcher = athlete(spot, look, seated() if sits else running(0, 0), official_kit(rng))
            bodies += watcher if rng.random() < 0.6 else []
    bodies += _gym_rack(rng) if rng.random() < 0.4 else []
    canvas.shadows(bodies, (*rng.uniform(-0.4, 0.4, 2), 1), rng.uniform(0.2, 0.5))
    canvas.bodies(bodies)
    return canvas


def _lift(
    clock: float, grip: float, moments: Sequence[tuple[float, tuple[float, ...]]], shake: float
) -> tuple[Pose, np.ndarray]:
    """The lifter's pose and the bar's middle (3,), `clock` seconds into the lift."""
    times = [moment for moment, _ in moments]
    last = min(int(np.searchsorted(times, clock, side="right")), len(times) - 1)
    share = smooth_step((clock - times[last - 1]) / (times[last] - times[last - 1]))
    before, after = (np.array(moments[index][1]) for index in (last - 1, last))
    bar, pelvis, chest = (
        np.array([0, *pair]) for pair in (before + share * (after - before)).reshape(3, 2)
    )
    bar[2] += shake
    hands = [bar - (side * -grip, 0, 0) for side in (-1, 1)]
    return Pose(hands, [(-0.12, 0, 0.03), (0.12, 0, 0.03)], pelvis, chest), bar


def _barbell(rng: np.random.Generator, middle: np.ndarray, right: np.ndarray) -> list[Body]:
    """The bar and its plates, the largest inside; `right` is the bar's direction (3,)."""
    steel, in_gym = (185, 188, 192), rng.random() < 0.3
    bodies = [
        Body(middle + right * a, middle + right * b, radius, radius, steel)
        for a, b, radius in (
            (-0.64, 0, 0.015),
            (0, 0.64, 0.015),
            (-1.1, -0.64, 0.026),
            (0.64, 1.1, 0.026),
        )
    ]
    count = rng.integers(1, 5)
    colours = rng.integers(len(PLATES), size=4)
    offset = 0.66
    for plate in range(4):
        radius, width = (0.225, 0.055) if plate < 2 else (0.225 - 0.045 * (plate - 1), 0.035)
        if plate < count:
            colour = PLATES[5 if in_gym else colours[plate]]
            for side in (-1, 1):
                inner, outer = (middle + side * right * x for x in (offset, offset + width))
                bodies.append(Body(inner, outer, radius, radius, colour, flat=True))
                hub = outer + side * right * 0.004
                bodies.append(Body(outer, hub, radius * 0.35, radius * 0.35, steel, flat=True))
        offset += width + 0.008
    return bodies


def _camera(rng: np.random.Generator, time: float, size: tuple[int, int]) -> Camera:
    distance, around = rng.uniform(4, 10), rng.uniform(-1.0, 1.0)
    eye = np.array([distance * np.sin(around), -distance * np.cos(around), rng.uniform(0.5, 2.6)])
    span = rng.uniform(2.3, 4.5)  # metres of the scene that the picture's height shows
    zoom = distance / span * size[1] / size[0]
    target = np.array([rng.uniform(-0.4, 0.4), 0, 0.4 * span + rng.uniform(-0.25, 0.15)])
    return Camera(eye + drift(rng, (0.15, 0.1, 0.05), 5)(time), target, zoom, size)


def _hall(rng: np.random.Generator, camera: Camera) -> Canvas:
    """The platform, the floor around it and the wall or audience behind it."""
    canvas = sky(rng, camera)
    floor = mottled(rng, any_colour(rng), rng.uniform(0.02, 0.1))
    ground(canvas, floor, 30)

    depth, kind = rng.uniform(2.8, 7), int(rng.integers(4))
    panels = mottled(rng, any_colour(rng, 20, 220), 0.04)
    stripes = int(rng.integers(3, 12))
    panels[:, :: 256 // stripes] = panels[:, :: 256 // stripes] // 2
    people, boards = crowd(rng, 10, 60, rng.uniform(0.4, 1)), banner(rng, 5)
    for start, end in (((-20, depth), (20, depth)), ((14, 20), (14, -20)), ((-14, -20), (-14, 20))):
        wall(canvas, start, end, 0, 9, panels)
    if kind == 0:
        wall(canvas, (-9, depth), (9, depth), 0.6, 6, people, lean=5)
    elif kind == 1:
        wall(canvas, (-4, depth - 0.05), (4, depth - 0.05), 0.4, 3, boards)
    elif kind == 2:
        for row in range(4):  # a sponsors' wall
            wall(canvas, (-6, depth - 0.05), (6, depth - 0.05), row, row + 0.7, boards)
    if rng.random() < 0.5:
        wall(canvas, (-3, depth - 0.1), (3, depth - 0.1), 0, 0.8, boards)

    outer, inner = rng.integers(len(PLATFORMS), size=2)
    tone, wear = rng.uniform(0.75, 1.25, (2, 3)), rng.uniform(0.02, 0.1)
    for half, colour, light in ((2.0, outer, tone[0]), (1.35, inner, tone[1])):
        canvas.texture(
            mottled(rng, PLATFORMS[colour] * light, wear),
            (-half, -2, 0),
            (2 * half, 0, 0),
            (0, 4, 0),
        )
    return canvas


def _gym_rack(rng: np.random.Generator) -> list[Body]:
    """A squat rack with spare plates on it, behind the lifter."""
    x, y, steel = rng.choice([-1, 1]) * rng.uniform(1.6, 2.6), rng.uniform(1.6, 2.4), (60, 60, 66)
    posts = [(np.array([x + a, y, 0]), np.array([x + a, y, 2.2])) for a in (-0.6, 0.6)]
    beams = [(np.array([x - 0.6, y, z]), np.array([x + 0.6, y, z])) for z in (0.7, 2.2)]
    bodies = [Body(a, b, 0.04, 0.04, steel) for a, b in posts + beams]
    for peg in rng.uniform(-0.45, 0.45, 3):
        centre = np.array([x + peg, y - 0.05, 0.7])
        bodies.append(
            Body(
                centre,
                centre - (0, 0.05, 0),
                0.2,
                0.2,
                PLATES[rng.integers(len(PLATES))],
                flat=True,
            )
        )
    return bodies
