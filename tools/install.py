"""Install the packages of a requirements file, with the OpenCV wheel that this system can import.

opencv-python has windows, and needs libraries (libxcb, libGL, GLib) that servers and containers
lack. Where it cannot be imported, opencv-python-headless of the same version takes its place: the
preview window is then missing, and nothing else. The two hold the same files, so only one of them
may be installed.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

FULL, HEADLESS = "opencv-python", "opencv-python-headless"
_IMPORT = "import cv2; cv2.imread"  # without the second, an empty folder would do


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", default=Path("requirements.txt"))
    wanted = list(requirements(parser.parse_args().file))
    installed = {FULL, HEADLESS} & names_installed()
    if len(installed) == 2:
        pip("uninstall", "--yes", *installed)
    elif HEADLESS in installed:  # an earlier run, or a person, has chosen
        wanted = [line.replace(FULL, HEADLESS) for line in wanted]
    pip("install", *wanted)
    if FULL in names_installed() and not can_import():
        replace_by_headless()


def requirements(file: Path) -> Iterator[str]:
    """Yield the requirements of a file, and of those that it includes."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            yield from requirements(file.parent / line.removeprefix("-r ").strip())
        elif line and not line.startswith("#"):
            yield line


def replace_by_headless() -> None:
    """Put the wheel without windows in the place of the other; nothing is lost where pip fails."""
    wheel = f"{HEADLESS}=={metadata.version(FULL)}"
    print(
        f"{FULL} cannot be imported: this system lacks libraries for windows. {wheel} takes its "
        "place, and there is no preview window.",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        pip("download", "--no-deps", "--dest", folder, wheel)
        pip("uninstall", "--yes", FULL)
        pip("install", "--no-index", "--no-deps", *map(str, Path(folder).iterdir()))
    if not can_import():
        sys.exit(f"error: {wheel} cannot be imported, either")


def names_installed() -> set[str]:
    """Return the names of the packages that are installed."""
    return {found.metadata["Name"] for found in metadata.distributions()}


def can_import() -> bool:
    """Tell whether OpenCV can be imported, in a process that starts after all installing."""
    done = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True)
    return done.returncode == 0


def pip(command: str, *arguments: str) -> None:
    """Run pip, and end as it does where it fails."""
    run = [sys.executable, "-m", "pip", command, "--quiet", *arguments]
    if code := subprocess.run(run).returncode:
        sys.exit(code)


if __name__ == "__main__":
    main()
