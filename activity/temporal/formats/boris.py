"""BORIS projects (https://www.boris.unito.it), as version 10 writes them: JSON.

A project has an observation for each clip, a subject for each region, a behaviour for each label,
and two events for each segment: the first starts the behaviour, the second stops it. BORIS keeps
times in milliseconds.
"""

import json
import math
import string
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate, groupby
from pathlib import Path, PurePath
from typing import Any

from activity.common.errors import UserError, printable, shortened
from activity.common.stores import is_stored
from activity.temporal.formats.annotations import (
    Annotations,
    LabelledMedia,
    Media,
    NamedSegments,
    Wanted,
    as_text,
    from_text,
    in_order,
    labels_in,
    ticks,
)
from activity.temporal.segments import UNKNOWN, Segment

_FORMAT = "7.0"  # that of BORIS 7 to 10
_STATE = "State event"
_MILLISECONDS = 1000
_NO_DATE = "2000-01-01T00:00:00"
_KEYS = string.ascii_lowercase + string.digits
_PLAYERS = [str(number) for number in range(1, 9)]


def write(clips: Sequence[LabelledMedia], labels: Sequence[str], path: Path) -> str:
    """Make a project: an observation for each clip, a behaviour for each label and ``unknown``."""
    names = [as_text(label) for label in labels_in(clips, [*labels, UNKNOWN])]
    observations: dict[str, Any] = {}
    regions = dict.fromkeys(as_text(clip.region) for clip in clips if clip.region)
    for media, parts in groupby(clips, lambda clip: clip.media):
        name = as_text(media.path.stem)
        observations[media.seen_from(path) if name in observations else name] = _observation(
            media, [*parts], path
        )
    dates = [observation["date"] for observation in observations.values()]
    project: dict[str, Any] = {
        "time_format": "hh:mm:ss",
        "project_date": max(dates, default=_NO_DATE),
        "project_name": path.stem,
        "project_description": "",
        "project_format_version": _FORMAT,
        "subjects_conf": {
            str(number): {"key": "", "name": name, "description": ""}
            for number, name in enumerate(regions)
        },
        "behaviors_conf": {
            str(number): _behaviour(number, name, names) for number, name in enumerate(names)
        },
        "behavioral_categories": [],
        "behavioral_categories_config": {},
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
        "observations": observations,
    }
    return json.dumps(project, ensure_ascii=False, indent=1) + "\n"


def read(text: str, path: Path, wanted: Wanted) -> Annotations:
    """Read the state events of a project's observations; modifiers do not matter.

    A subject that is called like a region is about that, and other subjects of its observation are
    left out; where no subject is, they do not matter. Media that follow each other in an
    observation are told apart.
    """
    found = Annotations()
    project = json.loads(text)
    types = {one["code"]: one["type"] for one in project["behaviors_conf"].values()}
    for name, observation in project["observations"].items():
        try:
            where = f"observation {name!r}"
            found.clips.extend(_clips_of(where, observation, types, wanted, found))
        except UserError as error:
            found.flawed[name] = str(error)
    return found


def _behaviour(number: int, name: str, names: Sequence[str]) -> dict[str, str]:
    # The start of one behaviour stops all others, so that a person presses one key.
    others = "" if any("," in each for each in names) else ",".join(n for n in names if n != name)
    return {
        "type": _STATE,
        "key": _KEYS[number] if number < len(_KEYS) else "",
        "code": name,
        "description": "",
        "color": "",
        "category": "",
        "modifiers": "",
        "excluded": others,
        "coding map": "",
    }


def _observation(media: Media, parts: Sequence[LabelledMedia], path: Path) -> dict[str, Any]:
    clip = media.seen_from(path)
    events = [
        [milliseconds / _MILLISECONDS, as_text(part.region), as_text(label), "", ""]
        for part in parts
        for start, end, label in ticks(part.segments, _MILLISECONDS)
        for milliseconds in (start, end)
    ]
    if len(parts) > 1:
        events.sort(key=lambda event: float(str(event[0])))
    return {
        "file": {player: [clip] if player == "1" else [] for player in _PLAYERS},
        "type": "MEDIA",
        "date": _date(media.path),
        "description": "",
        "time offset": 0.0,
        "events": events,
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "media_creation_date_as_offset": False,
        "media_scan_sampling_duration": 0,
        "image_display_duration": 1,
        "close_behaviors_between_videos": False,
        "media_info": {
            "length": {clip: round(media.seconds, 3)},
            "fps": {clip: float(media.rate)},
            "hasVideo": {clip: True},
            "hasAudio": {clip: False},
            "offset": {"1": 0.0},
            "zoom level": {"1": 1.0},
            "display": {"1": True},
        },
    }


def _date(clip: Path) -> str:
    """Say when the clip was made, so that the same run writes the same file."""
    if is_stored(clip):
        return _NO_DATE
    try:
        made = datetime.fromtimestamp(int(clip.stat().st_mtime), UTC)
    except (OSError, OverflowError, ValueError):
        return _NO_DATE
    return made.strftime("%Y-%m-%dT%H:%M:%S")


def _clips_of(
    where: str,
    observation: dict[str, Any],
    types: dict[str, str],
    wanted: Wanted,
    found: Annotations,
) -> list[NamedSegments]:
    if observation["type"] != "MEDIA":
        raise UserError(f"{where} is not of media: nothing says which clip it is about")
    if observation.get("media_creation_date_as_offset"):
        raise UserError(f"{where} counts time from when its media were made: give it no offset")
    media = observation["file"]["1"]
    if not media:
        raise UserError(f"{where} has no media in player 1")
    if float(observation["media_info"].get("offset", {}).get("1", 0)):
        raise UserError(f"{where} starts its first player late: give that no offset")
    others = sum(len(observation["file"][player]) for player in observation["file"]) - len(media)
    if others:
        found.left_out.append(f"{where}: media beside those of player 1: {others}")
    if len({PurePath(clip) for clip in media}) < len(media):
        raise UserError(f"{where} plays one clip more than once")
    offset = float(observation.get("time offset", 0))
    lengths = observation["media_info"]["length"] if len(media) > 1 else {media[0]: math.inf}
    ends = [*accumulate(float(lengths[clip]) for clip in media)]
    of_regions: dict[str, list[Sequence[Any]]] = {}
    subjects = {from_text(event[1]) for event in observation["events"]}
    about = subjects & {*wanted.regions}
    if about:
        for name in sorted(subjects - about - {""}):
            found.left_out.append(f"{where}: subject {printable(name)}")
    elif len(subjects - {""}) > 1:
        names = printable(shortened(sorted(subjects - {""})))
        found.left_out.append(f"{where}: subjects, since no --region has the name of one: {names}")
    for event in observation["events"]:
        subject = from_text(event[1])
        if not about or subject in {*about, ""}:
            of_regions.setdefault(subject if about else "", []).append(event)
    return [
        NamedSegments(clip, _between(segments, start, end), region=region)
        for region, events in (of_regions or {"": []}).items()
        for segments in [in_order(_segments(where, events, types, offset, found), where)]
        for clip, start, end in zip(media, [0.0, *ends], ends, strict=False)
    ]


def _segments(
    where: str,
    events: Sequence[Sequence[Any]],
    types: dict[str, str],
    offset: float,
    found: Annotations,
) -> list[Segment]:
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    points = 0
    for time, subject, code, *_ in sorted(events, key=lambda event: float(event[0])):
        if code not in types:
            raise UserError(f"{where}: the behaviour {code!r} is not in the ethogram")
        if not types[code].startswith(_STATE):
            points += 1
            continue
        times[subject, code].append(round(float(time) - offset, 6))
    if points:
        found.left_out.append(f"{where}: point events, which take no time: {points}")
    segments = []
    for (subject, code), both in times.items():
        if len(both) % 2:
            of = f" of {subject!r}" if subject else ""
            raise UserError(f"{where}: {code!r}{of} is started and not stopped")
        pairs = zip(both[::2], both[1::2], strict=True)
        segments += [Segment(start, end, from_text(code)) for start, end in pairs if start < end]
    return segments


def _between(segments: Sequence[Segment], start: float, end: float) -> list[Segment]:
    """Cut segments to a time, and count from where it starts."""
    return [
        Segment(max(0.0, round(each.start - start, 6)), round(min(each.end, end) - start, 6), label)
        for each in segments
        if each.start < end and each.end > start and (label := each.label)
    ]
