"""The page itself: its text, style and scripts, put together into one file."""

import base64
import hashlib
import json
import re
from pathlib import Path

_HERE = Path(__file__).parent / "page"
_SCRIPTS = (
    *("segments.js", "data.js", "storage.js", "player.js", "timeline.js"),
    *("view.js", "edits.js", "commands.js"),
)

# Nothing but what is in the page, and scripts and clips from the disk: no network at all.
# In a browser where the origin of a file is opaque, 'self' allows nothing; file: does.
_POLICY = (
    "default-src 'none'; script-src 'self' file: '{script}'; style-src '{style}'; "
    "media-src 'self' file:; base-uri 'none'; form-action 'none'"
)


def page(index: dict[str, object]) -> str:
    """Put the page together.

    Args:
        index: what the page knows before it has loaded the first clip; JSON can hold it.
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


def as_script(value: object) -> str:
    """Write a value as JSON that is also safe inside a script: ASCII, and no markup in it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _read(name: str) -> str:
    # The hash is that of the text as a browser sees it, with \n at the ends of lines.
    return (_HERE / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
