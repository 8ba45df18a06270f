"""What all formats share: what a file says of clips, and what it is written from."""

import codecs
import os
import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree

from activity.common.errors import UserError, shortened
from activity.common.nearest import nearest
from activity.common.stores import is_stored
from activity.temporal.segments import NamedPart, Segment


@dataclass(frozen=True)
class Media:
    """What a file of segments says of a clip, besides its segments.

    Attributes:
        path: path or address of the clip.
        seconds: how long it is.
        rate: frames per second; ``Fraction(30000, 1001)`` where a clip says so.
        timecode: of its first frame, such as ``01:00:00:00`` or, drop-frame, ``01:00:00;00``; None
            where it has none.
    """

    path: Path
    seconds: float
    rate: Fraction
    timecode: str | None = None

    def seen_from(self, file: Path) -> str:
        """Name the clip as a file that lies at ``file`` does: by its relative path with slashes.

        It is the absolute path where the two are on different disks, and the address of a clip in
        a store, without what would let others read it.
        """
        if is_stored(self.path):
            scheme, host, place, *_ = urlsplit(str(self.path))
            return as_text(f"{scheme}://{host.rpartition('@')[2]}{place}")
        name = os.path.realpath(self.path)
        if not is_stored(file):
            with suppress(ValueError):  # another disk on Windows
                name = os.path.relpath(name, Path(os.path.realpath(file)).parent)
        return as_text(Path(name).as_posix())


class LabelledMedia(NamedTuple):
    """A clip, or a region of it, and its segments in the order of time.

    An empty region stands for the whole frame.
    """

    media: Media
    segments: Sequence[Segment]
    region: str = ""


class NamedSegments(NamedTuple):
    """What a file says of a clip.

    Attributes:
        clip: what it calls the clip: a path or a name; "" where it does not say.
        segments: in the order of time.
        in_frames: whether their times are numbers of frames, from 0, not seconds.
        region: of the clip; "" for the whole frame.
    """

    clip: str
    segments: list[Segment]
    in_frames: bool = False
    region: str = ""

    @property
    def part(self) -> NamedPart:
        """What they are about."""
        return NamedPart(self.clip, self.region)

    def in_seconds(self, rate: Fraction) -> list[Segment]:
        """Return segments whose times are in frames in seconds, given the clip's rate."""
        return [
            Segment(float(start / rate), float(end / rate), label)
            for start, end, label in self.segments
        ]


@dataclass(frozen=True)
class Annotations:
    """What a file says of clips.

    Attributes:
        clips: each with its segments.
        flawed: clips of which the file says nothing that can be used, with the reason.
        left_out: what else the file has that is no segment of a clip, in a few words each.
    """

    clips: list[NamedSegments] = field(default_factory=list)
    flawed: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """What to take from a file that has several tiers.

    Attributes:
        tier: name of the tier; None takes the only one, or the only one with labels that are known.
        labels: those that are known; empty if none are.
        regions: names of the regions that are labelled; subjects (BORIS) and tiers (ELAN) that are
            called so are about them.
    """

    tier: str | None = None
    labels: Collection[str] = ()
    regions: Collection[str] = ()


Reader = Callable[[str, Path, Wanted], Annotations]
"""Finds segments in the text of a file; what else is wrong with it than a ``UserError`` says, is
told by ``segment_files``."""

Writer = Callable[[Sequence[LabelledMedia], Sequence[str], Path], str]
"""Makes the content of a file from clips, all labels that a person may choose from, and the path
that the file will have."""


def start_of(path: Path) -> bytes:
    """Return the first bytes of a file, to tell what it is; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(4096).removeprefix(codecs.BOM_UTF8) if path.is_file() else b""
    except OSError:
        return b""


def parse_xml(text: str) -> ElementTree.Element:
    """Parse XML. A text that defines entities, which can fill the memory, is refused.

    Raises:
        ValueError, ElementTree.ParseError: it does, or it is no XML.
    """
    if "<!ENTITY" in text or "<!DOCTYPE" in text:
        raise ValueError("it has a document type, which such files do not")
    # Python reads UTF-8; a declaration may say ASCII.
    return ElementTree.fromstring(text.partition("?>")[2] if text.startswith("<?xml") else text)


def in_order(segments: Sequence[Segment], where: str, unit: str = "s") -> list[Segment]:
    """Sort segments, and check them.

    Args:
        segments: in any order.
        where: what a message names.
        unit: of their times.

    Raises:
        UserError: one of them ends before it starts, or starts before the one before it has ended.
    """
    ordered = sorted(segments)
    for start, end, label in ordered:
        if not 0 <= start < end < float("inf"):
            raise UserError(f"{where}: {label[:60]!r} cannot go from {start:g} to {end:g} {unit}")
    for before, after in pairwise(ordered):
        if after.start < before.end:
            raise UserError(
                f"{where}: {after.label[:60]!r} starts at {after.start:g} {unit}, before "
                f"{before.label[:60]!r} ends ({before.end:g} {unit}): one label at a time can be "
                "used"
            )
    return ordered


def ticks(segments: Sequence[Segment], rate: Fraction | int) -> list[tuple[int, int, str]]:
    """Round times to whole ticks of which there are ``rate`` in a second.

    A boundary that two segments share stays shared. Left out are segments without a label, and
    those that are shorter than half a tick.
    """
    rounded = ((tick(start, rate), tick(end, rate), label) for start, end, label in segments)
    return [(start, end, label) for start, end, label in rounded if start < end and label]


def tick(seconds: float, rate: Fraction | int) -> int:
    """Round a time to a whole tick."""
    return round(Fraction(seconds) * rate)


def as_text(text: str) -> str:
    r"""Spell out what no XML or JSON file can hold: control characters, bytes that are not UTF-8.

    So are spaces at both ends, which programs and ``from_text`` leave out. ``printable``, which is
    for messages, also escapes what joins letters in some scripts.

    Example:
        >>> as_text("tennis" + chr(9) + "court")
        'tennis\\x09court'
    """
    # A backslash that would look as if it spelled something out is spelled out, too.
    text = _SPELLED.sub(lambda found: "\\x5c" + found[0][1:] if _is_code(found) else found[0], text)
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    return "".join(
        _code(letter) if _needs_code(letter) or not start <= place < end else letter
        for place, letter in enumerate(text)
    )


def from_text(text: str) -> str:
    r"""Return the text that ``as_text`` has spelled out; spaces at both ends are left out.

    Example:
        >>> from_text(r" two\x0alines ") == "two" + chr(10) + "lines"
        True
    """
    return _SPELLED.sub(
        lambda found: chr(int(found[1][1:], 16)) if _is_code(found) else found[0], text.strip()
    )


_SPELLED = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4})")


def _is_code(spelled: re.Match[str]) -> bool:
    letter = chr(int(spelled[1][1:], 16))
    return letter == "\\" or letter.isspace() or _needs_code(letter)


def _code(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"


def _needs_code(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in "\ufffe\uffff"


def labels_in(clips: Sequence[LabelledMedia], labels: Sequence[str]) -> list[str]:
    """List all labels: the given ones, then others that occur, such as ``unknown``."""
    there = (segment.label for clip in clips for segment in clip.segments if segment.label)
    return list(dict.fromkeys([*labels, *there]))


def check_known(segments: Sequence[Segment], labels: Collection[str], where: str) -> None:
    """Check that labels are known; ``unknown`` must be among them where it is allowed.

    Raises:
        UserError: one is not; the message names it, and the nearest one.
    """
    for segment in segments:
        if segment.label and segment.label not in labels:
            raise UserError(
                f"{where}: {segment.label[:60]!r} is none of the labels: "
                f"{shortened(sorted(labels))}{nearest(segment.label, labels)}"
            )
