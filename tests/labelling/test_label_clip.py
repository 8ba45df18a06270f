"""One clip labelled: both ways of smoothing, what is written, and what an early end leaves."""

import csv
import json
import pickle
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.common.interruption import LeftUnfinishedError
from activity.labelling.jobs import Job, Settings
from activity.labelling.label_clip import label_clip
from activity.labelling.outputs import Outputs
from activity.labelling.overlay import overlay, whole_frame
from activity.media.clip import VideoSource
from activity.media.frame import Frame
from activity.media.sink import open_sink
from activity.network.classifier import Classifier, OpenClassifier
from activity.network.engine import Engine, EngineOptions, Stream
from activity.temporal.judgement import Truth
from activity.temporal.segments import Segment
from activity.temporal.smoothing import Rolling, Viterbi, least_cost_labels
from tests.clips import draw_frame, overwrite_packet, write_av_clip, write_pictures
from tests.conftest import write_clip

LABELS = ["blue", "green", "red"]
SAVED = Classifier(Path("a.model"), Path("lb.pickle"), "0" * 64, tuple(LABELS))
SETTINGS = Settings(Rolling(16), options=EngineOptions("auto"))
VITERBI = replace(SETTINGS, smoothing=Viterbi(16))


def mean_colour(stream: Stream) -> Iterator[tuple[object, np.ndarray]]:
    """An engine: the share of each colour in the frame."""
    for tag, pixels in stream:
        means = pixels.reshape(-1, 3).mean(axis=0, dtype=np.float32)[::-1]
        yield tag, means / means.sum()


def opened(engine: Engine) -> OpenClassifier:
    """A classifier of the labels above that an engine of the tests runs."""
    return OpenClassifier(SAVED, engine)


def job_of(clip: Path, folder: Path, *results: str, keep_unfinished: bool = True) -> Job:
    """A job that gives the results named, of mp4, avi, png, csv, json and srt."""
    files = {suffix: folder / f"out.{suffix}" for suffix in results}
    outputs = Outputs(
        video=files.get("mp4") or files.get("avi"),
        timeline=files.get("png"),
        csv=files.get("csv"),
        json=files.get("json"),
        segments=files.get("srt"),
    )
    return Job(str(clip), outputs, keep_unfinished=keep_unfinished)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def runs(rows: list[dict[str, str]]) -> list[tuple[str, int]]:
    return [(label, len(list(run))) for label, run in groupby(row["label"] for row in rows)]


def frames_of(path: Path) -> list[np.ndarray]:
    return [frame.pixels for frame in VideoSource(path).frames()]


def after(calls: int) -> Callable[..., bool]:
    """A function that is True from this call on."""
    left = iter(range(calls - 1))
    return lambda *_: next(left, None) is None


@pytest.fixture
def changing_clip(tmp_path: Path) -> Path:
    """40 frames of red, 3 of green, 17 of red, and 60 of blue."""
    colours = ["red"] * 40 + ["green"] * 3 + ["red"] * 17 + ["blue"] * 60
    return write_clip(tmp_path / "changing.mp4", colours)


def test_viterbi_changes_on_the_very_frame_and_rolling_late(
    changing_clip: Path, tmp_path: Path
) -> None:
    job = job_of(changing_clip, tmp_path, "avi", "csv", "json", "png")
    (outcome,) = label_clip([job], opened(mean_colour), VITERBI)
    assert runs(rows_of(job.outputs.csv)) == [("red", 60), ("blue", 60)]
    assert (outcome.summary.frames, outcome.expected, outcome.dropped) == (120, 120, 0)
    written = json.loads(job.outputs.json.read_text())
    assert written["switches"] == {"raw": 3, "smoothed": 1, "viterbi": 1}
    assert written["settings"]["smoothing"] == "viterbi"
    assert written["segments"][1]["first_frame"] == 60
    assert len(frames_of(job.outputs.video)) == 120
    label_clip([job], opened(mean_colour), SETTINGS)
    (_, red), (_, blue) = runs(rows_of(job.outputs.csv))
    assert 66 <= red <= 69
    assert red + blue == 120
    switches = json.loads(job.outputs.json.read_text())["switches"]
    assert switches == {"raw": 3, "smoothed": 1, "averaged": 1}


@pytest.mark.parametrize("stride", [1, 3])
def test_rolling_is_the_plain_loop_to_the_bit(
    stride: int, changing_clip: Path, tmp_path: Path
) -> None:
    """Classify, average a deque, draw, write, and go on to the next frame."""
    source = VideoSource(changing_clip)
    window: deque[np.ndarray] = deque(maxlen=16 // stride)
    rows = []
    with open_sink(tmp_path / "plain.avi", source.info, None) as sink:
        for number, frame in enumerate(source.frames()):
            if number % stride == 0:
                ((_, raw),) = mean_colour([(None, Frame(frame.pixels).network_input())])
                window.append(raw.astype(np.float64))
            mean = np.sum(window, axis=0) / len(window)
            label = LABELS[mean.argmax()]
            rows.append((str(number), label, f"{mean.max():.6f}"))
            place = whole_frame(frame.size)
            for plate in overlay(frame.size, place, LABELS, mean, int(mean.argmax()), bars=True):
                plate.draw(frame.pixels)
            sink.write(frame)
    job = job_of(changing_clip, tmp_path, "avi", "csv", "png")
    settings = replace(SETTINGS, stride=stride, bars=True)
    label_clip([job], opened(mean_colour), settings)
    assert job.outputs.video.read_bytes() == (tmp_path / "plain.avi").read_bytes()
    found = [(row["frame"], row["label"], row["probability"]) for row in rows_of(job.outputs.csv)]
    assert found == rows


def test_labels_of_viterbi_are_those_of_the_raw_columns(
    changing_clip: Path, tmp_path: Path
) -> None:
    job = job_of(changing_clip, tmp_path, "csv")
    label_clip([job], opened(mean_colour), VITERBI)
    rows = rows_of(job.outputs.csv)
    raw = np.array([[float(row[f"p_{label}"]) for label in LABELS] for row in rows])
    labels = least_cost_labels([raw], 8)
    assert [row["label"] for row in rows] == [LABELS[label] for label in labels]
    for label in set(labels.tolist()):
        own = [row["probability"] for row, mine in zip(rows, labels, strict=True) if mine == label]
        assert set(own) == {own[0]}, "the probability on the frame would tremble"
        assert float(own[0]) == pytest.approx(raw[labels == label, label].mean(), abs=2e-6)


@pytest.mark.parametrize("settings", [SETTINGS, VITERBI])
@pytest.mark.parametrize("stride", [1, 7])
def test_without_a_labelled_clip_the_rest_is_the_same(
    settings: Settings, stride: int, changing_clip: Path, tmp_path: Path
) -> None:
    settings = replace(settings, stride=stride, compare=(4,), bars=True)
    results = ("csv", "json", "png", "srt")
    contents = []
    for more in ((), ("mp4",)):
        folder = tmp_path / f"with {more}"
        folder.mkdir()
        job = job_of(changing_clip, folder, *results, *more)
        label_clip([job], opened(mean_colour), settings)
        assert {path.suffix[1:] for path in folder.iterdir()} == {*results, *more}
        contents.append([(folder / f"out.{suffix}").read_bytes() for suffix in results])
    assert contents[0] == contents[1]


def test_nothing_is_shown_where_nothing_is_drawn(changing_clip: Path, tmp_path: Path) -> None:
    def show(frame: Frame) -> bool:
        raise AssertionError("there is nothing to see")

    for settings in (SETTINGS, VITERBI):
        job = job_of(changing_clip, tmp_path, "csv")
        label_clip([job], opened(mean_colour), settings, show=show)
        assert len(rows_of(job.outputs.csv)) == 120


def test_an_end_while_classifying_keeps_nothing(changing_clip: Path, tmp_path: Path) -> None:
    job = job_of(changing_clip, tmp_path / "out", "mp4", "csv", "json", "png", "srt")
    (tmp_path / "out").mkdir()
    job.outputs.video.write_bytes(b"of an earlier run")
    with pytest.raises(LeftUnfinishedError):
        label_clip([job], opened(mean_colour), VITERBI, interrupted=after(50))
    assert list((tmp_path / "out").iterdir()) == [job.outputs.video]
    assert job.outputs.video.read_bytes() == b"of an earlier run"


@pytest.mark.parametrize("way", ["interrupted", "show"])
def test_an_end_while_drawing_keeps_a_beginning_of_the_whole(
    way: str, changing_clip: Path, tmp_path: Path
) -> None:
    job = job_of(changing_clip, tmp_path, "avi", "csv", "json", "png")
    label_clip([job], opened(mean_colour), VITERBI)
    whole, table = frames_of(job.outputs.video), rows_of(job.outputs.csv)
    # Each of the first reading's 120 frames asks whether to go on, too, and so does its end.
    calls = {"interrupted": 120 + 1 + 70, "show": 70}[way]
    (outcome,) = label_clip([job], opened(mean_colour), VITERBI, **{way: after(calls)})
    assert outcome.summary.frames == 70
    assert rows_of(job.outputs.csv) == table[:70]
    assert json.loads(job.outputs.json.read_text())["frames"]["read"] == 70
    beginning = frames_of(job.outputs.video)
    assert len(beginning) == 70
    assert all((a == b).all() for a, b in zip(beginning, whole, strict=False))


@pytest.mark.parametrize("truth", [None, Truth(Path("truth.csv"), [Segment(0, 9, "red")])])
@pytest.mark.parametrize("settings", [SETTINGS, VITERBI])
def test_an_end_before_the_first_frame_is_drawn_keeps_what_was_there(
    settings: Settings, truth: Truth | None, changing_clip: Path, tmp_path: Path
) -> None:
    """That is while the clip is brought here, hashed (where it is judged) or classified."""
    job = job_of(changing_clip, tmp_path / "out", "mp4", "csv", "json")
    (tmp_path / "out").mkdir()
    job.outputs.video.write_bytes(b"of an earlier run")
    with pytest.raises(LeftUnfinishedError):
        label_clip(
            [replace(job, truth=truth)], opened(mean_colour), settings, interrupted=lambda: True
        )
    assert list((tmp_path / "out").iterdir()) == [job.outputs.video]
    assert job.outputs.video.read_bytes() == b"of an earlier run"


@pytest.mark.parametrize(("settings", "calls"), [(SETTINGS, 50), (VITERBI, 50), (VITERBI, 150)])
def test_an_end_among_many_clips_keeps_none_of_this_one(
    settings: Settings, calls: int, changing_clip: Path, tmp_path: Path
) -> None:
    job = job_of(changing_clip, tmp_path / "out", "mp4", "csv", keep_unfinished=False)
    (tmp_path / "out").mkdir()
    with pytest.raises(LeftUnfinishedError):
        label_clip([job], opened(mean_colour), settings, interrupted=after(calls))
    assert list((tmp_path / "out").iterdir()) == []


def changing_the_clip(path: Path, content: bytes) -> Callable[[Stream], Iterator]:
    """An engine that exchanges the clip as soon as all of it is classified."""

    def classify(stream: Stream) -> Iterator[tuple[object, np.ndarray]]:
        yield from mean_colour(stream)
        path.unlink()
        path.write_bytes(content)

    return classify


@pytest.mark.parametrize("frames", [30, 200])
def test_another_number_of_frames_when_a_clip_is_read_again(
    frames: int, changing_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_clip(tmp_path / "other.mp4", ["red"] * frames).read_bytes()
    job = job_of(changing_clip, tmp_path, "mp4", "csv", "json", "png")
    classify = changing_the_clip(changing_clip, other)
    (outcome,) = label_clip([job], opened(classify), VITERBI)
    assert "had a different number of frames when it was read" in capsys.readouterr().out
    assert outcome.summary.frames == min(frames, 120)
    assert len(rows_of(job.outputs.csv)) == len(frames_of(job.outputs.video)) == min(frames, 120)


@pytest.mark.parametrize("content", ["another size", "text", "nothing"])
def test_another_clip_when_it_is_read_again(
    content: str, changing_clip: Path, tmp_path: Path
) -> None:
    contents = {
        "another size": write_clip(tmp_path / "o.mp4", ["red"] * 9, size=(64, 48)).read_bytes(),
        "text": b"words " * 1000,
        "nothing": b"",
    }
    job = job_of(changing_clip, tmp_path / "out", "mp4", "csv", "json", "png")
    (tmp_path / "out").mkdir()
    job.outputs.video.write_bytes(b"of an earlier run")
    classify = changing_the_clip(changing_clip, contents[content])
    with pytest.raises(UserError, match=r"changed while it was labelled|cannot read"):
        label_clip([job], opened(classify), VITERBI)
    assert list((tmp_path / "out").iterdir()) == [job.outputs.video]
    assert job.outputs.video.read_bytes() == b"of an earlier run"


def test_bars_stand_still_over_a_stretch(changing_clip: Path, tmp_path: Path) -> None:
    job = job_of(changing_clip, tmp_path, "avi")
    label_clip([job], opened(mean_colour), replace(VITERBI, bars=True))
    frames = frames_of(job.outputs.video)
    bars = [cv2.cvtColor(frame[60:, :80], cv2.COLOR_BGR2GRAY) for frame in frames]
    # Frames 100 on, where the bar that moves in the drawn clip is elsewhere.
    assert cv2.PSNR(bars[100], bars[119]) > 30
    assert cv2.PSNR(bars[30], bars[100]) < 25


def test_settings_travel_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(VITERBI)) == VITERBI


def test_a_summary_says_what_it_was_made_from(changing_clip: Path, tmp_path: Path) -> None:
    job = job_of(changing_clip, tmp_path, "json")
    classifier = OpenClassifier(replace(SAVED, framing="squashed"), mean_colour)
    label_clip([job], classifier, replace(VITERBI, stride=4))
    written = json.loads(job.outputs.json.read_text())
    assert written["source"] == str(changing_clip)
    assert written["frames"] == {"read": 120, "classified": 30, "expected": 120}
    assert written["model"] == {"path": "a.model", "sha256": "0" * 64}
    assert written["settings"] == {
        "smoothing": "viterbi",
        "size": 16,
        "stride": 4,
        "engine": "auto",
        "unknown": False,
        "framing": "squashed",
    }


def test_what_became_of_times_and_damaged_frames_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [draw_frame(number) for number in range(60)]
    options = {"x265-params": "keyint=250:bframes=0:log-level=none"}
    clip = write_pictures(tmp_path / "hevc.mp4", pictures, "libx265", options=options)
    overwrite_packet(clip, 20)
    job = job_of(clip, tmp_path, "avi", "json")
    (outcome,) = label_clip([job], opened(mean_colour), SETTINGS)
    assert outcome.summary.frames == 59
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[INFO]")]
    assert said == [
        f"[INFO] {job.outputs.video} has the length of {clip}, but shows each frame for 0.0407 s, "
        "where that has 0.04 to 0.08 s: an .mp4 keeps the times",
        f"[INFO] {clip} is damaged: packets that cannot be decoded: 1",
        f"[INFO] {clip} is damaged: frames that the decoder calls corrupt, and that are labelled "
        "all the same: 39",
    ]


@pytest.mark.parametrize("suffix", ["avi", "mp4", "csv"])
def test_after_an_early_end_the_last_frame_is_shown_as_long_as_it_is(
    suffix: str, tmp_path: Path
) -> None:
    """And not for the moment that a file claims each frame to be shown."""
    clip = write_av_clip(tmp_path / "slow.mkv", range(0, 20_000, 500))
    job = job_of(clip, tmp_path, suffix, "json")
    label_clip([job], opened(mean_colour), SETTINGS, interrupted=after(8))
    written = json.loads(job.outputs.json.read_text())
    frames = written["frames"]["read"]
    assert 5 < frames < 10
    assert written["segments"][-1]["end"] == pytest.approx(frames / 2, abs=1e-3)
    if suffix != "csv":
        assert VideoSource(job.outputs.video).seconds() == pytest.approx(frames / 2, abs=1e-2)
