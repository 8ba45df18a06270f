"""Put the page's text, style and scripts together into one HTML file."""

import base64
import hashlib
import json
import re
from pathlib import Path

_HERE = Path(__file__).parent / "page"
_SCRIPTS = (
    *("segments.js", "data.js", "storage.js", "player.js", "timeline.js"),
    *("view.js", "edits.js", "sample.js", "commands.js"),
)

# Allows only what is in the page, and scripts and clips on disk: no network at all.
# In browsers where the origin of a file is opaque, 'self' allows nothing, but file: does.
_POLICY = (
    "default-src 'none'; script-src 'self' file: '{script}'; style-src '{style}'; "
    "media-src 'self' file:; base-uri 'none'; form-action 'none'"
)


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


def as_script(value: object) -> str:
    """Return a value as JSON that is safe inside a script: ASCII, without markup."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _read(name: str) -> str:
    # A browser hashes the text with \n as line endings.
    return (_HERE / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
