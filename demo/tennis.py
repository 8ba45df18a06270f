"""Tennis: a rally over the net, from behind the court, from its side or close to one player."""

from itertools import pairwise

import numpy as np

from demo.canvas import Body, Camera, Canvas, Colour, on_ground
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
from demo.scenery import (
    any_colour,
    banner,
    crowd,
    drift,
    ground,
    mottled,
    paint_lines,
    rectangle,
    sky,
    smooth_step,
    wall,
)

HALF_LENGTH, HALF_WIDTH, SINGLES_HALF_WIDTH, SERVICE = 11.885, 5.485, 4.115, 6.4
COURTS = [
    (172, 92, 58),
    (186, 110, 76),
    (78, 124, 62),
    (52, 92, 150),
    (60, 120, 96),
    (96, 84, 150),
    (120, 120, 122),
]  # clay, pale clay, grass, blue, green, purple and grey hard courts

# The right hand and the racket's direction through a stroke, in body heights; times in strokes
# before (-) and after the hit. Once level, once overhead.
TIMES = [-1, -0.75, -0.22, 0, 0.2, 0.6, 1]
READY = (0.10, 0.24, 0.62, 0.1, 0.8, 0.6)
STROKES = [
    [
        READY,
        READY,
        (0.36, -0.18, 0.74, 0.6, -0.6, 0.5),
        (0.36, 0.2, 0.6, 1, 0.3, 0.05),
        (-0.06, 0.26, 0.92, -0.7, -0.1, 0.7),
        READY,
        READY,
    ],
    [
        READY,
        READY,
        (0.24, -0.12, 0.86, -0.1, -0.7, -0.6),
        (0.14, 0.12, 1.12, 0, 0.3, 1),
        (-0.16, 0.28, 0.5, -0.6, 0.5, -0.6),
        READY,
        READY,
    ],
]


def tennis(rng: np.random.Generator, time: float, size: tuple[int, int]) -> Canvas:
    """Draw a rally at a moment."""
    clock = time / rng.uniform(1.0, 1.3) + rng.uniform(0, 2)  # counts the hits
    overhead = rng.random(2) < 0.3
    spots = rng.uniform((-3.4, 10.6), (3.4, 12.8), (2, 32, 2)) * [[[1, -1]], [[1, 1]]]
    bodies: list[Body] = []
    places = []
    for side in (0, 1):  # 0 has the near half and hits at even counts
        turn = int((clock - side) // 2)
        share = (clock - side) / 2 % 1
        place = spots[side, turn % 32] + smooth_step(share) * (
            spots[side, (turn + 1) % 32] - spots[side, turn % 32]
        )
        places.append(place)
        since_hit = (clock - side + 1) % 2 - 1
        pose, aim = _stroke(
            since_hit,
            bool(overhead[side]),
            running(9 * time + side, 0.35 + 0.45 * np.sin(np.pi * share) ** 2),
        )
        heading, height = np.pi * (0.5 + side) + rng.uniform(-0.5, 0.5), rng.uniform(1.7, 1.95)
        bodies += athlete(place, heading, pose, random_kit(rng), height, face=True)
        in_world = to_world(place, heading, height)
        hand = in_world(pose.hands[1])
        bodies += _racket(hand, in_world(np.array(pose.hands[1]) + aim) - hand, bright_colour(rng))

    ball = _ball(clock, spots, overhead)
    bodies.append(Body(ball, ball, 0.06, 0.06, (222, 238, 80)))
    camera = _camera(rng, time, places, ball, size)
    canvas = _court(rng, camera)
    for spot in rng.uniform((-9, 13.2), (9, 16), (3, 2)):  # line judges and ball kids
        bodies += athlete(spot, -np.pi / 2, running(0, 0), official_kit(rng), rng.uniform(1.5, 1.8))
    bodies += _umpire(rng)
    canvas.shadows(bodies, (*rng.uniform(-1, 1, 2), 1), rng.uniform(0.1, 0.5))
    lens_side = np.sign(camera.position[1])
    canvas.bodies(body for body in bodies if body.start[1] * lens_side < 0)
    _net(canvas)
    canvas.bodies(body for body in bodies if body.start[1] * lens_side >= 0)
    return canvas


def _stroke(since_hit: float, overhead: bool, run: Pose) -> tuple[Pose, np.ndarray]:
    """A running player's pose with the racket hand's stroke, and the racket's direction (3,)."""
    keys = np.array(STROKES[int(overhead)])
    now = np.array([np.interp(since_hit, TIMES, key) for key in keys.T])
    balance = np.array([-0.22, 0.18, 0.62])
    return Pose([balance, now[:3]], run.feet, run.pelvis, run.chest), now[3:]


def _racket(hand: np.ndarray, aim: np.ndarray, colour: Colour) -> list[Body]:
    aim = aim / np.linalg.norm(aim)
    side = np.cross(aim, (0.3, 0.9, 0.1))
    side /= np.linalg.norm(side)
    turn = np.linspace(0, 2 * np.pi, 13)[:, None]
    rim = hand + 0.5 * aim + 0.17 * np.cos(turn) * aim + 0.13 * np.sin(turn) * side
    strings = [(rim[i], rim[-1 - i]) for i in range(1, 6)]
    strings += [(rim[i], rim[6 - i]) for i in range(3)] + [
        (rim[12 - i], rim[6 + i]) for i in range(3)
    ]
    return (
        [Body(hand - 0.05 * aim, hand + 0.34 * aim, 0.018, 0.014, colour)]
        + [Body(a, b, 0.013, 0.013, colour) for a, b in pairwise(rim)]
        + [Body(a, b, 0.003, 0.003, (225, 225, 215)) for a, b in strings]
    )


def _ball(clock: float, spots: np.ndarray, overhead: np.ndarray) -> np.ndarray:
    """Where the ball is, (3,): on an arc from one player's racket to the other's."""
    count, progress = int(clock // 1), clock % 1
    ends = []
    for hit in (count, count + 1):
        side = hit % 2
        x, y = spots[side, (hit - side) // 2 % 32]
        forward = 1 - 2 * side
        ends.append((x + 0.7 * forward, y + 0.4 * forward, 2.2 if overhead[side] else 1.0))
    start, end = np.array(ends)
    ball = start + progress * (end - start)
    ball[2] += 1.1 * np.sin(np.pi * progress)
    return ball


def _camera(
    rng: np.random.Generator,
    time: float,
    places: list[np.ndarray],
    ball: np.ndarray,
    size: tuple[int, int],
) -> Camera:
    view = int(rng.choice(4, p=[0.35, 0.2, 0.1, 0.35]))
    player = places[int(rng.integers(2))]
    towards_net = -np.sign(player[1])
    eye, target, zoom = [
        (
            (rng.uniform(-3, 3), -rng.uniform(20, 27), rng.uniform(5, 11)),
            (0.1 * ball[0], 1, 0),
            rng.uniform(1.0, 1.6),
        ),  # the broadcast's, high behind the court
        (
            (rng.uniform(-4, 4), -rng.uniform(16.5, 20), rng.uniform(1.4, 3)),
            (0.3 * ball[0], 2, 1),
            rng.uniform(1.0, 1.7),
        ),  # low behind the court
        (
            (rng.choice([-1, 1]) * rng.uniform(12, 15), rng.uniform(-9, -2), rng.uniform(2, 5)),
            (0, 0.12 * ball[1], 0.6),
            rng.uniform(0.7, 1.0),
        ),  # beside the court
        (
            (*(player + rng.uniform((-4, 5), (4, 8)) * (1, towards_net)), rng.uniform(0.9, 2.4)),
            (*player, 1),
            rng.uniform(1.1, 1.9),
        ),  # facing one player
    ][view]
    return Camera(np.array(eye) + drift(rng, (0.3, 0.2, 0.1), 6)(time), target, zoom, size)


def _court(rng: np.random.Generator, camera: Camera) -> Canvas:
    canvas = sky(rng, camera)
    inner, outer = rng.integers(len(COURTS), size=2)
    tone, wear = rng.uniform(0.75, 1.25, (2, 3)), rng.uniform(0.02, 0.12)
    if rng.random() < 0.4:  # one surface everywhere, as on clay and grass
        outer, tone[1] = inner, tone[0]
    ground(canvas, mottled(rng, COURTS[outer] * tone[1], wear), 60)
    inside = mottled(rng, COURTS[inner] * tone[0], wear)
    canvas.texture(
        inside, (-HALF_WIDTH, -HALF_LENGTH, 0), (2 * HALF_WIDTH, 0, 0), (0, 2 * HALF_LENGTH, 0)
    )

    people, boards = crowd(rng, 14, 90, rng.uniform(0.2, 1)), banner(rng, 12)
    cloth = mottled(rng, any_colour(rng, 20, 120), 0.05)
    stands, sponsored = rng.random() < 0.65, rng.random() < 0.7
    x, y = 10.5, 18.5
    for start, end in (
        ((-x, y), (x, y)),
        ((x, y), (x, -y)),
        ((-x, -y), (-x, y)),
        ((x, -y), (-x, -y)),
    ):
        facing = np.array([start[1] - end[1], end[0] - start[0]]) / 2  # away from the court
        if np.dot(camera.position[:2], facing) > np.dot(start, facing) * 0.8:
            continue  # the camera stands here
        if stands:
            wall(canvas, start, end, 2.4, 10, people, lean=11)
        wall(canvas, start, end, 0, 2.6, cloth)
        if sponsored:
            wall(canvas, start, end, 0.1, 1.0, boards)

    half_court = [
        rectangle((-HALF_WIDTH, 0), (HALF_WIDTH, HALF_LENGTH)),
        rectangle((-SINGLES_HALF_WIDTH, 0), (SINGLES_HALF_WIDTH, HALF_LENGTH)),
        np.array([(-SINGLES_HALF_WIDTH, SERVICE), (SINGLES_HALF_WIDTH, SERVICE)]),
        np.array([(0, 0), (0, SERVICE)]),
    ]
    paint_lines(
        canvas,
        half_court + [path * (1, -1) for path in half_court],
        0.07,
        np.full(3, rng.uniform(215, 250)),
    )
    return canvas


def _net(canvas: Canvas) -> None:
    edge = HALF_WIDTH + 0.9
    row = np.array([(-edge, 0), (0, 0), (edge, 0)])
    top = on_ground(row) + np.array([(0, 0, 1.07), (0, 0, 0.914), (0, 0, 1.07)])
    canvas.polygon(np.concatenate([on_ground(row), top[::-1]]), (25, 25, 28), opacity=0.45)
    canvas.bodies(
        [Body(a, b, 0.035, 0.035, (245, 245, 245)) for a, b in pairwise(top)]
        + [Body(on_ground(row)[i], top[i], 0.05, 0.05, (50, 60, 50)) for i in (0, 2)]
    )


def _umpire(rng: np.random.Generator) -> list[Body]:
    """The umpire, on a high chair beside the net."""
    x, seat = HALF_WIDTH + 2, 1.5
    legs = [
        Body(np.array([x + a, b, 0.0]), np.array([x, 0.0, seat]), 0.03, 0.03, (200, 200, 200))
        for a in (-0.4, 0.4)
        for b in (-0.4, 0.4)
    ]
    return legs + athlete((x, 0.05, seat - 0.5), np.pi, seated(), official_kit(rng))
