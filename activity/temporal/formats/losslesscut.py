"""Projects of LosslessCut (https://github.com/mifi/lossless-cut): JSON5, with times in seconds."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from activity.temporal.formats.annotations import (
    Annotations,
    LabelledMedia,
    NamedSegments,
    Wanted,
    as_text,
    from_text,
    in_order,
)
from activity.temporal.segments import Segment

# JSON5 (https://spec.json5.org) is JSON with comments, other quotes, names without quotes, and
# commas at the end.
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.|\\\n)*"|'(?:[^'\\\n]|\\.|\\\n)*')"""
    r"""|(?P<skip>\s+|//[^\n]*|/\*.*?\*/)"""
    r"""|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"""
    r"""|(?P<name>[^\W\d][\w$]*|\$[\w$]*)|(?P<mark>[\[\]{}:,])""",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_WORDS = {"true", "false", "null"}


def write(clips: Sequence[LabelledMedia], labels: Sequence[str], path: Path) -> str:
    """Make a project with a cut for each segment. It should lie beside its clip."""
    ((media, segments, _),) = clips
    cuts = [
        {"start": round(start, 6), "end": round(end, 6), "name": as_text(label)}
        for start, end, label in segments
        if label
    ]
    project = {"version": 1, "mediaFileName": as_text(media.path.name), "cutSegments": cuts}
    return json.dumps(project, ensure_ascii=False, indent=2) + "\n"


def read(text: str, path: Path, wanted: Wanted) -> Annotations:
    """Read the segments that have a name and an end.

    Raises:
        UserError: segments overlap.
    """
    project = _json5(text)
    cuts = project["cutSegments"]
    segments = [
        Segment(float(cut.get("start") or 0), float(cut["end"]), from_text(cut["name"]))
        for cut in cuts
        if cut.get("end") is not None and cut.get("name")
    ]
    left = len(cuts) - len(segments)
    left_out = [f"segments without a name or an end: {left}"] if left else []
    clip = str(project.get("mediaFileName") or "")
    return Annotations([NamedSegments(clip, in_order(segments, str(path)))], left_out=left_out)


def _json5(text: str) -> Any:
    """Parse JSON5 by writing it as JSON."""
    tokens: list[str] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"{text[place : place + 20]!r} is not JSON5")
        place = match.end()
        token, kind = match[0], match.lastgroup
        if kind == "string":
            tokens.append(json.dumps(_ESCAPED.sub(_unescaped, token[1:-1])))
        elif kind == "number":
            tokens.append(json.dumps(float(token)))
        elif kind == "name":
            tokens.append(token if token in _WORDS else json.dumps(token))
        elif kind == "mark":
            if token in "]}" and tokens and tokens[-1] == ",":
                tokens.pop()
            tokens.append(token)
    return json.loads("".join(tokens))


def _unescaped(match: re.Match[str]) -> str:
    sign = match[1]
    if len(sign) > 1:
        return chr(int(sign[1:], 16))
    return _ESCAPES.get(sign, sign)
