"""Damaged clips of many kinds: no crash, no hang, no frame of memory that was never filled.

By hand, with more of them: ``python -m tests.media.test_fuzzing 2000``.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.clip import VideoSource, open_container, packets_of, shown_stream
from tests.clips import draw_frame, write_pictures
from tests.conftest import ROOT

CONTAINERS = (".avi", ".flv", ".mkv", ".mov", ".mp4", ".mpg", ".mxf", ".ts")
CODECS = {
    "libx264": {"options": {"g": "12"}},
    "mpeg2video": {"fields": True},
    "mpeg4": {"options": {"bf": "2"}},
    "mjpeg": {"pix_fmt": "yuvj420p"},
    "libvpx-vp9": {"options": {"cpu-used": "8", "deadline": "realtime"}},
    "libsvtav1": {"options": {"preset": "12"}},
}
SECONDS_FOR_ALL = 240


def whole_clips(folder: Path) -> list[Path]:
    """Write a clip of 30 frames in every codec and container that go together."""
    random = np.random.default_rng(7)
    pictures = [draw_frame(number) for number in range(30)]
    for picture in pictures:
        picture[40:80] = random.integers(0, 255, (40, 160, 3))
    clips = []
    for codec, options in CODECS.items():
        for suffix in CONTAINERS:
            path = folder / f"{codec}{suffix}"
            try:
                clips.append(write_pictures(path, pictures, codec, **options))
            except (av.FFmpegError, ValueError):
                path.unlink(missing_ok=True)
    return clips


def damage(content: bytes, random: np.random.Generator) -> bytes:
    """Cut a file, or change some of its bytes, or a stretch of them."""
    changed = bytearray(content)
    way = random.integers(4)
    if way == 0:
        return bytes(changed[: random.integers(1, len(changed))])
    if way == 1:
        for at in random.integers(0, len(changed), random.integers(1, 30)):
            changed[at] ^= 1 << random.integers(8)
    else:
        at, size = random.integers(len(changed)), random.integers(1, 500)
        stretch = bytes(size) if way == 2 else random.bytes(size)
        changed[at : at + size] = stretch
    return bytes(changed)


def write_damaged(folder: Path, count: int) -> None:
    clips = whole_clips(folder)
    random = np.random.default_rng(0)
    for number in range(count):
        clip = clips[number % len(clips)]
        name = f"{number:05}-{clip.name}"
        (folder / name).write_bytes(damage(clip.read_bytes(), random))
    for clip in clips:
        clip.unlink()


def read_in_one_thread(path: Path) -> int:
    """Count the frames that FFmpeg's own loop gives: what cannot be decoded is skipped."""
    count = 0
    try:
        with open_container(path) as container:
            stream = shown_stream(container)
            if stream is None:
                return 0
            stream.codec_context.thread_count = 1
            for packet in [*packets_of(container, stream), None]:
                try:
                    count += len(stream.codec_context.decode(packet))
                except av.FFmpegError:
                    continue
    except UserError:
        return 0
    return count


def print_frames(folder: Path) -> None:
    """Print a line for each clip: its name, frames, damaged packets, and a digest of all pixels."""
    for path in sorted(folder.iterdir()):
        digest, count, damaged = hashlib.sha256(), 0, 0
        try:
            source = VideoSource(path)
            for frame in source.frames():
                digest.update(f"{frame.seconds:.6f}".encode())
                digest.update(np.ascontiguousarray(frame.pixels))
                count += 1
            damaged = source.damaged
        except UserError as error:
            assert str(path) in str(error)  # noqa: PT017 - frames or a clear line, both are right
        wanted = read_in_one_thread(path)
        print(path.name, wanted, count, damaged, digest.hexdigest(), flush=True)


def lines_of(folder: Path, memory: str, seconds: int) -> list[str]:
    """Read all clips in another process, in which new memory is filled with ``memory``."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.media.test_fuzzing", "read", str(folder)],
        env={**os.environ, "MALLOC_PERTURB_": memory},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    return done.stdout.splitlines()


def check(folder: Path, count: int, seconds: int) -> tuple[int, int]:
    """Return of how many clips frames were read, and how many damaged packets were skipped."""
    write_damaged(folder, count)
    lines, again = (lines_of(folder, memory, seconds) for memory in ("17", "201"))
    assert len(lines) == count
    # The same frames, whatever was in memory before.
    assert [one for one, other in zip(lines, again, strict=True) if one != other] == []
    readable = skipped = 0
    for line in lines:
        _, wanted, found, damaged, _ = line.split()
        assert int(found) >= int(wanted), line
        readable += int(found) > 0
        skipped += int(damaged)
    return readable, skipped


@pytest.mark.timeout(2 * SECONDS_FOR_ALL)
def test_damaged_clips_of_many_kinds(tmp_path: Path) -> None:
    readable, skipped = check(tmp_path, 80, SECONDS_FOR_ALL)
    assert readable > 40
    assert skipped > 5


if __name__ == "__main__":
    if sys.argv[1] == "read":
        print_frames(Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as name:
            print("clips with frames, packets skipped:", check(Path(name), int(sys.argv[1]), 3600))
