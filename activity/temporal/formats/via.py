"""Projects of the VGG Image Annotator, version 3, for video (https://www.robots.ox.ac.uk/~vgg/software/via):
JSON, with times in seconds."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from activity.common.errors import UserError, shortened
from activity.temporal.formats.annotations import (
    Annotations,
    NamedSegments,
    Wanted,
    in_order,
    start_of,
)
from activity.temporal.segments import Segment


def is_one(path: Path) -> bool:
    """Tell whether a JSON file is such a project, as far as its start says."""
    start = start_of(path).lstrip()
    return start.startswith(b"{") and b'"project"' in start and b'"pid"' in start


def read(text: str, path: Path, wanted: Wanted) -> Annotations:
    """Read the temporal segments of each file.

    Raises:
        UserError: segments have several attributes, and none is wanted.
    """
    found = Annotations()
    project = json.loads(text)
    stretches = [
        one for one in project["metadata"].values() if len(one["z"]) == 2 and not one["xy"]
    ]
    attribute = _attribute(path, project, stretches, wanted)
    segments = defaultdict(list)
    for one in stretches:
        if (value := one["av"].get(attribute)) is None:
            continue
        (file,) = project["view"][one["vid"]]["fid_list"]
        options = project["attribute"][attribute].get("options") or {}
        label = str(options.get(value, value)).strip()
        start, end = map(float, one["z"])
        segments[project["file"][str(file)]["fname"]].append(Segment(start, end, label))
    for clip, some in segments.items():
        try:
            found.clips.append(NamedSegments(clip, in_order(some, clip)))
        except UserError as error:
            found.flawed[clip] = str(error)
    return found


def _attribute(
    path: Path, project: dict[str, Any], stretches: list[dict[str, Any]], wanted: Wanted
) -> str:
    names = {number: one["aname"] for number, one in project["attribute"].items()}
    used = {number for one in stretches for number in one["av"]}
    chosen = [number for number in used if wanted.tier in (None, names[number])]
    if used and len(chosen) != 1:
        raise UserError(
            f"{path} has these attributes of time: {shortened([names[n] for n in sorted(used)])}: "
            "name one of them after --tier"
        )
    return chosen[0] if chosen else ""
