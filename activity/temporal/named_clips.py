"""Which clips a table of many clips is about: each is named by a path, or by its file's name."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from activity.common.errors import UserError, shortened
from activity.common.nearest import nearest
from activity.common.stores import is_stored, public_name
from activity.common.tables import from_text
from activity.media.clip import CLIP_SUFFIXES
from activity.temporal.segments import NamedPart

Said = TypeVar("Said")


class NamedClip(NamedTuple, Generic[Said]):
    """A clip, or a region of one, that a table is about.

    Attributes:
        name: that the table gives the clip.
        file: where it lies.
        said: what the table says of it, such as its segments in the order of time.
        region: of the clip; "" for the whole frame.
    """

    name: str
    file: Path
    said: Said
    region: str = ""


class KnownClips(NamedTuple):
    """Clips that a table may be about, to be looked up by what a table calls them.

    Attributes:
        by_file: each clip by what its file is known by, as ``file_identity`` says.
        by_name: those of each file name.
    """

    by_file: Mapping[Path, Path]
    by_name: Mapping[str, Sequence[Path]]


def known_clips(clips: Iterable[Path]) -> KnownClips:
    """Make clips ready to be looked up, once for all tables."""
    by_file = {file_identity(clip): clip for clip in clips}
    by_name: dict[str, list[Path]] = {}
    for clip in by_file.values():
        by_name.setdefault(clip.name, []).append(clip)
    return KnownClips(by_file, by_name)


def find_named_clips(
    named: Mapping[NamedPart, Said], table: Path, clips: KnownClips, elsewhere: str
) -> tuple[list[NamedClip[Said]], dict[str, str]]:
    """Find the clips that a table, or another file of segments, is about.

    A clip may be named by its path from the table's folder, by an absolute path, or, if it is one
    of ``clips``, by the name of its file.

    Args:
        named: what it says of each clip or region, by what it calls that.
        table: its path.
        clips: that are known. The table may name others by their paths.
        elsewhere: ends the sentence that a clip is neither where the table says nor ...

    Returns:
        (clips that were found, the reason for each name that means no clip or several).

    Raises:
        UserError: it says different things of one clip under two names.
    """
    found: dict[tuple[Path, str], NamedClip[Said]] = {}
    flawed: dict[str, str] = {}
    for (name, region), said in named.items():
        try:
            file = _file_called(name, table.parent, clips, elsewhere)
        except UserError as error:
            flawed[name] = str(error)
            continue
        there = NamedClip(name, file, said, region)
        clip = found.setdefault((file_identity(file), region), there)
        if clip.said != said:
            raise UserError(f"{table} says different things of {file.name} under two names")
    return list(found.values()), flawed


def file_identity(file: Path) -> Path:
    """What a clip's file is known by, whichever links lead to it."""
    return file if is_stored(file) else Path(os.path.realpath(file))


def only_clip(clips: Sequence[Path], what: str, elsewhere: str) -> Path:
    """Return the only one of the clips that a name could mean.

    Args:
        clips: these.
        what: the name, as messages have it.
        elsewhere: as in ``find_named_clips``.

    Raises:
        UserError: there are none, or several.
    """
    if not clips:
        raise UserError(f"{what} is neither where the table says nor {elsewhere}")
    if len(clips) > 1:
        first = [public_name(str(clip)) for clip in clips[:3]]
        names = shortened([*first, *[""] * (len(clips) - len(first))], most=3)
        raise UserError(f"{what} could be any of {names}: name the clip by its path")
    return clips[0]


def _file_called(name: str, folder: Path, clips: KnownClips, elsewhere: str) -> Path:
    # Windows has the other slash; bytes that are not UTF-8 are spelled out.
    names = [name, from_text(name), name.replace("\\", "/")]
    for file in (folder / path for path in names if "\0" not in path):
        if (clip := clips.by_file.get(file_identity(file))) is not None:
            return clip
        if file.suffix.lower() in CLIP_SUFFIXES and _is_file(file):
            return file_identity(file)
    last = dict.fromkeys(path.rpartition("/")[2] for path in names)
    called = dict.fromkeys(clip for each in last for clip in clips.by_name.get(each, ()))
    near = "" if called else nearest(next(iter(last)), clips.by_name)
    return only_clip(list(called), name, elsewhere + near)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False
