"""Results as a JSON file for other programs."""

import json
import math
from pathlib import Path

from activity.common.writing import replace_when_complete


def write_json(path: Path, content: dict[str, object]) -> None:
    """Write a JSON file. NaN and infinity become null, paths become text.

    Raises:
        UserError: the file system refuses to write.
    """
    text = json.dumps(_plain(content), ensure_ascii=False, allow_nan=False, indent=2)
    with replace_when_complete(path) as (part,):
        # A path may contain bytes that are not UTF-8. Escaped with a backslash it is valid JSON.
        part.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
