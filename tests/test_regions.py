"""``--region``: parts of a clip's frames, each labelled as if it had been cropped before."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.clip import VideoSource
from activity.media.frame import DecodedFrame, Frame, Layout, Part, Showing
from activity.media.region import parse_region
from activity.temporal.formats.annotations import Wanted
from activity.temporal.segment_files import read_annotations
from activity.temporal.segments import Segment, read_segments
from tests.conftest import COLOURS_BGR, RunMain, RunScript, Trained

LEFT = ["red"] * 60 + ["blue"] * 30
RIGHT = ["green"] * 21 + ["red"] * 69  # changes at a whole millisecond
SIZE = (160, 120)  # of each half


def frame_of(colours: list[str], number: int) -> np.ndarray:
    """A noisy frame of one colour."""
    noise = np.random.default_rng(number).normal(0, 20, (SIZE[1], SIZE[0], 3))
    return np.clip(np.array(COLOURS_BGR[colours[number]]) + noise, 0, 255).astype(np.uint8)


def write_frames(path: Path, frames: list[np.ndarray]) -> Path:
    """Write frames without loss, so that a part of them is the same in another clip."""
    with av.open(str(path), "w") as clip:
        stream = clip.add_stream("libx264", rate=30, options={"qp": "0", "preset": "ultrafast"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for pixels in frames:
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        clip.mux(stream.encode(None))
    return path


@pytest.fixture
def courts(tmp_path: Path) -> dict[str, Path]:
    """Two courts side by side, and each of them by itself."""
    left = [frame_of(LEFT, number) for number in range(90)]
    right = [frame_of(RIGHT, number)[::-1] for number in range(90)]
    both = [np.hstack(pair) for pair in zip(left, right, strict=True)]
    return {
        name: write_frames(tmp_path / f"{name}.mp4", frames)
        for name, frames in (("left", left), ("right", right), ("match", both))
    }


def flags(trained: Trained, clip: Path, *more: object) -> list[object]:
    named = ["--model", trained.model, "--label-bin", trained.label_bin, "--input", clip]
    return [*named, "--cache", trained.cache, "--engine", "openvino", *more]


REGIONS = ("--region", "left=0,0,0.5,1", "--region", "right=160,0,160,120")


@pytest.mark.parametrize(
    "smoothing", [["--size", 16], ["--smoothing", "viterbi", "--size", 16], ["--stride", 4]]
)
def test_each_region_gets_the_results_of_the_cropped_clip(
    smoothing: list[object],
    courts: dict[str, Path],
    trained: Trained,
    run_predict: RunMain,
    tmp_path: Path,
) -> None:
    def outputs(name: str) -> list[object]:
        files = [f"--{what}={tmp_path / name}.{what}" for what in ("csv", "json")]
        return [*files, f"--segments={tmp_path / name}.srt"]

    for name in ("left", "right"):
        run_predict(*flags(trained, courts[name], *outputs(f"alone.{name}"), *smoothing))
    printed = run_predict(*flags(trained, courts["match"], *outputs("match"), *smoothing, *REGIONS))
    assert "match.mp4 (left): red" in printed
    assert "match.mp4 (right): red" in printed
    for name in ("left", "right"):
        for what in ("csv", "srt"):
            alone, region = (tmp_path / f"{one}.{name}.{what}" for one in ("alone", "match"))
            assert region.read_bytes() == alone.read_bytes()
        summary = json.loads((tmp_path / f"match.{name}.json").read_text())
        left = 0 if name == "left" else 160
        assert summary["region"] == {
            "name": name, "left": left, "top": 0, "width": 160, "height": 120
        }  # fmt: skip
    assert not (tmp_path / "match.csv").exists()


def test_the_labelled_clip_shows_all_regions(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    output = tmp_path / "out.mp4"
    run_predict(*flags(trained, courts["match"], "--output", output, "--size", 1, *REGIONS))
    written = [frame.pixels for frame in VideoSource(output).frames()]
    assert len(written) == 90
    plain = [frame.pixels for frame in VideoSource(courts["match"]).frames()]
    changed = np.abs(written[30].astype(int) - plain[30]).max(axis=2) > 80
    # Outlines of two pixels, a plate at the top left of each, and nothing else.
    for half in (changed[:, :160], changed[:, 160:]):
        assert half[:2].mean() > 0.9
        assert half[:, :2].mean() > 0.9
        assert half[4:30].mean() > 0.2
        assert half[60:110, 10:150].mean() < 0.02


def test_a_copy_has_the_labels_of_all_regions_as_subtitles(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    """Each has styles of its own, which place it, and all come in the order of time."""
    output = tmp_path / "out.mkv"
    run_predict(*flags(trained, courts["match"], "--output", output, "--size", 1, *REGIONS))
    with av.open(str(output)) as clip:
        header = bytes(clip.streams.subtitles[0].codec_context.extradata or b"").decode()
        packets = [packet for packet in clip.demux(subtitles=0) if packet.size]
        fields = [bytes(packet).decode().split(",", 8) for packet in packets]
    assert [packet.pts for packet in packets] == sorted(packet.pts for packet in packets)
    margins = {
        line.split(":")[1].split(",")[0].strip(): int(line.split(",")[19])
        for line in header.splitlines()
        if line.startswith("Style: ")
    }
    assert margins["label1"] == margins["label"] + 160
    shown = {style: [f[8] for f in fields if f[2] == style] for style in ("label", "label1")}
    assert all(text.startswith("left: ") for text in shown["label"])
    assert all(text.startswith("right: ") for text in shown["label1"])


def test_a_long_name_of_a_region_leaves_room_for_its_label(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    output = tmp_path / "out.mkv"
    region = "upper left cage with the two grey parrots=0,0,0.5,1"
    run_predict(*flags(trained, courts["match"], "--output", output, "--region", region))
    with av.open(str(output)) as clip:
        texts = [bytes(packet).decode() for packet in clip.demux(subtitles=0) if packet.size]
    assert texts
    assert all("upper left cage " in text and ": red" in text for text in texts)


def test_many_clips_and_a_table_of_regions(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    """A clip that the table does not name is labelled as a whole."""
    table = tmp_path / "regions.csv"
    table.write_text("clip,region,left,top,width,height\nmatch.mp4,lane 1,0.5,0,0.5,1\n")
    folder = tmp_path / "out"
    given = flags(trained, courts["match"], "--segments", folder, "--size", 1, "--regions", table)
    given[given.index("--input") + 1 : given.index("--cache")] = [courts["match"], courts["left"]]
    run_predict(*given)
    assert sorted(path.name for path in folder.iterdir()) == ["left.csv", "match.lane 1.csv"]
    expected = [Segment(0, 0.7, "green"), Segment(0.7, 3, "red")]
    found = read_segments(folder / "match.lane 1.csv")
    assert [one.label for one in found] == ["green", "red"]
    assert found[1].start == pytest.approx(expected[1].start, abs=1e-4)
    again = run_predict(*given)
    assert "2 of 2 clips are labelled already" in again


@pytest.mark.parametrize("suffix", [".boris", ".eaf"])
def test_subjects_and_tiers_are_regions_written_and_read(
    suffix: str, courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    file = tmp_path / f"match{suffix}"
    given = flags(trained, courts["match"], "--size", 1, *REGIONS)
    run_predict(*given, "--segments", file)
    found = read_annotations(file, Wanted(regions=["left", "right"]))
    assert {some.region: [one.label for one in some.segments] for some in found.clips} == {
        "left": ["red", "blue"],
        "right": ["green", "red"],
    }
    assert all(Fraction(1) > abs(Fraction(some.segments[-1].end) - 3) for some in found.clips)
    printed = run_predict(*given, "--truth", file)
    assert "frames right now: 1.000 of 180" in printed, printed


@pytest.mark.parametrize("suffix", [".boris", ".eaf"])
def test_one_of_the_regions_of_a_file_is_judged(
    suffix: str, courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    file = tmp_path / f"match{suffix}"
    given = flags(trained, courts["match"], "--size", 1)
    run_predict(*given, *REGIONS, "--region", "middle=0.3,0,0.4,1", "--segments", file)
    printed = run_predict(*given, *REGIONS[:2], "--truth", file)
    assert "frames right now: 1.000 of 90" in printed
    assert "subject middle" in printed or "tier middle" in printed


def test_tables_of_truth_are_about_their_regions(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    given = flags(trained, courts["match"], "--size", 1, *REGIONS)
    table = tmp_path / "truth.csv"
    table.write_text(
        "clip,region,start,end,label\nmatch.mp4,left,0,2,red\nmatch.mp4,left,2,3,blue\n"
        "match.mp4,right,0,3,blue\n"
    )
    stats = tmp_path / "stats.csv"
    printed = run_predict(*given, "--truth", table, "--stats", stats)
    assert "frames right now: 0.500 of 180" in printed
    assert stats.read_text().startswith("clip,region,start,end,label,")
    folder = tmp_path / "truths"
    folder.mkdir()
    (folder / "match.right.csv").write_text("start,end,label\n0,3,red\n")
    with pytest.raises(UserError, match=r"does not say which of the regions it is about"):
        run_predict(*given, "--truth", folder / "match.right.csv")
    printed = run_predict(*given, "--truth", folder)
    assert "not judged, since there is no truth: " in printed
    assert "match.mp4 (left)" in printed


def test_corrections_of_regions_are_not_written_over(
    courts: dict[str, Path], trained: Trained, run_script: RunScript, tmp_path: Path
) -> None:
    """Neither those beside the clip, nor a file of all regions that is read in the same run."""
    beside = tmp_path / "match.right.csv"
    beside.write_text("start,end,label\n0,3,red\n")
    given = flags(trained, courts["match"], "--size", 1, *REGIONS)
    other = shutil.copy(courts["match"], tmp_path / "other.mp4")
    given.insert(given.index("--cache"), other)
    done = run_script("predict_video.py", *given, "--segments", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "may be a person's work" in done.stderr
    truth = tmp_path / "truth"
    truth.mkdir()
    corrected = truth / "match.eaf"
    run_script(
        "predict_video.py", *flags(trained, courts["match"], *REGIONS), "--segments", corrected
    )
    before = corrected.read_bytes()
    files = ["--segments", truth, "--segments-format", "eaf", "--truth", truth]
    done = run_script("predict_video.py", *given, *files)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "would overwrite" in done.stderr
    assert corrected.read_bytes() == before


def test_the_table_of_regions_is_not_written_over(
    courts: dict[str, Path], trained: Trained, run_script: RunScript, tmp_path: Path
) -> None:
    table = tmp_path / "regions.csv"
    table.write_text("clip,region,left,top,width,height\nmatch.mp4,left,0,0,0.5,1\n")
    before = table.read_bytes()
    given = flags(trained, courts["match"], "--regions", table, "--stats", table)
    done = run_script("predict_video.py", *given)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "would overwrite" in done.stderr
    assert table.read_bytes() == before


def test_regions_of_one_clip_are_counted_once(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    """And a clip that no regions are given for is named: its name may be written wrongly."""
    table = tmp_path / "regions.csv"
    places = "match.mp4,a,0,0,0.5,1\nmatch.mp4,b,0.5,0,0.5,1\n"
    table.write_text(f"clip,region,left,top,width,height\n{places}")
    given = flags(trained, courts["match"], "--segments", tmp_path / "out", "--regions", table)
    given.insert(given.index("--cache"), courts["left"])
    printed = run_predict(*given)
    assert f"[INFO] labelled as a whole, since {table} does not name it: " in printed
    assert printed.count("left.mp4\n") == 1
    again = run_predict(*given)
    assert "2 of 2 clips are labelled already" in again


def test_the_labelled_clip_of_all_regions_is_named_once(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    files = ["--output", tmp_path / "out.mp4", "--csv", tmp_path / "out.csv"]
    printed = run_predict(*flags(trained, courts["match"], "--size", 1, *REGIONS, *files))
    assert printed.count("out.mp4") == 1
    assert printed.count("[INFO] wrote ") == 2
    assert all(f"out.{name}.csv" in printed for name in ("left", "right"))


def test_a_summary_has_the_whole_name_of_its_region(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    name = "upper left cage with the two grey parrots"
    files = ["--json", tmp_path / "out.json", "--region", f"{name}=0,0,0.5,1"]
    run_predict(*flags(trained, courts["match"], *files))
    assert json.loads((tmp_path / f"out.{name}.json").read_text())["region"]["name"] == name


@pytest.mark.parametrize("more", ["--json", "--review"])
def test_a_region_that_has_moved_under_its_name_is_labelled_again(
    more: str, courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    """Where the summary or the review page says which rectangle was labelled."""
    tables = tmp_path / "tables"
    tables.mkdir()

    def label(place: str) -> str:
        given = flags(trained, courts["match"], "--size", 1, "--region", f"court={place}")
        return run_predict(*given, "--csv", tables, more, tmp_path / "more")

    label("0,0,0.5,1")
    before = (tables / "match.court.csv").read_text()
    printed = label("0.5,0,0.5,1")
    assert printed.count("labelled again, since it was another rectangle: ") == 1
    assert "match.mp4 (court)" in printed
    assert "are labelled already" not in printed
    after = (tables / "match.court.csv").read_text()
    assert (before.splitlines()[1].split(",")[3], after.splitlines()[1].split(",")[3]) == (
        *("red", "green"),
    )
    assert "1 of 1 clips are labelled already" in label("160,0,160,120")


def test_what_a_page_says_of_another_rectangle_was_not_right_before(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("clip,region,start,end,label\nmatch.mp4,court,0,2,red\n")

    def judge(place: str) -> str:
        given = flags(trained, courts["match"], "--size", 1, "--region", f"court={place}")
        return run_predict(*given, "--review", tmp_path / "review", "--truth", truth)

    judge("0,0,0.5,1")
    assert "frames right before: 1.000" in judge("0,0,160,120")
    printed = judge("0.5,0,0.5,1")
    assert "frames right before" not in printed
    assert "frames right now: 0.650 of 60" in printed


def test_a_table_of_regions_in_a_folder_of_truths_is_read(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    """It is named after the clip, and may be about some of its regions."""
    folder = tmp_path / "truths"
    folder.mkdir()
    table = folder / "match.csv"
    table.write_text("clip,region,start,end,label\nmatch.mp4,left,0,2,red\n")
    given = flags(trained, courts["match"], "--size", 1, *REGIONS, "--truth", folder)
    printed = run_predict(*given)
    assert "frames right now: 1.000 of 60" in printed
    assert "not judged, since there is no truth: " in printed
    table.write_text(table.read_text() + "match.mp4,right,0,3,red\n")
    assert "frames right now: 0.860 of 150" in run_predict(*given)


def test_a_table_of_a_whole_clip_in_a_folder_of_truths_is_named(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    folder = tmp_path / "truths"
    folder.mkdir()
    for name in ("match.csv", "match.right.csv"):
        (folder / name).write_text("start,end,label\n0,3,red\n")
    places = [*REGIONS, "--region", "middle=0.3,0,0.4,1"]
    printed = run_predict(*flags(trained, courts["match"], *places, "--truth", folder))
    line = "[INFO] not read, since it does not say which region it is about: "
    assert printed.count(line) == printed.count(f"{line}{folder / 'match.csv'}\n") == 1


def test_a_table_in_a_folder_of_truths_that_names_none_of_the_regions_is_one_line(
    courts: dict[str, Path], trained: Trained, run_script: RunScript, tmp_path: Path
) -> None:
    folder = tmp_path / "truths"
    folder.mkdir()
    (folder / "match.csv").write_text("clip,region,start,end,label\nmatch.mp4,cage,0,3,red\n")
    done = run_script(
        "predict_video.py", *flags(trained, courts["match"], *REGIONS, "--truth", folder)
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "match.csv: it names none of the regions of the clips of --input" in done.stderr


def test_subjects_that_are_not_told_apart_are_named(
    courts: dict[str, Path], trained: Trained, run_script: RunScript, tmp_path: Path
) -> None:
    file = tmp_path / "match.boris"
    given = flags(trained, courts["match"], "--size", 1)
    run_script("predict_video.py", *given, *REGIONS, "--segments", file)
    done = run_script("predict_video.py", *given, "--truth", file)
    assert "subjects, since no --region has the name of one: left, right" in done.stdout
    assert done.stderr.count("\n") == 1


def test_a_tier_and_a_region_of_its_name_are_one_line(
    courts: dict[str, Path], trained: Trained, run_predict: RunMain, tmp_path: Path
) -> None:
    file = tmp_path / "match.eaf"
    given = flags(trained, courts["match"], "--size", 1, *REGIONS)
    run_predict(*given, "--segments", file)
    with pytest.raises(UserError, match=r"--tier left is about whole frames: leave it out"):
        run_predict(*given, "--truth", file, "--tier", "left")


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (["left=0,0,0.5"], "give four numbers"),
        (["0,0,0.5,1"], "is no region"),
        (["a/b=0,0,0.5,1"], "cannot be called"),
        (["left=0,0,1e9,1"], "give four numbers"),
        (["left=-1,0,20,20"], "outside the frame, or is empty"),
        (["left=0,0,0,1"], "outside the frame, or is empty"),
        (["left=0.6,0,0.5,1"], "reaches beyond the frame"),
        (["left=0.5,0,100,100"], "mixes pixels and shares"),
        (["left=300,0,160,120"], "match.mp4, which are 320x120"),
        (["left=0,0,10,120"], "it should have at least 16x16"),
        (["left=0,0,0.04,1"], "it should have at least 16x16"),
        (["left=0,0,0.5,1", "Left=0.5,0,0.5,1"], "two regions are called"),
    ],
)
def test_a_bad_region_is_one_line_before_anything_is_read(
    region: list[str],
    message: str,
    courts: dict[str, Path],
    trained: Trained,
    run_script: RunScript,
    tmp_path: Path,
) -> None:
    given = [part for one in region for part in ("--region", one)]
    output = tmp_path / "out.csv"
    done = run_script("predict_video.py", *flags(trained, courts["match"], "--csv", output, *given))
    assert done.returncode == 2
    # What a flag says alone, argparse refuses, with the flags before it.
    *usage, line = done.stderr.splitlines()
    assert message in line
    assert not usage or usage[0].startswith("usage: ")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("form", ["yuv420p", "yuv420p10le", "yuv422p10le", "nv12"])
def test_a_region_that_begins_within_a_sample_of_colour_has_its_colours(
    form: str, tmp_path: Path
) -> None:
    """As that of an odd column of a phone's 10 bits, where colours have half the resolution."""
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as clip:
        stream = clip.add_stream("rawvideo" if form == "nv12" else "ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 160, 120, form
        colours = np.hstack([np.full((120, 80, 3), COLOURS_BGR[n], np.uint8) for n in COLOURS_BGR])
        clip.mux(stream.encode(av.VideoFrame.from_ndarray(colours[:, 40:200], format="bgr24")))
        clip.mux(stream.encode(None))
    (frame,) = VideoSource(path).frames()
    region = parse_region("lane=21,13,101,77")
    part = frame.part(Part(region.window(frame.size, "clip.mkv")))
    whole = Frame(frame.pixels[13:90, 21:122])
    assert part.size == whole.size == (101, 77)
    for one, other in ((part.network_input(), whole.network_input()), (part.pixels, whole.pixels)):
        assert np.abs(one.astype(int) - other).mean() < 8  # but for the edges between colours


@pytest.mark.parametrize("place", ["0,0,16,16", "21,13,16,16", "624,464,16,16"])
def test_a_picture_that_is_smaller_than_others_of_its_clip_has_all_regions(place: str) -> None:
    """However small: a damaged clip may say anything in its midst."""
    planes = av.VideoFrame.from_ndarray(np.full((6, 8, 3), 200, np.uint8), format="bgr24")
    as_stored = Layout(transposed=False, mirrored=False, flipped=False, aspect=Fraction(1))
    frame = DecodedFrame(planes.reformat(format="yuv420p"), Showing(as_stored, 640, 480), 0, 0)
    part = frame.part(Part(parse_region(f"cage={place}").window(frame.size, "clip.mp4")))
    assert part.pixels.shape == (16, 16, 3)
    assert np.abs(part.network_input().astype(int) - 200).max() < 5


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("clip,left,top,width,height\n", "the first line should be clip,region,left"),
        ("clip,region,left,top,width,height\nmatch.mp4,a,0,0,1\n", "line 2: 5 values instead of 6"),
        ("clip,region,left,top,width,height\nmatch.mp4,a,0,0,x,1\n", "line 2: the region a has"),
        ("clip,region,left,top,width,height\nmatsh.mp4,a,0,0,1,1\n", "match.mp4"),
    ],
)
def test_a_flawed_table_of_regions_is_one_line(
    lines: str,
    message: str,
    courts: dict[str, Path],
    trained: Trained,
    run_script: RunScript,
    tmp_path: Path,
) -> None:
    table = tmp_path / "regions.csv"
    table.write_text(lines)
    output = tmp_path / "out.csv"
    given = flags(trained, courts["match"], "--csv", output, "--regions", table)
    done = run_script("predict_video.py", *given)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr
    assert not output.exists()
