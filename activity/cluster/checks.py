"""What has to be the same on all hosts: versions, output folders, and what paths mean."""

import os
import platform
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from activity.cluster.ray_cluster import PACKAGE
from activity.common.errors import UserError, refusals_in_a_line
from activity.common.stores import is_stored
from activity.labelling.jobs import Job
from activity.network.arguments import default_cache
from activity.network.engine import EngineOptions

Value = TypeVar("Value")

_CODE = "the project's code"

# Their versions decide what comes out of a clip.
_LIBRARIES = ("numpy", "opencv-python", "av", "openvino", "keras", "tensorflow", "scikit-learn")


@dataclass(frozen=True)
class Check:
    """What holds on the machine that starts a run, and has to hold on each that works for it.

    Attributes:
        versions: versions of all that decides what comes out, by name.
        marks: files of random content, one in each output folder, with that content.
    """

    versions: dict[str, str]
    marks: dict[Path, str]

    def make(self) -> None:
        """Compare this machine with the one that started the run.

        Raises:
            UserError: it has other versions, or does not see or cannot write the output folders.
        """
        for name, there in _versions().items():
            expected = self.versions[name]
            if there != expected and name == _CODE:
                raise UserError(f"it runs another version of the project, the one in {PACKAGE}")
            if there != expected:
                raise UserError(
                    f"it has {name} {there}, and the machine that started the run {expected}: "
                    "install the same version on both"
                )
        for mark, content in self.marks.items():
            same = False
            with suppress(OSError, UnicodeDecodeError):
                same = mark.read_text() == content
            if not same:
                raise UserError(
                    f"the folder {mark.parent} is not shared with it: it does not see there what "
                    "the machine that started the run has written"
                )
            probe = _hidden(mark.parent, "probe")
            try:
                probe.touch(exist_ok=False)
                probe.unlink()
            except OSError as error:
                reason = error.strerror or error
                raise UserError(f"it cannot write to the folder {mark.parent}: {reason}") from error


@contextmanager
def prepare_check(folders: Iterable[Path]) -> Iterator[Check]:
    """Mark the folders that results are written into, and remove the marks in the end.

    Args:
        folders: absolute paths; those in object stores need no mark.

    Raises:
        UserError: a folder cannot be written to.
    """
    marks = {_hidden(folder, "check"): secrets.token_hex(32) for folder in sorted(folders)}
    try:
        for mark, content in marks.items():
            with refusals_in_a_line(str(mark.parent)):
                mark.write_text(content)
        yield Check(_versions(), marks)
    finally:
        for mark in marks:
            with suppress(OSError):
                mark.unlink(missing_ok=True)


def _hidden(folder: Path, what: str) -> Path:
    return folder / f".activity-video.{secrets.token_hex(8)}.{what}"


def _versions() -> dict[str, str]:
    """Gather the versions of all that decides what comes out, by name."""
    # Every start would take a twentieth of a second longer, also without a cluster.
    import hashlib
    import importlib.metadata

    code = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        code.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    versions = {"Python": platform.python_version(), _CODE: code.hexdigest()}
    versions |= dict.fromkeys(_LIBRARIES, "not at all")
    for name in _LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def absolute(path: Path, folder: Path) -> Path:
    """Make a path that may be relative to a folder one that holds on every host.

    A relative path may lead through links that only this machine has, and they are followed. An
    absolute one is what all machines know it by, and so is an address in a store.
    """
    if is_stored(path) or (path.is_absolute() and ".." not in path.parts):
        return path
    return Path(os.path.realpath(folder / path))


def placed(value: Value, folder: Path) -> Value:
    """Make all paths in a dataclass absolute, as ``absolute`` does, and the clip of a job."""
    changed: dict[str, Any] = {}
    for field in fields(value):  # type: ignore[arg-type]
        found = getattr(value, field.name)
        if isinstance(found, Path):
            changed[field.name] = absolute(found, folder)
        elif is_dataclass(found):
            changed[field.name] = placed(found, folder)
    if isinstance(value, Job) and not is_stored(value.clip):
        changed["clip"] = str(absolute(Path(value.clip), folder))
    return replace(value, **changed)  # type: ignore[type-var]


def for_hosts(options: EngineOptions, folder: Path) -> EngineOptions:
    """Make an engine's options hold on every host, once ``on_host`` has completed them there.

    Exports are kept in each host's own cache, unless a person has named a folder.
    """
    cache = options.cache_folder
    if cache is not None:
        cache = Path() if cache == default_cache() else absolute(cache, folder)
    return replace(options, cache_folder=cache)


def on_host(options: EngineOptions, cores: int) -> EngineOptions:
    """Complete what ``for_hosts`` gave, for a worker on this host that may use so many cores."""
    cache = options.cache_folder
    named = cache is None or cache.is_absolute()
    return replace(options, cache_folder=cache if named else default_cache(), cores=cores)
