"""Label Studio's export of timeline labels (https://labelstud.io/templates/video_timeline_labeling):
JSON, with numbers of frames.

The editor shows the first frame as number 1, and the last frame of a range belongs to it: a range
from 1 to 30 is the first 30 frames. The rate is taken to be the clip's own, as ``frameRate`` of the
project's ``<Video>`` should say.
"""

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from activity.common.errors import UserError
from activity.temporal.formats.annotations import (
    Annotations,
    NamedSegments,
    Wanted,
    in_order,
    start_of,
)
from activity.temporal.segments import Segment

_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")  # what is uploaded gets such a prefix


def is_one(path: Path) -> bool:
    """Tell whether a JSON file is such an export, as far as its start says."""
    start = start_of(path).lstrip()
    return start.startswith(b"[") and b'"annotations"' in start


def read(text: str, path: Path, wanted: Wanted) -> Annotations:
    """Read the timeline labels of each task, of its first annotation that was not cancelled."""
    found = Annotations()
    for task in json.loads(text):
        name = _clip(task)
        done = [one for one in task["annotations"] if not one.get("was_cancelled")]
        if not done:
            continue
        if len(done) > 1:
            found.left_out.append(f"{name}: annotations after the first: {len(done) - 1}")
        try:
            segments = in_order(_segments(done[0]["result"]), name, "frames")
            found.clips.append(NamedSegments(name, segments, in_frames=True))
        except UserError as error:
            found.flawed[name] = str(error)
    return found


def _clip(task: dict[str, Any]) -> str:
    values = [value for value in task["data"].values() if isinstance(value, str)]
    given = str(task["data"].get("video") or values[0])
    address = urlsplit(given)
    inside = parse_qs(address.query).get("d")  # local files: /data/local-files/?d=folder/a.mp4
    name = PurePosixPath(inside[0] if inside else unquote(address.path)).name
    uploaded = _UPLOADED.fullmatch(name)
    return uploaded[1] if uploaded else name


def _segments(results: list[dict[str, Any]]) -> list[Segment]:
    return [
        Segment(float(stretch["start"]) - 1, float(stretch["end"]), label.strip())
        for result in results
        if result["type"] == "timelinelabels"
        for stretch in result["value"]["ranges"]
        for label in result["value"]["timelinelabels"]
    ]
