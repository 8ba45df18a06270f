"""The files of a review page: one for each clip, and ``index.html``, which lists them."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NamedTuple
from urllib.parse import quote_from_bytes

import numpy as np
from numpy.typing import NDArray

from activity.common.tables import as_text
from activity.common.writing import check_output, replace_when_complete
from activity.labelling.review.data_files import (
    CALL,
    DATA,
    INDEX,
    LONGEST_STEP,
    SUMMARY,
    TICKS,
    ShownPart,
    data_file,
    name_in_tables,
    read_summary,
    reference,
)
from activity.labelling.review.doubt import DOUBTFUL, WeighedSegment, clip_doubt, weigh_segments
from activity.temporal.envelope import Envelope, envelope_of
from activity.temporal.predictions import Predictions
from activity.temporal.segments import UNKNOWN
from activity.temporal.smoothing import RAW
from activity.temporal.summary import Summary

_HERE = Path(__file__).parent / "page"

_SCRIPTS = (
    *("segments.js", "data.js", "storage.js", "player.js", "timeline.js"),
    *("view.js", "regions.js", "edits.js", "sample.js", "drawing.js", "commands.js"),
)

# Allows only what is in the page, and scripts and clips on disk: no network at all.
# In browsers where the origin of a file is opaque, 'self' allows nothing, but file: does.
_POLICY = (
    "default-src 'none'; script-src 'self' file: '{script}'; style-src '{style}'; "
    "media-src 'self' file:; base-uri 'none'; form-action 'none'"
)


_MOST_CURVES = 40  # labels whose probabilities the page knows: those that matter most

_ONE_RATE = 2e-6  # seconds by which frames at one rate may be off: containers round

_RAW_BYTES = ("utf-8", "surrogateescape")


class ReviewClip(NamedTuple):
    """What the page shows of one clip, or of a region of one.

    Attributes:
        name: name of the clip among those of the page; its data are in a file of that name.
        path: path of the clip, or its address in a store.
        shown: its content, and the part of it that was labelled; corrections are kept for these.
        predictions: of its frames.
        summary: of its labels.
        copy: an ``.mp4`` in the page's folder that is shown instead of the clip; None for none.
        region: name of the region; "" (default) for the whole frame.
    """

    name: str
    path: Path
    shown: ShownPart
    predictions: Predictions
    summary: Summary
    copy: Path | None = None
    region: str = ""


def write_clip(folder: Path, clip: ReviewClip) -> None:
    """Write the data of one clip; ``write_index`` then adds it to the page.

    Args:
        folder: folder of the page.
        clip: what to write. None of its text can become markup or run, and no path of this machine
            gets into the file except the clip's, relative to ``folder``.

    Raises:
        UserError: the file system refuses to write.
    """
    predictions = clip.predictions
    weighed = weigh_segments(predictions, clip.summary.segments)
    played = reference(clip.copy or clip.path, folder)
    content = {
        "end": predictions.end,
        "labels": [as_text(label) for label in predictions.labels],
        "timing": _timing(predictions.times),
        "segments": _segments(clip, weighed),
        "curves": _curves(envelope_of(predictions, {RAW: RAW.numbers(predictions)}, RAW)),
        "source": None if played is None else _address(played),
    }
    summary: dict[str, object] = {
        "id": clip.shown.digest,
        "name": as_text(clip.name),
        "clip": name_in_tables(folder, clip.path),
        "label": as_text(clip.summary.label),
        "doubt": round(clip_doubt(weighed), 3),
        "seconds": round(predictions.end, 3),
        "doubtful": sum(segment.doubt >= DOUBTFUL for segment in weighed),
    }
    if clip.region:
        summary["region"] = {"name": as_text(clip.region), "place": clip.shown.place}
    path = data_file(folder, clip.name)
    check_output(path, "the review page")
    with replace_when_complete(path) as (part,):
        text = f"{SUMMARY}{as_script(summary)}\n{CALL}{as_script(content)});\n"
        part.write_text(text, encoding="ascii", newline="")


def _segments(clip: ReviewClip, weighed: Sequence[WeighedSegment]) -> list[list[object]]:
    """List first frame, label, doubt, raw switches and looks of each segment that has a frame."""
    times = clip.predictions.times
    starts = np.array([one.segment.start for one in weighed])
    first = np.searchsorted(times + _ONE_RATE, starts).tolist()
    ends = [*first[1:], len(times)]
    return [
        [frame, as_text(one.segment.label), round(one.doubt, 3), one.switches]
        + ([", ".join(run.looks_like)] if run.looks_like else [])
        for frame, end, one, run in zip(first, ends, weighed, clip.summary.runs, strict=True)
        if frame < end
    ]


def _timing(times: NDArray[np.float64]) -> dict[str, object]:
    """Encode the times of frames: as a rate if it is constant, otherwise as steps in ticks."""
    frames = len(times)
    fps = (frames - 1) / float(times[-1]) if frames > 1 else 1.0
    if np.abs(times - np.arange(frames) / fps).max() < _ONE_RATE:
        return {"frames": frames, "fps": fps}
    # Rounded down: an edge at a frame's time is then never after that frame.
    ticks = np.floor((times + _ONE_RATE) * TICKS).astype(np.int64)
    steps = np.diff(ticks, prepend=0)
    places = np.repeat(np.arange(frames), steps // LONGEST_STEP)
    coded = np.insert(steps % LONGEST_STEP, places, LONGEST_STEP)
    return {"frames": frames, "steps": _bytes(coded.astype("<u2"))}


def _curves(envelope: Envelope) -> dict[str, object]:
    """Encode the raw probabilities of the labels that matter most, a byte each, by column."""
    matters = np.maximum(envelope.raw_high.max(axis=0), envelope.raw.mean(axis=0) * 2)
    shown = np.argsort(-matters, kind="stable")[:_MOST_CURVES]
    shown = shown[np.argsort(-envelope.raw.mean(axis=0)[shown], kind="stable")]
    curves: dict[str, object] = {
        "labels": shown.tolist(),
        "framesPerColumn": envelope.frames_per_column,
        "mean": _shares(envelope.raw[:, shown]),
    }
    if envelope.frames_per_column > 1:
        curves |= {
            "low": _shares(envelope.raw_low[:, shown]),
            "high": _shares(envelope.raw_high[:, shown]),
        }
    return curves


def _shares(values: NDArray[np.floating]) -> str:
    """Encode numbers from 0 to 1 as a byte each, one label after the other."""
    return _bytes(np.round(np.clip(values, 0, 1).T * 255).astype(np.uint8))


def _bytes(values: NDArray[np.generic]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def write_index(folder: Path) -> int:
    """Write ``index.html`` with all clips whose data are in the folder, the most doubtful first.

    Call it at the end of each run with ``--review``.

    Returns:
        The number of clips.

    Raises:
        UserError: the file system refuses to write.
    """
    clips = []
    for path in sorted((folder / DATA).glob("*.js")):
        # Files that another run is writing do not have their final names yet.
        summary = None if path.name.endswith(".part.js") else read_summary(path)
        if summary is not None:
            clips.append(summary | {"file": _address(PurePath(DATA, path.name))})
    clips.sort(key=lambda clip: (-clip["doubt"], clip["name"]))
    with replace_when_complete(folder / INDEX) as (part,):
        index = {"doubtful": DOUBTFUL, "unknown": UNKNOWN, "clips": clips}
        part.write_text(page(index), encoding="utf-8", newline="")
    return len(clips)


def page(index: dict[str, object]) -> str:
    """Return the HTML of the page.

    Args:
        index: JSON data that the page has before it loads the first clip.
    """
    style = _read("page.css")
    script = "\n".join(_read(name) for name in _SCRIPTS)
    parts = {
        "policy": _POLICY.format(script=_digest(script), style=_digest(style)),
        "style": style,
        "index": as_script(index),
        "script": script,
    }
    # In one pass: a clip may be called {{script}}.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _read("page.html"))


def _read(name: str) -> str:
    # A browser hashes the text with \n as line endings.
    return (_HERE / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _address(path: PurePath) -> str:
    """Quote a relative path as an address, so that no part of it has another meaning."""
    return "/".join(quote_from_bytes(part.encode(*_RAW_BYTES), safe="") for part in path.parts)


def as_script(value: object) -> str:
    """Return a value as JSON that is safe inside a script: ASCII, without markup."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
