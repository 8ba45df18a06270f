"""OpenTimelineIO timelines (https://opentimelineio.readthedocs.io): the clip, with markers.

DaVinci Resolve and Kdenlive open them; adapters turn them into other editors' projects.
"""

import json
from collections.abc import Sequence
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import Any

from activity.temporal.formats.annotations import LabelledMedia, as_text, labels_in, tick, ticks
from activity.temporal.formats.timecode import Timecode

# The names that the format has for colours, in an order in which neighbours differ. With many
# labels, some share theirs.
_COLOURS = ("GREEN", "BLUE", "ORANGE", "PURPLE", "CYAN", "RED", "YELLOW", "MAGENTA", "PINK")


def write(clips: Sequence[LabelledMedia], labels: Sequence[str], path: Path) -> str:
    """Make a timeline. Its times count from the clip's start timecode, in frames."""
    ((media, segments, _),) = clips
    first = Timecode.of(media).first_frame
    colours = dict(zip(labels_in(clips, labels), cycle(_COLOURS), strict=False))
    name = as_text(media.path.name)
    whole = _range(first, tick(media.seconds, media.rate), media.rate)
    markers = [
        {
            "OTIO_SCHEMA": "Marker.2",
            "metadata": {},
            "name": as_text(label),
            "color": colours[label],
            "marked_range": _range(first + start, end - start, media.rate),
            "comment": "",
        }
        for start, end, label in ticks(segments, media.rate)
    ]
    reference = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "metadata": {},
        "name": name,
        "available_range": whole,
        "available_image_bounds": None,
        "target_url": media.seen_from(path),
    }
    clip = _item("Clip.2", name) | {
        "source_range": whole,
        "markers": markers,
        "media_references": {"DEFAULT_MEDIA": reference},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }
    track = _item("Track.1", "V1") | {"kind": "Video", "children": [clip]}
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "metadata": {},
        "name": as_text(path.stem),
        "global_start_time": _time(first, media.rate),
        "tracks": _item("Stack.1", "tracks") | {"children": [track]},
    }
    return json.dumps(timeline, ensure_ascii=False, indent=1) + "\n"


def _item(schema: str, name: str) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": schema,
        "metadata": {},
        "name": name,
        "source_range": None,
        "effects": [],
        "markers": [],
        "enabled": True,
    }


def _range(first: int, frames: int, rate: Fraction) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "TimeRange.1",
        "duration": _time(frames, rate),
        "start_time": _time(first, rate),
    }


def _time(frames: int, rate: Fraction) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate), "value": float(frames)}
