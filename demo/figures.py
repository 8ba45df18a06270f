"""People: a skeleton posed by where its hands and feet are, dressed as rounded bodies.

A pose is in body heights, seen from the person: x to the right, y to the front, z up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from demo.canvas import Body, Colour, Point

HAIR = [(30, 24, 20), (60, 40, 25), (110, 75, 40), (190, 150, 90), (150, 150, 150), (20, 20, 25)]
SKIN = [(245, 208, 180), (225, 178, 145), (190, 140, 105), (140, 95, 65), (95, 62, 45)]


# Start, end, radius, end radius, colour; in the pose's own frame.
Part = tuple[np.ndarray, np.ndarray, float, float, Colour]


@dataclass(frozen=True)
class Kit:
    """What a person wears and looks like."""

    shirt: Colour
    shorts: Colour
    socks: Colour
    shoes: Colour
    skin: Colour
    hair: Colour
    long_sleeves: bool = False
    long_trousers: bool = False
    bulk: float = 1.0  # limb and trunk thickness; 1 is a runner


@dataclass(frozen=True)
class Pose:
    """Where the joints that matter are; knees and elbows follow from them."""

    hands: Sequence[Point] | np.ndarray  # left, right
    feet: Sequence[Point]  # left, right
    pelvis: Point = (0, 0, 0.52)
    chest: Point = (0, 0.01, 0.82)  # between the shoulders
    gaze: float = 0.0  # radians the head is turned to the left


def random_kit(rng: np.random.Generator, shirt: Colour | None = None) -> Kit:
    """Clothes and looks of one person; `shirt` fixes the team's colour."""
    own_shirt, shorts, socks, shoes = (bright_colour(rng) for _ in range(4))
    skin, hair = SKIN[rng.integers(len(SKIN))], HAIR[rng.integers(len(HAIR))]
    return Kit(
        own_shirt if shirt is None else shirt,
        shorts,
        socks,
        shoes,
        skin,
        hair,
        long_sleeves=rng.random() < 0.3,
        bulk=rng.uniform(0.95, 1.15),
    )


def official_kit(rng: np.random.Generator) -> Kit:
    """Clothes of a judge, a coach or an umpire: long sleeves and trousers."""
    return replace(random_kit(rng), long_sleeves=True, long_trousers=True)


def bright_colour(rng: np.random.Generator) -> np.ndarray:
    """A colour of clothes: any hue, often white or dark."""
    hue, saturation, value = rng.random(), rng.uniform(0, 0.8), rng.choice([35, 120, 185, 235])
    wheel = np.clip(abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return value * (1 - saturation * (1 - wheel))


def running(phase: float, effort: float = 1.0) -> Pose:
    """One moment of a run, `phase` in radians; an effort of 0 is standing at ease."""
    swing = effort * np.sin([phase, phase + np.pi])
    lift = effort * np.maximum(0, np.cos([phase, phase + np.pi]))
    feet = [
        (side * 0.06, 0.27 * s - 0.03 * effort, 0.03 + 0.2 * up)
        for side, s, up in zip((-1, 1), swing, lift, strict=True)
    ]
    hands = [
        (side * (0.2 - 0.04 * effort), 0.04 - 0.2 * s, 0.5 + 0.1 * effort - 0.06 * s)
        for side, s in zip((-1, 1), swing, strict=True)
    ]
    bounce = 0.02 * effort * np.cos(2 * phase)
    return Pose(hands, feet, pelvis=(0, 0, 0.51 + bounce), chest=(0, 0.07 * effort, 0.81 + bounce))


def kicking(phase: float, power: float) -> Pose:
    """A run whose right leg strikes a ball; `power` 0 to 1 is how far into the kick."""
    stride = running(phase)
    foot = np.array(stride.feet[1]) * (1 - power) + power * np.array([0.04, 0.36, 0.12])
    spread = np.array([(-0.3, 0.12, 0.62), (0.32, -0.12, 0.58)])
    hands = np.array(stride.hands) * (1 - power) + power * spread
    return Pose(
        hands,
        [stride.feet[0], foot],
        stride.pelvis,
        np.array(stride.chest) + power * np.array([0, -0.12, 0]),
    )


def cheering(phase: float, joy: float) -> Pose:
    """A spectator: hands at rest with `joy` 0, waving above the head with 1."""
    wave = 0.05 * np.sin(phase)
    hands = [
        (side * (0.12 + 0.1 * joy) + wave, 0.12, 0.58 + joy * (0.48 + wave)) for side in (-1, 1)
    ]
    return Pose(hands, [(-0.06, 0, 0.03), (0.06, 0, 0.03)], gaze=0.4 * np.sin(phase / 3))


def seated(lean: float = 0.0) -> Pose:
    """Someone on a chair, hands on the knees."""
    return Pose(
        [(-0.1, 0.25, 0.36), (0.1, 0.25, 0.36)],
        [(-0.07, 0.26, 0.03), (0.07, 0.26, 0.03)],
        pelvis=(0, 0, 0.27),
        chest=(0, 0.02 + lean, 0.57),
    )


def athlete(
    place: Point,
    heading: float,
    pose: Pose,
    kit: Kit,
    height: float = 1.8,
    face: bool = False,
) -> list[Body]:
    """A person's bodies in the world.

    `place` is the ground point (2 or 3 numbers) below the person, `heading` the direction of its
    front in radians from the x axis. `face` adds the features of a face: for near views.
    """
    in_world = to_world(place, heading, height)
    pelvis, chest = np.array(pose.pelvis, float), np.array(pose.chest, float)
    spine = (chest - pelvis) / np.linalg.norm(chest - pelvis)
    parts: list[Part] = []

    for side, hand, foot in zip((-1, 1), pose.hands, pose.feet, strict=True):
        hip = np.add(pelvis, (side * 0.05, 0, 0))
        shoulder = np.add(chest, (side * 0.105, 0, -0.01))
        knee, ankle = _bend(hip, np.array(foot, float), 0.25, 0.25, (side * 0.15, 1, 0.1))
        elbow, wrist = _bend(shoulder, np.array(hand, float), 0.165, 0.16, (side * 0.6, -0.6, -0.6))
        shin = kit.shorts if kit.long_trousers else kit.socks
        forearm = kit.shirt if kit.long_sleeves else kit.skin
        thigh_end = hip + (knee - hip) * 0.6
        parts += [
            (thigh_end, knee, 0.043, 0.035, kit.shorts if kit.long_trousers else kit.skin),
            (hip, thigh_end, 0.055, 0.052, kit.shorts),
            (knee, ankle, 0.034, 0.022, shin),
            (ankle - (0, 0.01, 0.008), ankle - (0, -0.09, 0.012), 0.022, 0.017, kit.shoes),
            (shoulder, elbow, 0.035, 0.027, kit.shirt),
            (elbow, wrist, 0.025, 0.017, forearm),
            (wrist, wrist + (wrist - elbow) * 0.2, 0.02, 0.02, kit.skin),
            (shoulder - (side * 0.02, 0, 0.01), chest - (0, 0, 0.02), 0.037, 0.05, kit.shirt),
        ]
    parts += [
        (pelvis + spine * 0.05, chest - spine * 0.07, 0.084, 0.098, kit.shirt),
        (chest, chest + spine * 0.06, 0.032, 0.03, kit.skin),
    ]
    parts += _head(chest + spine * 0.11, pose.gaze, kit, face)

    bulk = kit.bulk * height
    return [
        Body(in_world(start), in_world(end), bulk * first, bulk * second, colour)
        for start, end, first, second, colour in parts
    ]


def to_world(place: Point, heading: float, height: float = 1.8) -> Callable[[Point], np.ndarray]:
    """The map from a person's own frame, in body heights, to the world."""
    forward = np.array([np.cos(heading), np.sin(heading), 0])
    axes = np.column_stack([(forward[1], -forward[0], 0), forward, (0, 0, 1)]) * height
    origin = np.zeros(3)
    origin[: len(place)] = place
    return lambda point: origin + axes @ np.asarray(point, float)


def _head(centre: np.ndarray, gaze: float, kit: Kit, face: bool) -> list[Part]:
    right = np.array([np.cos(gaze), np.sin(gaze), 0])
    front, up = np.array([-right[1], right[0], 0]), np.array([0, 0, 1.0])

    def at(x: float, y: float, z: float) -> np.ndarray:
        return centre + right * x + front * y + up * z

    head = [
        (at(0, 0.012, -0.028), at(0, 0.008, 0.030), 0.045, 0.055, kit.skin),
        (at(0, -0.018, 0.015), at(0, -0.004, 0.058), 0.058, 0.055, kit.hair),
    ]
    if not face:
        return head
    dark, lips = np.array(kit.hair) * 0.6, np.array(kit.skin) * (0.85, 0.6, 0.6)
    for side in (-1, 1):
        head += [
            (
                at(side * 0.021, 0.051, 0.012),
                at(side * 0.023, 0.051, 0.012),
                0.008,
                0.0065,
                (235, 235, 235),
            ),
            (
                at(side * 0.021, 0.058, 0.012),
                at(side * 0.022, 0.058, 0.012),
                0.0045,
                0.0045,
                (40, 30, 25),
            ),
            (at(side * 0.011, 0.056, 0.029), at(side * 0.034, 0.048, 0.029), 0.004, 0.003, dark),
            (at(side * 0.054, 0, 0.0), at(side * 0.053, 0, 0.02), 0.009, 0.012, kit.skin),
        ]
    return [
        *head,
        (at(0, 0.058, 0.010), at(0, 0.068, -0.010), 0.006, 0.010, np.array(kit.skin) * 0.94),
        (at(-0.014, 0.054, -0.032), at(0.014, 0.054, -0.032), 0.005, 0.005, lips),
    ]


def _bend(
    root: np.ndarray, tip: np.ndarray, upper: float, lower: float, towards: Point
) -> tuple[np.ndarray, np.ndarray]:
    """The middle joint and the reached tip of a two-bone limb that bends `towards` a side."""
    reach = tip - root
    distance = np.clip(np.linalg.norm(reach), abs(upper - lower) + 1e-3, upper + lower - 1e-3)
    along = reach / (np.linalg.norm(reach) + 1e-9)
    out = np.array(towards, float)
    out -= along * (out @ along)
    out /= np.linalg.norm(out) + 1e-9
    to_foot = (upper**2 - lower**2 + distance**2) / (2 * distance)
    middle = root + along * to_foot + out * np.sqrt(max(upper**2 - to_foot**2, 0))
    return middle, root + along * distance
