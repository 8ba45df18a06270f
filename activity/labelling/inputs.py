"""Which clips ``--input`` names, and what their results are called."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from activity.common.errors import UserError, printable
from activity.common.stores import clip_location, is_stored, public_name
from activity.media.clip import CLIP_SUFFIXES, MOVING_PHOTO_SUFFIXES
from activity.media.live import is_live

_PHOTO_SUFFIXES = {
    *(".avif", ".bmp", ".heic", ".heif", ".hif", ".jfi", ".jfif", ".jif", ".jpe", ".jpeg", ".jpg"),
    *(".jxl", ".mpo", ".png", ".tif", ".tiff", ".webp"),
}


def is_folder(name: str) -> bool:
    """Tell whether an input is a folder of clips."""
    try:
        return not is_live(name) and clip_location(name).is_dir()
    except OSError:
        return False  # opening it as a clip will say what is wrong


def named_clips(inputs: Sequence[str]) -> list[tuple[str, str]]:
    """Find the clips, and name each: tennis.mov is tennis, but tennis.mov beside a tennis.avi.

    Raises:
        UserError: an input is live, or a folder without clips.
    """
    clips: list[str] = []
    for name in inputs:
        if is_live(name):
            raise UserError(
                f"{public_name(name)} is a live source: give it alone, with a file as --output"
            )
        clips += _clips_inside(clip_location(name)) if is_folder(name) else [name]
    paths = [clip_location(clip) for clip in clips]
    stems = Counter(path.stem for path in paths)
    names = [path.stem if stems[path.stem] == 1 else path.name for path in paths]
    return list(zip(clips, names, strict=True))


def _clips_inside(folder: Path) -> list[str]:
    """List the clips directly in a folder, and in folders that are linked into it.

    Files that are left out are counted, and printed by their endings.
    """
    clips: list[str] = []
    others: Counter[str] = Counter()
    photos: Counter[str] = Counter()
    folders = 0
    entered: set[str] = set()
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        target = str(inside) if is_stored(inside) else os.path.realpath(inside)
        if target in entered:  # a circle, or linked twice
            continue
        entered.add(target)
        for path in inside.iterdir():
            if path.name.startswith("."):
                continue
            suffix = path.suffix.lower()
            if suffix in (*CLIP_SUFFIXES, *MOVING_PHOTO_SUFFIXES):
                clips.append(str(path))
            elif path.is_dir():
                if not is_stored(path) and path.is_symlink():
                    waiting.append(path)
                else:
                    folders += 1
            else:
                kind = photos if suffix in _PHOTO_SUFFIXES else others
                kind[suffix or "without an ending"] += 1
    clips.sort()
    if not clips:
        found = _kinds(photos + others)
        found += [f"{folders} folder{'s' * (folders > 1)}"] * bool(folders)
        there = f"holds {', '.join(found)}" if found else "is empty"
        raise UserError(
            f"no clips in {folder}, which {there}: give --input video files or a folder of them"
        )
    for what, kinds in (("neither photos nor clips", others), ("photos", photos)):
        if kinds:
            print(f"[INFO] left out ({what}): {', '.join(_kinds(kinds))}")
    return clips


def _kinds(suffixes: Counter[str]) -> list[str]:
    return [f"{count} {printable(suffix)}" for suffix, count in suffixes.most_common()]
