"""The files of a review page: one for each clip, and ``index.html``, which lists them."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePath
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
    data_file,
    name_in_tables,
    page_and_name,
    read_summary,
    reference,
)
from activity.labelling.review.doubt import DOUBTFUL, WeighedSegment, clip_doubt, weigh_segments
from activity.media.region import Region
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


@dataclass(frozen=True, eq=False)
class ReviewClip:
    """What the page shows of one clip, or of a region of one.

    Attributes:
        name: name of the clip among those of the page; its data are in a file of that name.
        path: path of the clip, or its address in a store.
        digest: digest of the clip's content; corrections are kept under it.
        times: times of the frames in seconds, shape (frames,), ascending from 0.
        end: when the last frame ends, in seconds.
        labels: name of each class.
        label: label of the whole clip.
        segments: what was decided, in order of time, without gaps, the first from 0.
        envelope: envelope of the raw predictions of the same frames.
        copy: an ``.mp4`` in the page's folder that is shown instead of the clip; None for none.
        looks: names of what each segment looks like; empty (default) where nobody knows.
        region: the part of the frames that was labelled, in shares of these; None (default) for
            the whole frame.
    """

    name: str
    path: Path
    digest: str
    times: NDArray[np.float64]
    end: float
    labels: Sequence[str]
    label: str
    segments: Sequence[WeighedSegment]
    envelope: Envelope
    copy: Path | None = None
    looks: Sequence[Sequence[str]] = ()
    region: Region | None = None


def gather_review(
    data: Path,
    clip: Path,
    digest: str,
    predictions: Predictions,
    summary: Summary,
    copy: Path | None,
    region: Region | None,
    size: tuple[int, int],
) -> ReviewClip:
    """Gather what the page shows of a labelled clip, or of a region of one.

    Args:
        data: the file to write, one of ``data_file``.
        clip: path of the clip, or its address in a store.
        digest: digest of its content.
        predictions: of the clip.
        summary: summary of its labels.
        copy: a copy that the page shows instead of the clip; None for none.
        region: the part of the frames that was labelled; None for the whole frame.
        size: width and height of the frames in pixels.
    """
    return ReviewClip(
        name=page_and_name(data)[1],
        path=clip,
        digest=digest,
        times=predictions.times,
        end=predictions.end,
        labels=predictions.labels,
        label=summary.label,
        segments=weigh_segments(predictions, summary.segments),
        looks=[run.looks_like for run in summary.runs],
        envelope=envelope_of(predictions, {RAW: RAW.numbers(predictions)}, RAW),
        copy=copy,
        region=region and _in_shares(region, size),
    )


def _in_shares(region: Region, size: tuple[int, int]) -> Region:
    """Return a region as it was cut from frames of a size, in shares of these."""
    width, height = size
    window = region.window(size, "the clip")
    return Region(
        region.name,
        Fraction(window.left, width),
        Fraction(window.top, height),
        Fraction(window.width, width),
        Fraction(window.height, height),
    )


def write_clip(folder: Path, clip: ReviewClip) -> None:
    """Write the data of one clip; ``write_index`` then adds it to the page.

    Args:
        folder: folder of the page.
        clip: what to write. None of its text can become markup or run, and no path of this machine
            gets into the file except the clip's, relative to ``folder``.

    Raises:
        UserError: the file system refuses to write.
    """
    content = {
        "end": clip.end,
        "labels": [as_text(label) for label in clip.labels],
        "timing": _timing(clip.times),
        "segments": _segments(clip),
        "curves": _curves(clip.envelope),
        "source": _source(folder, clip),
    }
    summary: dict[str, object] = {
        "id": clip.digest,
        "name": as_text(clip.name),
        "clip": name_in_tables(folder, clip.path),
        "label": as_text(clip.label),
        "doubt": round(clip_doubt(clip.segments), 3),
        "seconds": round(clip.end, 3),
        "doubtful": sum(segment.doubt >= DOUBTFUL for segment in clip.segments),
    }
    if clip.region:
        place = [round(float(share), 6) for share in clip.region[1:]]
        summary["region"] = {"name": as_text(clip.region.name), "place": place}
    path = data_file(folder, clip.name)
    check_output(path, "the review page")
    with replace_when_complete(path) as (part,):
        text = f"{SUMMARY}{as_script(summary)}\n{CALL}{as_script(content)});\n"
        part.write_text(text, encoding="ascii", newline="")


def _source(folder: Path, clip: ReviewClip) -> str | None:
    """Return the address of what the page plays, relative to the page."""
    path = reference(clip.copy or clip.path, folder)
    return None if path is None else _address(path)


def _segments(clip: ReviewClip) -> list[list[object]]:
    """List first frame, label, doubt, raw switches and looks of each segment that has a frame."""
    starts = np.array([one.segment.start for one in clip.segments])
    first = np.searchsorted(clip.times + _ONE_RATE, starts).tolist()
    ends = [*first[1:], len(clip.times)]
    looks = clip.looks or [()] * len(clip.segments)
    return [
        [frame, as_text(one.segment.label), round(one.doubt, 3), one.switches]
        + ([", ".join(names)] if names else [])
        for frame, end, one, names in zip(first, ends, clip.segments, looks, strict=True)
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
