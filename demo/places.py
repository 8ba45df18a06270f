"""Where the demo writes: the usual folders, unless a person already has files there."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

OWN_FOLDER = Path("demo/output")
LEDGER = OWN_FOLDER / "made_by_demo.json"


class Ledger:
    """Remembers the files that the demo made, by content: an edited file belongs to a person."""

    def __init__(self, root: Path):
        self._root = root
        self._path = root / LEDGER
        self._made: dict[str, str] = (
            json.loads(self._path.read_text()) if self._path.exists() else {}
        )

    def owns(self, path: Path) -> bool:
        """Return whether the demo made this file and nobody has changed it since."""
        return self._made.get(self._name(path)) == _digest(path)

    def record(self, *paths: Path) -> None:
        """Record files as made by the demo."""
        self._made |= {self._name(path): _digest(path) for path in paths}

    def save(self) -> None:
        """Keep the record for the next run."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._made, indent=0))

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


@dataclass(frozen=True)
class Places:
    """The folders that the demo writes to, relative to the project's."""

    photos: Path
    clips: Path
    model: Path
    output: Path


def choose_places(
    root: Path,
    ledger: Ledger,
    clips: Iterable[str],
    models: Iterable[str],
    outputs: Iterable[str],
) -> Places:
    """Choose the usual folders, or one of the demo's own for each that holds a person's files.

    Among the photos, any file of a person counts, because drawn and real photos must not mix. In
    the other folders, only files with names that the demo would write count.
    """

    def place(folder: str, names: Iterable[str] | None = None) -> Path:
        usual = Path(folder)
        if names is None:
            present = (root / usual).rglob("*")
        else:
            present = (root / usual / name for name in names)
        foreign = any(path.is_file() and not ledger.owns(path) for path in present)
        return OWN_FOLDER / usual if foreign else usual

    return Places(
        photos=place("Sports-Type-Classifier/data"),
        clips=place("example_clips", clips),
        model=place("model", models),
        output=place("output", outputs),
    )


def remove_earlier(folder: Path, ledger: Ledger) -> None:
    """Delete the photos of an earlier run."""
    for path in sorted(folder.rglob("*.jpg")):
        if ledger.owns(path):
            path.unlink()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
