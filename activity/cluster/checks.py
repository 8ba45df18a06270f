"""What a worker proves before it is given work: the same versions, and the same folders."""

import platform
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from activity.common.errors import UserError

_PACKAGE = Path(__file__).resolve().parent.parent
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
            UserError: it has other versions, does not see the output folders, or cannot write
                into them.
        """
        for name, there in _versions().items():
            expected = self.versions[name]
            if there != expected and name == _CODE:
                raise UserError(f"it runs another version of the project, the one in {_PACKAGE}")
            if there != expected:
                raise UserError(
                    f"it has {name} {there}, and the machine that started the run {expected}: "
                    "install the same version on both"
                )
        for mark, content in self.marks.items():
            _check_folder(mark, content)


@contextmanager
def prepare_check(folders: Iterable[Path]) -> Iterator[Check]:
    """Mark the folders that results are written into, and remove the marks in the end.

    Args:
        folders: absolute paths; those in object stores need no mark.

    Raises:
        UserError: a folder cannot be written to.
    """
    marks = {
        folder / f".activity-video.{secrets.token_hex(8)}.check": secrets.token_hex(32)
        for folder in sorted(folders)
    }
    try:
        for mark, content in marks.items():
            try:
                mark.write_text(content)
            except OSError as error:
                raise UserError(
                    f"cannot write to the folder {mark.parent}: {error.strerror or error}"
                ) from error
        yield Check(_versions(), marks)
    finally:
        for mark in marks:
            with suppress(OSError):
                mark.unlink(missing_ok=True)


def _check_folder(mark: Path, content: str) -> None:
    try:
        same = mark.read_text() == content
    except (OSError, UnicodeDecodeError):
        same = False
    if not same:
        raise UserError(
            f"the folder {mark.parent} is not shared with it: it does not see there what the "
            "machine that started the run has written"
        )
    probe = mark.with_name(f".activity-video.{secrets.token_hex(8)}.probe")
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"it cannot write to the folder {mark.parent}: {error.strerror or error}"
        ) from error


def _versions() -> dict[str, str]:
    """The versions of all that decides what comes out, by name."""
    # Every start would take a twentieth of a second longer, also without a cluster.
    import hashlib
    import importlib.metadata

    code = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        code.update(path.relative_to(_PACKAGE).as_posix().encode() + path.read_bytes())
    versions = {"Python": platform.python_version(), _CODE: code.hexdigest()}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not at all"
    return versions
