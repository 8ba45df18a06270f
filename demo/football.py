"""Football: two teams and a ball on a pitch, from the stand, the touchline or behind a goal."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from demo.canvas import Body, Camera, Canvas
from demo.figures import athlete, bright_colour, kicking, random_kit, running
from demo.scenery import (
    arc,
    banner,
    crowd,
    drift,
    ground,
    mottled,
    paint_lines,
    rectangle,
    sky,
    wall,
)

HALF_LENGTH, HALF_WIDTH = 52.5, 34.0
GOAL_HALF_WIDTH, GOAL_HEIGHT = 3.66, 2.44
PITCHES = {  # colour and how common it is: grass, dry grass, artificial, mud, frost, ash
    (62, 118, 52): 0.3,
    (122, 128, 66): 0.14,
    (40, 120, 110): 0.14,
    (112, 88, 62): 0.16,
    (176, 190, 186): 0.1,
    (150, 84, 60): 0.16,
}


def football(rng: np.random.Generator, time: float, size: tuple[int, int]) -> Canvas:
    """Draw a match at a moment."""
    middle = rng.uniform((-38, -14), (38, 14))
    roam = drift(rng, (12, 6), 13)

    def ball_at(moment: float) -> np.ndarray:
        return np.clip(middle + roam(moment), [-50, -32], [50, 32])

    camera, near_view = _camera(rng, time, ball_at(time - 0.2), size)
    canvas = _pitch(rng, camera)

    strips = [(bright_colour(rng), bright_colour(rng)) for _ in range(3)]
    bodies: list[Body] = []
    for number in range(23):  # two teams of eleven, and the referee
        shirt, shorts = strips[2 if number == 22 else number % 2]
        kit = replace(random_kit(rng, shirt), shorts=shorts, socks=shirt)
        home, wander = rng.normal(0, (13, 9)), drift(rng, (3, 3), 4)
        if number < 2:  # these two fight for the ball
            home = rng.uniform(0.5, 1.1) * np.array([(-1, -0.3), (1, 0.3)][number])

        def place_at(
            moment: float,
            number: int = number,
            home: np.ndarray = home,
            wander: Callable[[float], np.ndarray] = wander,
        ) -> np.ndarray:
            if number < 2:
                return ball_at(moment) + home + 0.1 * wander(moment)
            return home + middle + 0.5 * roam(moment - 0.4) + wander(moment)

        place, velocity = place_at(time), (place_at(time) - place_at(time - 0.1)) / 0.1
        to_ball = ball_at(time) - place
        heading = velocity + 0.6 * to_ball / (1 + np.linalg.norm(to_ball))
        phase = rng.uniform(0, 2 * np.pi) + rng.uniform(8, 10) * time
        pose = running(phase, 0.35 + 0.65 * min(float(np.linalg.norm(velocity)) / 4, 1))
        if number == 0:
            pose, heading = kicking(phase, max(0.0, np.sin(phase / 2)) ** 2), to_ball
        bodies += athlete(
            place,
            np.arctan2(heading[1], heading[0]),
            pose,
            kit,
            rng.uniform(1.7, 1.92),
            face=near_view,
        )

    bodies += _ball(rng, time, ball_at(time)) + _goal_posts()
    canvas.shadows(bodies, (*rng.uniform(-1, 1, 2), 1), rng.uniform(0.1, 0.5))
    canvas.bodies(bodies)
    return canvas


def _camera(
    rng: np.random.Generator, time: float, subject: np.ndarray, size: tuple[int, int]
) -> tuple[Camera, bool]:
    """A view that follows its subject, and whether it is a near one."""
    view = int(rng.choice(4, p=[0.25, 0.2, 0.4, 0.15]))
    end = rng.choice([-1, 1])
    eye, zoom = [
        ((subject[0] * 0.8, -56, rng.uniform(12, 24)), rng.uniform(1.8, 3.8)),  # the stand
        ((subject[0] + rng.uniform(-10, 10), -41, rng.uniform(1.4, 4)), rng.uniform(1.8, 3.6)),
        (
            (*(subject + rng.uniform([-8, -13], [8, -6])), rng.uniform(0.9, 2.6)),
            rng.uniform(1.2, 2.0),
        ),  # on the pitch, beside a duel
        (
            (end * rng.uniform(55, 58), rng.uniform(-9, 9), rng.uniform(3, 8)),
            rng.uniform(1.2, 2.8),
        ),  # behind a goal
    ][view]
    sway = drift(rng, (0.3, 0.3, 0.15), 5)(time)
    return Camera(np.array(eye) + sway, (*subject, 0.9), zoom, size), view == 2


def _pitch(rng: np.random.Generator, camera: Camera) -> Canvas:
    """The empty ground: grass or another surface, its lines, goals, boards and what is beyond."""
    canvas = sky(rng, camera)
    surfaces = list(PITCHES)
    colour = surfaces[rng.choice(len(surfaces), p=list(PITCHES.values()))]
    surface = mottled(
        rng, colour * rng.uniform(0.8, 1.2, 3), rng.uniform(0.05, 0.2), int(rng.integers(0, 2)) * 40
    )
    ground(canvas, surface, 130)

    people, boards = crowd(rng, 24, 150, rng.uniform(0.2, 1)), banner(rng, 24)
    grove = mottled(rng, rng.uniform((30, 50, 25), (110, 105, 70)), 0.5)
    trees = np.tile(np.hstack([grove, grove[:, ::-1]]), (1, 4, 1))
    stadium, fenced = rng.random() < 0.6, rng.random() < 0.75
    edge, behind = HALF_WIDTH + 5, HALF_LENGTH + 6
    sides = [
        ((-behind, edge), (behind, edge)),
        ((behind, edge), (behind, -edge)),
        ((-behind, -edge), (-behind, edge)),
        ((behind, -edge), (-behind, -edge)),
    ]
    # The side that the camera stands on is left away: it would hide the match.
    stood_on = int(
        np.argmax(
            [camera.position[1], camera.position[0], -camera.position[0], -camera.position[1]]
            / np.array([edge, behind, behind, edge])
        )
    )
    for index, (start, end) in enumerate(sides):
        if index == stood_on and abs(camera.position[1]) + abs(camera.position[0]) > 38:
            continue
        if stadium:
            wall(canvas, start, end, 1.2, 17, people, lean=20)
        else:
            wall(
                canvas, np.multiply(start, 1.5), np.multiply(end, 1.5), 0, rng.uniform(5, 9), trees
            )
        if fenced:
            wall(canvas, start, end, 0, 1.1, boards)

    box = [
        rectangle((HALF_LENGTH - deep, -half), (HALF_LENGTH, half))
        for deep, half in ((16.5, 20.16), (5.5, 9.16))
    ]
    paths = [
        rectangle((-HALF_LENGTH, -HALF_WIDTH), (HALF_LENGTH, HALF_WIDTH)),
        np.array([(0, -HALF_WIDTH), (0, HALF_WIDTH)]),
        arc((0, 0), 9.15, 0, 2 * np.pi),
        arc((HALF_LENGTH - 11, 0), 9.15, 2.22, 4.06),
        *box,
    ]
    white = np.full(3, rng.uniform(200, 250))
    paint_lines(canvas, paths + [path * (-1, 1) for path in paths[3:]], 0.14, white)
    for goal in (-1, 1):
        _net(canvas, goal * HALF_LENGTH, goal * 2.0)
    return canvas


def _net(canvas: Canvas, line: float, depth: float) -> None:
    """A goal's net: three veils of thread."""
    far, half, top = line + depth, GOAL_HALF_WIDTH, GOAL_HEIGHT
    for veil in (
        [(far, -half, 0), (far, half, 0), (line, half, top), (line, -half, top)],
        *([(line, side, 0), (far, side, 0), (line, side, top)] for side in (-half, half)),
    ):
        canvas.polygon(np.array(veil, float), (235, 235, 235), opacity=0.3)


def _goal_posts() -> list[Body]:
    bodies = []
    for line in (-HALF_LENGTH, HALF_LENGTH):
        left, right = ((line, side * GOAL_HALF_WIDTH, 0) for side in (-1, 1))
        top_left, top_right = ((*foot[:2], GOAL_HEIGHT) for foot in (left, right))
        bodies += [
            Body(np.array(a, float), np.array(b, float), 0.07, 0.07, (245, 245, 245))
            for a, b in ((left, top_left), (right, top_right), (top_left, top_right))
        ]
    return bodies


def _ball(rng: np.random.Generator, time: float, place: np.ndarray) -> list[Body]:
    """A white ball with dark patches, that bounces."""
    flight = rng.uniform(0, 1.2) * abs(np.sin(2.2 * time + rng.uniform(0, 3)))
    centre = np.array([*place, 0.12 + flight])
    patches = rng.normal(size=(7, 3))
    patches *= 0.09 / np.linalg.norm(patches, axis=1, keepdims=True)
    return [Body(centre, centre, 0.13, 0.13, (248, 248, 248))] + [
        Body(centre + patch, centre + patch, 0.045, 0.045, (45, 45, 45)) for patch in patches
    ]
