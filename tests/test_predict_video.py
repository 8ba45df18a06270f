"""predict_video.py, run as a person runs it."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from activity.media.clip import VideoSource, open_clip
from tests.clips import sound_packets, write_av_clip
from tests.conftest import COLOURS_BGR, ROOT, RunScript, Trained, posix, write_clip

if os.name == "posix":
    import resource
    import termios

Predict = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def predict(run_script: RunScript, trained: Trained) -> Predict:
    def run(clip: object, output: object, *more: object, **options: object):
        return run_script("predict_video.py", *common(trained, clip, output), *more, **options)

    return run


def common(trained: Trained, clip: object, output: object) -> list[object]:
    files = ["--model", trained.model, "--label-bin", trained.label_bin, "--cache", trained.cache]
    given = [] if output is None else ["--output", output]
    return [*files, "--display", "off", "--input", clip, *given]


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a person sees, of a run that ended as it should."""
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def frames_of(path: Path) -> list[np.ndarray]:
    return [frame.pixels for frame in VideoSource(path).frames()]


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_every_frame_comes_out_labelled(
    suffix: str, flickering_clip: Path, predict: Predict, tmp_path: Path
) -> None:
    output = tmp_path / "new folder" / f"out{suffix}"
    done = predict(flickering_clip, output, "--size", 1)
    assert done.returncode == 0, done.stderr
    assert "red" in done.stdout
    assert "over 120 frames; label switches: 4 raw, 4 averaged" in done.stdout
    before, after = VideoSource(flickering_clip), VideoSource(output)
    assert replace(after.info, planes=None) == replace(before.info, planes=None)
    pairs = list(zip(before.frames(), after.frames(), strict=True))
    assert len(pairs) == 120
    for frame, labelled in pairs:
        assert labelled.seconds == pytest.approx(frame.seconds, abs=1e-3)
        # The label is at the top; below it the frame is as it was.
        assert cv2.PSNR(frame.pixels[60:], labelled.pixels[60:]) > 28
        assert np.abs(frame.pixels[:40].astype(int) - labelled.pixels[:40]).mean() > 3


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", ".jpg"), ("AVIF", ".png"), ("HEIF", ".mp4")])
def test_a_photo_is_labelled_as_a_clip_of_one_frame(
    kind: str, suffix: str, predict: Predict, tmp_path: Path
) -> None:
    image = pytest.importorskip("PIL.Image")
    if kind == "HEIF":
        pytest.importorskip("pi_heif")
        pytest.importorskip("pillow_heif").register_heif_opener()
    photo, output = tmp_path / "photo.dat", tmp_path / f"out{suffix}"
    red = np.full((480, 640, 3), COLOURS_BGR["red"], np.uint8)
    image.fromarray(red[:, :, ::-1]).save(photo, kind)
    table, summary = tmp_path / "out.csv", tmp_path / "out.json"
    more = ["--csv", table, "--json", summary, "--segments", tmp_path / "out.srt", "--bars"]
    done = predict(photo, output, *more, "--smoothing", "viterbi")
    assert done.returncode == 0, done.stderr
    assert f"{photo}: red" in done.stdout
    assert "over 1 frames" in done.stdout
    (drawn,) = open_clip(output).frames()
    assert drawn.size == (640, 480)
    assert np.abs(drawn.pixels[:60].astype(int) - red[:60]).mean() > 3
    assert np.abs(drawn.pixels[200:280].astype(int) - red[200:280]).mean() < 3
    assert len(table.read_text().splitlines()) == 2
    assert json.loads(summary.read_text())["frames"]["read"] == 1


def test_a_clip_does_not_become_a_picture(
    flickering_clip: Path, predict: Predict, tmp_path: Path
) -> None:
    line = error_line(predict(flickering_clip, tmp_path / "out.jpg"))
    assert "a picture holds one frame" in line
    assert not (tmp_path / "out.jpg").exists()


def test_averaging_takes_the_flicker_away(
    flickering_clip: Path, predict: Predict, tmp_path: Path
) -> None:
    done = predict(
        flickering_clip,
        tmp_path / "out.avi",
        "--csv",
        tmp_path / "out.csv",
        "--json",
        tmp_path / "out.json",
        "--timeline",
        tmp_path / "out.png",
        "--compare",
        4,
        "--bars",
    )
    assert "label switches: 4 raw, 0 averaged" in done.stdout
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert len(rows) == 120
    assert {row["label"] for row in rows} == {"red"}
    assert [row["raw_label"] for row in rows[39:44]] == ["red", "green", "green", "green", "red"]
    summary = json.loads((tmp_path / "out.json").read_text())
    assert summary["frames"] == {"read": 120, "classified": 120, "expected": 120}
    assert summary["segments"][0]["end"] == pytest.approx(4)
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_a_stride_classifies_less_and_labels_all(
    flickering_clip: Path, predict: Predict, tmp_path: Path
) -> None:
    done = predict(
        flickering_clip, tmp_path / "out.avi", "--stride", 8, "--json", tmp_path / "out.json"
    )
    assert "over 120 frames" in done.stdout
    summary = json.loads((tmp_path / "out.json").read_text())
    assert summary["frames"]["classified"] == 15
    assert len(frames_of(tmp_path / "out.avi")) == 120


def test_viterbi_labels_on_time_what_rolling_labels_late(predict: Predict, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", ["red"] * 60 + ["green"] * 3 + ["blue"] * 90)
    table, summary = tmp_path / "out.csv", tmp_path / "out.json"
    results = ["--csv", table, "--json", summary, "--timeline", tmp_path / "out.png"]
    done = predict(clip, tmp_path / "out.mp4", "--smoothing", "viterbi", "--size", 32, *results)
    assert done.returncode == 0, done.stderr
    assert "over 153 frames; label switches: 2 raw, 1 viterbi" in done.stdout
    labels = [row["label"] for row in csv.DictReader(table.open())]
    change = labels.index("blue")
    assert labels == ["red"] * change + ["blue"] * (153 - change)
    assert 60 <= change <= 63
    assert len(frames_of(tmp_path / "out.mp4")) == 153
    assert json.loads(summary.read_text())["switches"] == {"raw": 2, "smoothed": 1, "viterbi": 1}
    # Nothing is encoded, and the rest is the same.
    before = [path.read_bytes() for path in (table, summary, tmp_path / "out.png")]
    done = predict(clip, None, "--smoothing", "viterbi", "--size", 32, *results)
    assert done.returncode == 0, done.stderr
    assert "out.mp4" not in done.stdout
    assert [path.read_bytes() for path in (table, summary, tmp_path / "out.png")] == before


def test_what_cannot_be_done_together_is_one_clear_line(predict: Predict, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", ["red"] * 5)
    assert "nothing to do: give --output" in error_line(predict(clip, None))
    output = tmp_path / "out.mp4"
    for source in ("0", "rtsp://camera/1"):
        done = predict(source, output, "--smoothing", "viterbi")
        assert "a live source has no end: use --smoothing rolling" in error_line(done)
    done = predict(clip, None, "--csv", tmp_path / "out.csv", "--display", "on")
    assert "give --output" in error_line(done)
    done = predict("0", output, "--cluster", "auto")
    assert "a live source is labelled where it is: leave out --cluster" in error_line(done)
    done = predict(clip, output, "--cluster", "auto", "--display", "on")
    assert "--display on cannot show clips labelled on a cluster" in error_line(done)
    assert list(tmp_path.iterdir()) == [clip]


def test_a_cluster_without_ray_is_one_clear_line(predict: Predict, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", ["red"] * 5)
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError('as where Ray is absent')")
    there = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = predict(clip, tmp_path / "out.mp4", "--cluster", "local", env=there)
    assert "pip install -r requirements-cluster.txt" in error_line(done)
    assert not (tmp_path / "out.mp4").exists()


def test_tensorflow_is_not_imported_once_the_export_is_there(
    flickering_clip: Path, trained: Trained, tmp_path: Path
) -> None:
    command = [sys.executable, "-X", "importtime", "predict_video.py"]
    command += map(str, common(trained, flickering_clip, tmp_path / "out.avi"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=ROOT)
    assert done.returncode == 0
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "cv2" in imported
    assert not {"tensorflow", "keras", "matplotlib", "torch", "ray"} & imported


@pytest.mark.real_data
@pytest.mark.parametrize("clip", ["lifting", "soccer", "tennis"])
def test_real_clips(clip: str, real_data: Path, predict: Predict, tmp_path: Path) -> None:
    path = real_data / "clips" / f"{clip}.mp4"
    output, table = tmp_path / "out.mp4", tmp_path / "out.csv"
    done = predict(path, output, "--csv", table)
    assert done.returncode == 0, done.stderr
    assert VideoSource(output).info == VideoSource(path).info
    assert len(frames_of(output)) == len(frames_of(path))
    assert sound_packets(output) == sound_packets(path)
    rows = list(csv.DictReader(table.open()))
    switches = {
        column: sum(a[column] != b[column] for a, b in pairwise(rows))
        for column in ("raw_label", "label")
    }
    assert switches["label"] <= switches["raw_label"]


def test_what_is_no_clip_is_one_clear_line(predict: Predict, tmp_path: Path) -> None:
    clip, output = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    output.write_bytes(b"of an earlier run")
    assert f"no clip at {clip}" in error_line(predict(clip, output))
    clip.write_bytes(b"words " * 1000)
    assert "it is text" in error_line(predict(clip, output))
    # The index of an .mp4 is at its end. FFmpeg's own complaint stays off the terminal.
    whole = write_av_clip(tmp_path / "whole.mp4", range(0, 1000, 33)).read_bytes()
    clip.write_bytes(whole[:-500])
    assert "cannot read" in error_line(predict(clip, output))
    assert output.read_bytes() == b"of an earlier run"
    assert {path.name for path in tmp_path.iterdir()} == {"clip.mp4", "out.mp4", "whole.mp4"}


def test_a_truncated_clip_is_labelled_as_far_as_it_goes(predict: Predict, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.avi", ["red"] * 90).read_bytes()
    (tmp_path / "clip.avi").write_bytes(whole[: len(whole) // 2])
    done = predict(tmp_path / "clip.avi", tmp_path / "out.mp4")
    assert done.returncode == 0, done.stderr
    count = len(frames_of(tmp_path / "out.mp4"))
    assert 20 < count < 70
    assert done.stderr == ""
    assert f"over {count} of 90 frames" in done.stdout


@posix
def test_the_input_survives(predict: Predict, flickering_clip: Path, tmp_path: Path) -> None:
    content = flickering_clip.read_bytes()
    link = tmp_path / "link.mp4"
    link.symlink_to(flickering_clip)
    for output in (flickering_clip, link):
        assert "would overwrite" in error_line(predict(flickering_clip, output))
    assert flickering_clip.read_bytes() == content


@posix
@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_full_disk_leaves_the_earlier_output(
    suffix: str, predict: Predict, flickering_clip: Path, tmp_path: Path
) -> None:
    output = tmp_path / f"out{suffix}"
    output.write_bytes(b"a good clip")
    room = 10_000
    done = predict(
        flickering_clip,
        output,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert f"cannot write {output}" in error_line(done)
    assert output.read_bytes() == b"a good clip"
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_on_without_a_screen_is_one_clear_line(
    predict: Predict, flickering_clip: Path, tmp_path: Path
) -> None:
    no_screen = {k: v for k, v in os.environ.items() if k != "WAYLAND_DISPLAY"} | {
        "DISPLAY": ":987"
    }
    done = predict(flickering_clip, tmp_path / "out.avi", "--display", "on", env=no_screen)
    assert "no screen" in error_line(done)
    assert not (tmp_path / "out.avi").exists()
    done = predict(flickering_clip, tmp_path / "out.avi", "--display", "auto", env=no_screen)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return write_av_clip(path, range(0, 80_000, 40), sound="aac")


@pytest.fixture(scope="module")
def whole_run(long_clip: Path, trained: Trained, tmp_path_factory) -> list[np.ndarray]:
    output = tmp_path_factory.mktemp("whole") / "out.avi"
    command = [sys.executable, "predict_video.py", *map(str, common(trained, long_clip, output))]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return frames_of(output)


def end_early(arguments: list[object], output: Path, number: int, times: int) -> tuple[int, str]:
    """Start, wait until something was written, and send a signal so many times."""
    process = subprocess.Popen(
        [sys.executable, "predict_video.py", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # The shell that runs the tests may have had them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        text=True,
        cwd=ROOT,
    )
    while process.poll() is None:
        parts = list(output.parent.glob(f".{output.stem}*"))
        if parts and parts[0].stat().st_size > 20_000:
            break
        time.sleep(0.01)
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.02)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


@posix
@pytest.mark.parametrize(
    ("suffix", "smoothing", "number", "times"),
    [
        (".avi", "rolling", signal.SIGINT, 1),
        (".mp4", "rolling", signal.SIGTERM, 1),
        (".mp4", "viterbi", signal.SIGINT, 3),
    ],
)
def test_an_early_end_leaves_a_playable_beginning(
    number: int,
    times: int,
    suffix: str,
    smoothing: str,
    long_clip: Path,
    whole_run: list[np.ndarray],
    trained: Trained,
    tmp_path: Path,
) -> None:
    output = tmp_path / f"out{suffix}"
    arguments = [*common(trained, long_clip, output), "--smoothing", smoothing]
    status, out = end_early(arguments, output, number, times)
    assert status == 130, out
    assert "label switches" in out
    assert out.endswith("interrupted\n")
    assert list(tmp_path.iterdir()) == [output]
    frames = frames_of(output)
    assert 5 < len(frames) < len(whole_run) == 2000
    for frame, whole in zip(frames, whole_run, strict=False):
        assert suffix == ".mp4" or np.array_equal(frame, whole)
        assert cv2.PSNR(frame, whole) > 28
    if suffix == ".mp4":
        copied = sound_packets(output)
        assert copied == sound_packets(long_clip)[: len(copied)]
        assert copied[-1][0] == pytest.approx(len(frames) * 0.04, abs=0.1)


@posix
def test_an_end_while_classifying_keeps_nothing_and_says_so(
    long_clip: Path, trained: Trained, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = [*common(trained, long_clip, out / "out.mp4"), "--csv", out / "out.csv"]
    terminal, its_end = os.openpty()
    termios.tcsetwinsize(its_end, (24, 120))
    process = subprocess.Popen(
        [sys.executable, "predict_video.py", *map(str, arguments), "--smoothing", "viterbi"],
        stdout=subprocess.PIPE,
        stderr=its_end,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        text=True,
        cwd=ROOT,
    )
    os.close(its_end)
    seen = b""
    while b"classifying long.mp4" not in seen:
        seen += os.read(terminal, 1000)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    # A terminal gives some 4,000 bytes at once; where nobody writes to it any more, an error.
    with suppress(OSError):
        while more := os.read(terminal, 10_000):
            seen += more
    os.close(terminal)
    assert process.returncode == 130, seen
    assert said == f"[INFO] {long_clip} was left unfinished: nothing of it is kept\n"
    assert seen.rstrip().endswith(b"interrupted")
    assert list(out.iterdir()) == []


def test_many_clips(predict: Predict, tmp_path: Path) -> None:
    clips, out = tmp_path / "clips", tmp_path / "out"
    clips.mkdir()
    write_clip(clips / "a.mp4", ["red"] * 20)
    write_clip(clips / "b.avi", ["blue"] * 20)
    (clips / "bad.mp4").write_bytes(b"words " * 1000)
    done = predict(clips, out, "--csv", out)
    assert done.returncode == 2
    assert "bad.mp4 as a video: it is text" in done.stderr
    assert f"1 of 3 clips failed: {clips / 'bad.mp4'}" in done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["a.csv", "a.mp4", "b.csv", "b.mp4"]
    table = done.stdout[done.stdout.index("clip  ") :]
    assert ["red" in table, "blue" in table] == [True, True]

    made = (out / "a.mp4").stat().st_mtime_ns
    (clips / "bad.mp4").unlink()
    done = predict(clips, out, "--csv", out)
    assert done.returncode == 0
    assert "2 of 2 clips are labelled already" in done.stdout
    # What is missing is made; what is there stays, unless it is asked for.
    (out / "b.csv").unlink()
    assert predict(clips, out, "--csv", out).returncode == 0
    assert (out / "b.csv").exists()
    assert (out / "a.mp4").stat().st_mtime_ns == made
    assert predict(clips, out, "--overwrite").returncode == 0
    assert (out / "a.mp4").stat().st_mtime_ns > made


@posix
def test_an_unfinished_one_of_many_is_not_taken_for_finished(
    long_clip: Path, trained: Trained, tmp_path: Path
) -> None:
    short = write_clip(tmp_path / "a.mp4", ["red"] * 20)
    out = tmp_path / "out"
    arguments = common(trained, short, out)
    arguments.insert(arguments.index("--output"), long_clip)
    status, said = end_early(arguments, out / "long.mp4", signal.SIGINT, 1)
    assert "was left unfinished: nothing of it is kept" in said
    assert status == 130, said
    assert [path.name for path in out.iterdir()] == ["a.mp4"]
    assert "a.mp4" in said[said.index("clip  ") :]
