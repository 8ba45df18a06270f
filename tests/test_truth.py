"""``predict_video.py`` with --segments and --truth, run as a person does."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import pytest

from tests.conftest import RunMain, RunScript, Trained, write_clip

Predict = Callable[..., CompletedProcess[str]]


@pytest.fixture
def predict(run_script: RunScript, trained: Trained) -> Predict:
    def run(*arguments: object) -> CompletedProcess[str]:
        return run_script(
            *("predict_video.py", "--model", trained.model, "--label-bin", trained.label_bin),
            *("--cache", trained.cache, "--display", "off", *arguments),
        )

    return run


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of red with a flash of green, then two of blue, at 30 frames a second."""
    colours = ["red"] * 30 + ["green"] * 3 + ["red"] * 27 + ["blue"] * 60
    return write_clip(tmp_path / "clip.mp4", colours)


def test_segments_are_the_truth_of_the_next_run(
    predict: Predict, clip: Path, tmp_path: Path
) -> None:
    table, subtitles = tmp_path / "segments.csv", tmp_path / "segments.vtt"
    viterbi = ("--smoothing", "viterbi", "--size", 16)
    done = predict("--input", clip, "--segments", table, *viterbi)
    assert done.returncode == 0, done.stderr
    assert table.read_text() == ("start,end,label\n0.000000,2.000000,red\n2.000000,4.000000,blue\n")
    assert predict("--input", clip, "--segments", subtitles, *viterbi).returncode == 0
    assert "00:00:02.000 --> 00:00:04.000\nblue\n" in subtitles.read_text()

    summary, picture = tmp_path / "summary.json", tmp_path / "timeline.png"
    done = predict(
        *("--input", clip, "--truth", table, "--size", 64, "--compare", 16),
        *("--json", summary, "--timeline", picture),
    )
    assert done.returncode == 0, done.stderr
    assert "judged by " in done.stdout
    assert "120 frames, 1 true switches" in done.stdout
    assert "* average of 64" in done.stdout

    truth = json.loads(summary.read_text())["truth"]
    assert (truth["path"], truth["frames"], truth["switches"]) == (str(table), 120, 1)
    result = {(each["smoothing"], each["size"]): each for each in truth["results"]}
    assert set(result) == {
        *((None, 1), ("rolling", 16), ("viterbi", 16), ("rolling", 64), ("viterbi", 64))
    }
    assert [key for key, each in result.items() if each["drawn"]] == [("rolling", 64)]
    # The flash is wrong in three raw frames; averages are half their size late at the change.
    assert result[None, 1]["frames_right"] == pytest.approx(117 / 120)
    assert result[None, 1]["switches"] == 3
    assert result["rolling", 64]["frames_right"] == pytest.approx(1 - 32 / 120, abs=0.02)
    assert result["rolling", 64]["delay_frames"] == pytest.approx(32, abs=2)
    assert result["viterbi", 16]["frames_right"] == 1
    assert result["viterbi", 16]["recall"] == {"red": 1, "blue": 1}
    assert result["viterbi", 16]["delay_frames"] == 0
    assert [result["viterbi", 16][f"f1_{overlap}"] for overlap in (10, 25, 50)] == [1, 1, 1]
    assert result[None, 1]["edit"] == pytest.approx(2 / 4)
    # The band of the truth makes the picture higher than that of the same run without it.
    assert predict("--input", clip, "--timeline", tmp_path / "plain.png").returncode == 0
    plain = cv2.imread(str(tmp_path / "plain.png"))
    assert cv2.imread(str(picture)).shape[0] > plain.shape[0]


def test_gaps_are_not_judged_and_unknown_footage_is_wrong(
    predict: Predict, clip: Path, tmp_path: Path
) -> None:
    table = tmp_path / "truth.csv"
    table.write_text("start,end,label\n0,0.5,red\n3.5,4,unknown\n")
    done = predict("--input", clip, "--truth", table, "--size", 1)
    assert done.returncode == 0, done.stderr
    assert "30 frames, 1 true switches" in done.stdout
    assert "* raw                0.500" in done.stdout
    assert "frames right now: 0.500 of 30" in done.stdout
    # As in all labels that were written before train.py noted what is learned.
    assert "does not say which clips the model has learned from" in done.stdout
    table.write_text("start,end,label\n100,200,red\n")
    done = predict("--input", clip, "--truth", table)
    assert done.returncode == 0, done.stderr
    assert f"no frame of the clip lies in a segment of {table}" in done.stdout


def test_many_clips_take_the_tables_of_their_names(
    predict: Predict, clip: Path, tmp_path: Path
) -> None:
    clips, truth, out = tmp_path / "clips", tmp_path / "truth", tmp_path / "out"
    clips.mkdir()
    truth.mkdir()
    clip.rename(clips / "a.mp4")
    write_clip(clips / "b.mp4", ["blue"] * 9)
    (truth / "a.csv").write_text("start,end,label\n0,2,red\n")
    done = predict("--input", clips, "--truth", truth)
    assert done.returncode == 0, done.stderr
    assert f"not judged, since there is no truth: {clips / 'b.mp4'}" in done.stdout
    assert done.stdout.count("judged by ") == 1
    done = predict("--input", clips, "--segments", out)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["a.csv", "b.csv"]
    assert (out / "b.csv").read_text() == "start,end,label\n0.000000,0.300000,blue\n"


def test_wrong_truth_is_one_line_before_any_work(
    predict: Predict, clip: Path, tmp_path: Path
) -> None:
    table, folder = tmp_path / "truth.csv", tmp_path / "none"
    table.write_text("start,end,label\n0,2,chess\n")
    folder.mkdir()
    output = tmp_path / "out.mp4"
    for arguments, message in [
        (("--truth", table), "line 2: 'chess' is none of the labels: blue, green, red, unknown"),
        (("--truth", tmp_path / "missing.csv"), "no table of segments at"),
        (("--truth", table, clip), "is not a folder: for several clips, it should be one"),
        (("--truth", folder, clip), "it should hold a .csv named after each clip"),
        (("--segments", tmp_path / "labels.json"), "a name ending in .csv, .srt, .vtt"),
    ]:
        several = [clip, *arguments[2:]]
        where = tmp_path / "out" if len(several) > 1 else output
        copy = clip.with_name("copy.mp4")
        copy.write_bytes(clip.read_bytes())
        inputs = [clip, copy] if len(several) > 1 else [clip]
        done = predict("--input", *inputs, "--output", where, *arguments[:2])
        assert done.returncode == 2, done.stdout
        assert done.stderr.count("\n") == 1
        assert message in done.stderr
    assert not output.exists()


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Three clips of a second, of which the first two have a truth, and one of them is wrong."""
    clips, truth = tmp_path / "clips", tmp_path / "truth"
    for folder in (clips, truth):
        folder.mkdir()
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "green")):
        write_clip(clips / f"{name}.mp4", [colour] * 30)
    for name in "ab":
        (truth / f"{name}.csv").write_text("start,end,label\n0,1,red\n")
    return clips


@pytest.mark.parametrize("result", ["--csv", "--review"])
def test_clips_that_an_interrupted_run_has_labelled_are_judged_with_the_others(
    result: str, run_predict: RunMain, trained: Trained, clips: Path, tmp_path: Path
) -> None:
    files = ("--model", trained.model, "--label-bin", trained.label_bin, "--cache", trained.cache)
    command = (*files, "--input", clips, result, tmp_path / "out", "--truth", tmp_path / "truth")
    said = run_predict(*command)
    assert "frames right now: 0.500 of 60" in said
    for left in (("a", "c"), ("b",), ("a", "b", "c"), ()):
        for name in left:
            (written,) = (tmp_path / "out").rglob(f"{name}.[cj]s*")
            written.unlink()
        said = run_predict(*command)
        assert f"{3 - len(left)} of 3 clips are labelled already" in said or len(left) == 3
        for name in {*"ab"} - {*left}:
            assert f"{clips / name}.mp4 was labelled before\n[INFO] judged by" in said
        assert "frames right now: 0.500 of 60" in said
        assert f"not judged, since there is no truth: {clips / 'c.mp4'}" in said
        assert "frames right before" not in said or len(left) == 3


def test_clips_that_are_labelled_and_not_judged_are_named(
    run_predict: RunMain, trained: Trained, clips: Path, tmp_path: Path
) -> None:
    files = ("--model", trained.model, "--label-bin", trained.label_bin, "--cache", trained.cache)
    command = (*files, "--input", clips, "--json", tmp_path / "out", "--truth", tmp_path / "truth")
    run_predict(*command)
    (tmp_path / "out/b.json").unlink()
    said = run_predict(*command)
    why = "is not judged: neither a table (--csv) nor a review page has the labels of its frames"
    assert f"{clips / 'a.mp4'} was labelled before, and {why}" in said
    assert said.count("is not judged") == 1
    assert "frames right now: 0.000 of 30" in said
    (clips / "b.mp4").rename(tmp_path / "b.mp4")
    said = run_predict(*command)
    assert f"{clips / 'a.mp4'} was labelled before, and {why}" in said
    assert "frames right now" not in said
