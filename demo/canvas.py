"""A pinhole camera, and the few things it can draw: flat shapes, textured planes, round bodies.

Lengths are metres: x to the right, y away from the viewer, z up; the ground is z = 0.
Colours are RGB, 0 to 255, of any number type.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np

Colour = Sequence[float] | np.ndarray
Point = Sequence[float] | np.ndarray
Points = Sequence[Point] | np.ndarray

NEAR = 0.3  # metres before the lens; nothing closer is drawn
SUBPIXEL_BITS = 4  # so that slow motion is smooth, not a hop from pixel to pixel


@dataclass(frozen=True)
class Camera:
    """Where the lens is, what it points at, and its focal length in picture widths (`zoom`)."""

    position: Point
    target: Point
    zoom: float
    size: tuple[int, int]  # width, height in pixels

    @cached_property
    def matrix(self) -> np.ndarray:
        """The 3x4 projection from the world to homogeneous pixels."""
        position = np.asarray(self.position, float)
        forward = np.asarray(self.target, float) - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0, 0, 1))
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(forward, right), forward])
        width, height = self.size
        focal = self.zoom * width
        lens = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
        return lens @ np.column_stack([axes, -axes @ position])

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (..., 2) and depths in metres (...) of world points (..., 3)."""
        homogeneous = np.asarray(points, float) @ self.matrix[:, :3].T + self.matrix[:, 3]
        depth = homogeneous[..., 2]
        return homogeneous[..., :2] / np.maximum(depth, NEAR)[..., None], depth


class Body(NamedTuple):
    """A limb, a ball, a bar: a round thing between two points, its ends rounded or `flat`."""

    start: np.ndarray
    end: np.ndarray
    radius: float
    end_radius: float
    colour: Colour
    flat: bool = False


class Canvas:
    """A picture being painted, far things first; `image` is RGB uint8, (height, width, 3)."""

    def __init__(self, camera: Camera, background: Colour):
        self.camera = camera
        width, height = camera.size
        self.image = np.empty((height, width, 3), np.uint8)
        self.image[:] = rgb(background)

    def polygon(self, corners: Points, colour: Colour, opacity: float = 1.0) -> None:
        """Fill a flat shape in space, corners (N, 3)."""
        outline = self._outline(corners)
        if outline is None:
            return
        target = self.image if opacity == 1.0 else self.image.copy()
        cv2.fillPoly(target, [outline], rgb(colour), cv2.LINE_AA, SUBPIXEL_BITS)
        if target is not self.image:
            cv2.addWeighted(target, opacity, self.image, 1 - opacity, 0, dst=self.image)

    def ground_line(self, path: Points, width: float, colour: Colour) -> None:
        """Paint a stripe of `width` metres on the ground along a path (N, 2)."""
        path = np.asarray(path, float)
        along = np.gradient(path, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        across = np.column_stack([-along[:, 1], along[:, 0]]) * width / 2
        edge = np.concatenate([path + across, (path - across)[::-1]])
        self.polygon(on_ground(edge), colour)

    def texture(
        self,
        picture: np.ndarray,
        corner: Point,
        along: Point,
        upward: Point,
    ) -> None:
        """Cover a flat parallelogram with a picture; `corner` is the picture's lower left."""
        foot, side, rise = np.array([corner, along, upward], float)
        outline = self._outline([foot, foot + side, foot + side + rise, foot + rise])
        if outline is None:
            return
        height, width = picture.shape[:2]
        to_plane = np.column_stack([side / width, -rise / height, foot + rise])
        to_world = np.vstack([to_plane, [0, 0, 1]])
        mask = np.zeros(self.image.shape[:2], np.uint8)
        cv2.fillPoly(mask, [outline], 255, cv2.LINE_8, SUBPIXEL_BITS)
        if not mask.any():
            return
        warped = cv2.warpPerspective(
            picture,
            self.camera.matrix @ to_world,
            self.camera.size,
            borderMode=cv2.BORDER_REPLICATE,
        )
        cv2.copyTo(warped, mask, self.image)

    def bodies(self, bodies: Iterable[Body]) -> None:
        """Paint round things, the far ones first, lit from above."""
        bodies = list(bodies)
        pixels, depth, order = self._project_bodies(bodies)
        focal = self.camera.zoom * self.camera.size[0]
        for index in order:
            body = bodies[index]
            radii = focal * np.array([body.radius, body.end_radius]) / depth[index]
            if body.flat:
                self._cylinder(body)
                continue
            shaded = np.asarray(body.colour, float)
            _capsule(self.image, pixels[index], radii, shaded * 0.89)
            if radii.max() > 2:  # a lighter core, moved towards the light, makes it look round
                lit = pixels[index] - 0.15 * radii[:, None] * (0.5, 0.8)
                _capsule(self.image, lit, radii * 0.75, shaded)

    def shadows(self, bodies: Iterable[Body], sun: Point, strength: float) -> None:
        """Darken the ground where the bodies keep off the light of a far `sun` (a direction)."""
        slope = np.asarray(sun, float) / sun[2]
        cast = [
            body._replace(
                start=body.start - slope * body.start[2], end=body.end - slope * body.end[2]
            )
            for body in bodies
        ]
        pixels, depth, order = self._project_bodies(cast)
        focal = self.camera.zoom * self.camera.size[0]
        mask = np.zeros(self.image.shape[:2], np.uint8)
        for index in order:
            first, last = pixels[index].astype(np.int32)
            thickness = 2 * focal * cast[index].radius / depth[index].mean()
            cv2.line(mask, first, last, 255, max(1, int(thickness)))
        light = 1 - strength / 255 * cv2.GaussianBlur(mask, (5, 5), 0).astype(np.float32)
        self.image = (self.image * light[..., None]).astype(np.uint8)

    def blur(self, sigma: float) -> None:
        """Put everything painted so far out of focus; `sigma` is in pixels."""
        self.image[:] = cv2.GaussianBlur(self.image, (0, 0), sigma)

    def _project_bodies(self, bodies: list[Body]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pixels (N, 2, 2), depths (N, 2), and the visible bodies' indices from far to near."""
        ends = np.array([(body.start, body.end) for body in bodies], float).reshape(-1, 2, 3)
        pixels, depth = self.camera.project(ends)
        order = np.argsort(-depth.mean(axis=1), kind="stable")
        margin = np.array(self.camera.size)
        near = (abs(pixels - margin / 2) < 1.5 * margin).all((1, 2))
        seen = np.logical_and((depth > NEAR).all(1), near)
        return pixels, depth, order[seen[order]]

    def _cylinder(self, body: Body) -> None:
        """A disc or drum: the hull of its two end circles, then the end that faces the lens."""
        axis = body.end - body.start
        axis = axis / np.linalg.norm(axis)
        side = np.cross(axis, (0.3, 0.5, 0.8))
        side /= np.linalg.norm(side)
        turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)[:, None]
        circle = body.radius * (np.cos(turn) * side + np.sin(turn) * np.cross(axis, side))
        both, depth = self.camera.project(np.stack([body.start + circle, body.end + circle]))
        hull = cv2.convexHull(both.reshape(-1, 2).astype(np.float32))
        colour = np.asarray(body.colour, float)
        _fill(self.image, hull, colour * 0.7)
        _fill(self.image, both[depth.mean(axis=1).argmin()], colour)

    def _outline(self, corners: Points) -> np.ndarray | None:
        """The shape's outline in fixed-point pixels, cut off at the near plane."""
        corners = np.asarray(corners, float)
        ahead = self.camera.project(corners)[1] - NEAR
        kept = []
        for index, corner in enumerate(corners):
            before, before_ahead = corners[index - 1], ahead[index - 1]
            if (before_ahead >= 0) != (ahead[index] >= 0):
                share = before_ahead / (before_ahead - ahead[index])
                kept.append(before + share * (corner - before))
            if ahead[index] >= 0:
                kept.append(corner)
        if len(kept) < 3:
            return None
        pixels = self.camera.project(np.array(kept))[0]
        return _fixed_point(np.clip(pixels, -1e5, 1e5))  # no overflow beside the lens


def on_ground(path: Points, height: float = 0.0) -> np.ndarray:
    """Ground points (N, 2) as points in space (N, 3)."""
    path = np.asarray(path, float)
    return np.column_stack([path, np.full(len(path), height)])


def rgb(colour: Colour) -> tuple[int, ...]:
    """A colour as OpenCV wants it: whole numbers, 0 to 255."""
    return tuple(np.clip(colour, 0, 255).astype(int).tolist())


def _capsule(image: np.ndarray, ends: np.ndarray, radii: np.ndarray, colour: Colour) -> None:
    """Fill a limb with rounded ends; ends (2, 2) and radii (2,) in pixels."""
    colour = rgb(colour)
    first, last = _fixed_point(ends)
    if radii.max() < 1.4:  # too small to show its shape
        thickness = max(1, round(radii.sum()))
        cv2.line(image, first, last, colour, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
        return
    along = ends[1] - ends[0]
    length = float(np.hypot(*along))
    if length > 0.5:
        across = np.array([-along[1], along[0]]) / length * radii[:, None]
        _fill(image, np.concatenate([ends + across, (ends - across)[::-1]]), colour)
    for centre, radius in zip((first, last), radii, strict=True):
        cv2.circle(
            image, centre, int(radius * 2**SUBPIXEL_BITS), colour, -1, cv2.LINE_AA, SUBPIXEL_BITS
        )


def _fill(image: np.ndarray, outline: np.ndarray, colour: Colour) -> None:
    cv2.fillConvexPoly(image, _fixed_point(outline), rgb(colour), cv2.LINE_AA, SUBPIXEL_BITS)


def _fixed_point(pixels: np.ndarray) -> np.ndarray:
    """Pixel positions as OpenCV's fixed-point integers."""
    return (pixels * 2**SUBPIXEL_BITS).astype(np.int32)
