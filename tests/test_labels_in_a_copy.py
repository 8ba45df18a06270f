"""``--output x.mkv``: the clip's own streams, with the labels as subtitles."""

from pathlib import Path

import av
import pytest

from activity.common.errors import UserError
from activity.media.clip import VideoSource
from tests.conftest import RunMain, Trained, write_clip


@pytest.fixture
def common(trained: Trained) -> tuple[object, ...]:
    files = ("--model", trained.model, "--label-bin", trained.label_bin)
    return (*files, "--cache", trained.cache, "--display", "off", "--size", 1)


def texts(path: Path) -> list[tuple[int, int, str]]:
    """The coloured subtitles: from and to in milliseconds, and their text."""
    with av.open(str(path)) as clip:
        packets = [packet for packet in clip.demux(subtitles=0) if packet.size]
        fields = [bytes(packet).decode().split(",", 8) for packet in packets]
        return [
            (packet.pts, packet.pts + packet.duration, text[8])
            for packet, text in zip(packets, fields, strict=True)
            if text[2] == "label"
        ]


def test_the_copy_has_the_clips_packets_and_its_labels(
    run_predict: RunMain, common: tuple[object, ...], tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", ["red"] * 60 + ["blue"] * 60)
    said = run_predict("--input", clip, *common, "--output", tmp_path / "out.mkv")
    assert f"wrote {tmp_path / 'out.mkv'}" in said
    with av.open(str(clip)) as was, av.open(str(tmp_path / "out.mkv")) as made:
        packets = [[bytes(p) for p in each.demux(video=0) if p.size] for each in (was, made)]
    assert packets[0] == packets[1]
    found = texts(tmp_path / "out.mkv")
    reds = [text for _, end, text in found if end <= 2001]
    assert reds
    assert all("red" in text and text.endswith("%") for text in reds)
    assert all("blue" in text for start, _, text in found if start >= 1999)
    assert (found[0][0], found[-1][1]) == (0, 4000)
    # What is copied is a clip like any other.
    assert VideoSource(tmp_path / "out.mkv").seconds() == pytest.approx(4.0, abs=0.01)


def test_a_folder_gets_copies_where_they_are_asked_for(
    run_predict: RunMain, common: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("a.mp4", "b.avi"):
        write_clip(tmp_path / "clips" / name, ["red"] * 9)
    flags = ("--output", tmp_path / "out", "--output-format", "mkv")
    run_predict("--input", tmp_path / "clips", *common, *flags)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mkv", "b.mkv"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--bars",), "--bars are drawn on frames, which an .mkv has as they are"),
        (("--display", "on"), "--display on shows the frames that --output draws on"),
    ],
)
def test_what_is_drawn_wants_another_ending(
    run_predict: RunMain,
    common: tuple[object, ...],
    tmp_path: Path,
    flags: tuple[str, ...],
    message: str,
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", ["red"] * 9)
    with pytest.raises(UserError, match=message):
        run_predict("--input", clip, *common, "--output", tmp_path / "out.mkv", *flags)
    assert not (tmp_path / "out.mkv").exists()


def test_a_camera_has_no_streams_to_copy(
    run_predict: RunMain, common: tuple[object, ...], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="a live source has no streams to copy"):
        run_predict("--input", "0", *common, "--output", tmp_path / "out.mkv")


def test_a_frame_too_small_for_text_is_copied_without_labels(
    run_predict: RunMain, common: tuple[object, ...], tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "clip.avi", ["red"] * 9, size=(16, 16))
    run_predict("--input", clip, *common, "--output", tmp_path / "out.mkv")
    assert texts(tmp_path / "out.mkv") == []
