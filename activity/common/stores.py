"""Download files from object stores (``s3://``, ``gs://``) and upload them, always whole.

Paths in a store are those of universal_pathlib, which have the methods of a ``pathlib.Path``.
fsspec's file systems behind them retry broken connections. Files on web servers (``http://``,
``https://``) are only read, and need none of these packages.
"""

import re
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from typing import cast
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, url2pathname, urlopen

from activity.common.errors import UserError
from activity.common.interruption import LeftUnfinishedError

SCHEMES = ("s3", "gs")
_WEB_SCHEMES = ("http", "https")

_WEB_TIMEOUT = 30  # seconds without a byte

# Bytes: few enough to arrive in a moment over a slow connection.
_CHUNK = 2**16

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST = re.compile(r"(\[[^]]*\]|[^:]*)(:\d*)?")

# These raise exceptions of their own where a store cannot be reached or access data are missing.
_LIBRARIES = ("botocore", "aiobotocore", "aiohttp", "s3fs", "gcsfs", "google")


def location(text: str) -> Path:
    """Turn what a person typed into a path, on local disk or in an object store.

    Use it for every path on the command line.

    Raises:
        UserError: it is an address of another kind, or the packages for stores are not installed.
    """
    scheme, separator, _ = text.partition("://")
    if not separator:
        return Path(text)
    if scheme not in SCHEMES:
        raise UserError(
            f"cannot read or write {public_name(text)}: give a path, or an address in s3:// or gs://"
        )
    try:
        from upath import UPath
    except ImportError as error:
        raise UserError(
            f"{public_name(text)} is in an object store: pip install -r requirements-cluster.txt "
            "adds all that this needs"
        ) from error
    # Not a Path to the type checker, but it has all the methods that are used here.
    return cast(Path, UPath(text))


def clip_location(text: str) -> Path:
    """Turn a clip's name into a path as ``location`` does, also for a clip on a web server.

    Raises:
        UserError: it is an address of another kind, or the packages for stores are not installed.
    """
    if text.startswith(tuple(f"{scheme}://" for scheme in _WEB_SCHEMES)):
        # Has all of a Path's methods that are used here.
        return cast(Path, _WebFile(text))
    return location(text)


def without_file_scheme(text: str) -> str:
    """Return the path in a ``file:///`` address; any other text is returned as it is.

    Example:
        >>> without_file_scheme("file:///clips/a%20rally.mp4")
        '/clips/a rally.mp4'
    """
    return url2pathname(urlsplit(text).path) if text.startswith("file://") else text


def public_name(text: str) -> str:
    """Name an address such that others may read it: without user, password, query and fragment.

    An address may be signed (``?X-Amz-Signature=...``): whoever knows it can read the file. This is
    what messages and results name it by. Any other text, such as a path, is left as it is.

    Example:
        >>> public_name("https://me:secret@host/rally.mp4?signature=8f2a")
        'https://host/rally.mp4'
    """
    scheme = _ADDRESS.match(text)
    if scheme is None:
        return text
    rest = text[scheme.end() :]
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in host:
        rest = host.rpartition("@")[2] + rest[len(host) :]
    elif _HOST.fullmatch(host) is None:
        rest = rest.rpartition("@")[2]  # a password with one of these characters in it
    return scheme[0] + re.split(r"[?#]", rest, maxsplit=1)[0]


def is_stored(path: Path | str) -> bool:
    """Return whether a path is in an object store or on a web server."""
    return str(path).startswith(tuple(f"{scheme}://" for scheme in (*SCHEMES, *_WEB_SCHEMES)))


@contextmanager
def local_copy(path: Path, interrupted: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """Yield a path on local disk to read a file from.

    A local file has its own path. A file in a store or on a web server is downloaded as a whole,
    and the copy is removed when the block ends.

    Args:
        path: path of the file.
        interrupted: asked during the download; return True to end early. By default, never.

    Raises:
        LeftUnfinishedError: ``interrupted`` returned True.
        UserError: the file cannot be downloaded.
    """
    if not is_stored(path):
        yield path
        return
    # A file that OpenCV or OpenVINO has open cannot be removed on Windows.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        local = Path(folder) / path.name
        with (
            _plain_errors(f"cannot read {public_name(str(path))}"),
            path.open("rb") as far,
            local.open("wb") as near,
        ):
            while chunk := far.read(_CHUNK):
                near.write(chunk)
                if interrupted():
                    raise LeftUnfinishedError
            if isinstance(far, HTTPResponse) and far.length:
                raise ConnectionError("the connection broke")
        yield local


@contextmanager
def upload_when_complete(path: Path) -> Iterator[Path]:
    """Yield a path on local disk to write a file to; on a clean exit, upload it if need be.

    Raises:
        UserError: the upload fails.
    """
    if not is_stored(path):
        yield path
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        local = Path(folder) / path.name
        yield local
        upload(local, path)


def upload(local: Path, target: Path) -> None:
    """Upload a file to a store, where it appears when it is complete.

    Raises:
        UserError: the store refuses, or cannot be reached.
    """
    with (
        _plain_errors(f"cannot write {public_name(str(target))}"),
        local.open("rb") as near,
        target.open("wb") as far,
    ):
        shutil.copyfileobj(near, far, 2**20)


def rename(path: Path, target: Path) -> None:
    """Rename a file, in a store or on local disk; a file that has the new name is replaced.

    Raises:
        OSError: the store or the file system refuses.
    """
    if is_stored(path):
        path.rename(target)
    else:
        path.replace(target)


def list_files(folder: Path) -> list[str]:
    """List all files below a folder in a store: POSIX paths relative to it.

    Raises:
        UserError: the store cannot be reached.
    """
    with _plain_errors(f"cannot list {public_name(str(folder))}"):
        return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def refused_by_store(error: BaseException) -> str | None:
    """Return one line about an error of a store's library; None for any other error."""
    return _first_line(error) if type(error).__module__.split(".")[0] in _LIBRARIES else None


@dataclass(frozen=True)
class _WebFile:
    """A file on a web server, with the methods of a ``pathlib.Path``."""

    address: str

    @property
    def name(self) -> str:
        name = PurePosixPath(unquote(urlsplit(self.address).path)).name
        return name.replace("\\", "_") or "file"

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    def is_dir(self) -> bool:
        return False

    def open(self, mode: str) -> HTTPResponse:
        try:
            parts = urlsplit(self.address)
            user, separator, host = parts.netloc.rpartition("@")
            request = Request(parts._replace(netloc=host, fragment="").geturl())
            if separator:
                # Unredirected: another host that this one names is not told.
                secret = b64encode(unquote(user).encode()).decode("ascii")
                request.add_unredirected_header("Authorization", f"Basic {secret}")
            return cast(HTTPResponse, urlopen(request, timeout=_WEB_TIMEOUT))
        except URLError as error:
            raise OSError(str(error.reason)) from error
        except (HTTPException, ValueError) as error:  # they may quote a password or a signature
            raise OSError("this is not a valid address") from error

    def __str__(self) -> str:
        return self.address


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    return re.sub(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", lambda found: public_name(found[0]), lines[0])


@contextmanager
def _plain_errors(what: str) -> Iterator[None]:
    """Turn the many exceptions of a store's libraries into a ``UserError`` of one line."""
    try:
        yield
    except LeftUnfinishedError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{what}: there is no such file or bucket") from error
    except PermissionError as error:
        raise UserError(f"{what}: the store denies you access") from error
    except Exception as error:
        raise UserError(f"{what}: {_first_line(error)}") from error
