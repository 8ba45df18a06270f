"""Which clips, and where their results go."""

import errno
from contextlib import suppress
from pathlib import Path

import pytest
from av.format import ContainerFormat

from activity.common.errors import UserError
from activity.common.stores import location
from activity.labelling import planning
from activity.labelling.finished import part_finished
from activity.labelling.outputs import Outputs
from activity.labelling.planning import check_tables_survive, plan_jobs
from activity.labelling.review.data_files import data_file
from activity.media.clip import _FORMATS, VideoSource
from activity.media.region import parse_region
from tests.clips import draw_frame, write_pictures
from tests.conftest import posix


def touch(folder: Path, *names: str) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"clip")
    return [str(folder / name) for name in names]


def outputs(jobs: list) -> list[str]:
    return [job.outputs.video.name for job in jobs]


def test_one_clip_goes_to_the_file_named(tmp_path: Path) -> None:
    clips = touch(tmp_path, "tennis.mp4")
    (job,) = plan_jobs(clips, Outputs(tmp_path / "new" / "out.avi", csv=tmp_path / "out.csv"))
    assert job.clip == clips[0]
    assert [path.name for path in job.outputs.paths] == ["out.avi", "out.csv"]
    assert job.keep_unfinished


def test_a_folder_of_clips_gives_files_named_after_them(tmp_path: Path) -> None:
    touch(tmp_path / "in", "b.MOV", "a.mp4", "notes.txt", ".hidden.mp4")
    out = tmp_path / "out"
    wanted = Outputs(out, timeline=out, csv=out / "csv", json=out / "json")
    jobs = plan_jobs([str(tmp_path / "in")], wanted)
    assert outputs(jobs) == ["a.mp4", "b.mp4"]
    assert jobs[1].outputs.paths == [
        *(out / "b.mp4", out / "b.png", out / "csv" / "b.csv", out / "json" / "b.json")
    ]
    assert not jobs[0].keep_unfinished


def test_the_labelled_clip_may_be_left_out(tmp_path: Path) -> None:
    clips = touch(tmp_path / "in", "a.mp4", "b.mp4")
    (job,) = plan_jobs(clips[:1], Outputs(csv=tmp_path / "out.csv", json=tmp_path / "out.json"))
    assert job.outputs.video is None
    assert job.outputs.paths == [tmp_path / "out.csv", tmp_path / "out.json"]
    assert job.keep_unfinished
    tables = tmp_path / "tables"
    jobs = plan_jobs([str(tmp_path / "in")], Outputs(csv=tables))
    assert [job.outputs.paths for job in jobs] == [[tables / "a.csv"], [tables / "b.csv"]]
    # A folder that exists takes one clip too, whichever result it is for.
    (job,) = plan_jobs(clips[:1], Outputs(csv=tables))
    assert job.outputs.paths == [tables / "a.csv"]


def test_nothing_asked_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to do: give --output, or one of"):
        plan_jobs(touch(tmp_path, "a.mp4"), Outputs())


def test_a_folder_that_exists_takes_one_clip_too(tmp_path: Path) -> None:
    (job,) = plan_jobs(touch(tmp_path / "in", "a.avi"), Outputs(tmp_path))
    assert job.outputs.video == tmp_path / "a.mp4"


def test_clips_of_one_stem_do_not_overwrite_each_other(tmp_path: Path) -> None:
    jobs = plan_jobs(touch(tmp_path / "in", "a.mov", "a.mp4", "b.mp4"), Outputs(tmp_path / "out"))
    assert outputs(jobs) == ["a.mov.mp4", "a.mp4.mp4", "b.mp4"]


def test_clips_of_one_name_are_refused(tmp_path: Path) -> None:
    clips = touch(tmp_path / "1", "a.mp4") + touch(tmp_path / "2", "a.mp4")
    with pytest.raises(UserError, match="are one file"):
        plan_jobs(clips, Outputs(tmp_path / "out"))


@posix
@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to", "spelling"])
def test_an_input_is_never_an_output(link: str, tmp_path: Path) -> None:
    (clip,) = touch(tmp_path, "a.mp4")
    output = tmp_path / "out.mp4"
    if link == "spelling":
        (tmp_path / "x").mkdir()
        output = tmp_path / "x" / ".." / "a.mp4"
    else:
        getattr(output, link)(clip)
    with pytest.raises(UserError, match="would overwrite"):
        plan_jobs([clip], Outputs(output))
    with pytest.raises(UserError, match="would overwrite"):
        plan_jobs([clip], Outputs(tmp_path / "other.mp4", json=output))


def test_clips_are_not_labelled_into_their_own_folder(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mov")
    with pytest.raises(UserError, match=r"would overwrite .*a\.mp4"):
        plan_jobs([str(tmp_path)], Outputs(tmp_path))


@pytest.mark.parametrize(
    ("inputs", "output", "message"),
    [
        (["a.mp4"], "out.webm", "name ending in .mp4, .avi or .mkv"),
        (["a.mp4", "rtsp://camera/1"], "out", "is a live source"),
        (["empty"], "out", "no clips in"),
        (["a.mp4", "b.mp4"], "a.mp4", "name a folder"),
        (["a.mp4", "b.mp4"], "new.avi", "name a folder"),
        (["a.mp4"], "a.mp4/x.mp4", "cannot write"),
    ],
)
def test_refusals(
    inputs: list[str],
    output: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    touch(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        plan_jobs(inputs, Outputs(Path(output)))


def test_what_is_there_already_is_left_out(tmp_path: Path) -> None:
    clips = touch(tmp_path / "in", "a.mp4", "b.mp4", "c.mp4")
    out = tmp_path / "out"
    jobs = plan_jobs(clips, Outputs(out, csv=out))
    touch(out, "a.mp4", "a.csv", "b.csv")
    left, finished = part_finished(jobs)
    assert [Path(job.clip).name for job in left] == ["b.mp4", "c.mp4"]
    assert [Path(job.clip).name for job in finished] == ["a.mp4"]
    # Where nothing is to be written, nothing can be there already.
    truth = tmp_path / "truth"
    touch(truth, "a.csv")
    (truth / "a.csv").write_text("start,end,label\n")
    jobs = plan_jobs(clips, Outputs(), truth)
    assert part_finished(jobs) == (jobs, [])
    # A file that was named, and not a folder of them, is made anew.
    jobs = plan_jobs(clips[:1], Outputs(out / "a.mp4"))
    assert part_finished(jobs) == (jobs, [])


@posix
def test_linked_folders_of_clips_are_followed_without_circles(tmp_path: Path) -> None:
    for name in ("clips/a.mp4", "clips/inner/not taken.mp4", "far/b.mp4", "far/.hidden.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "clips/far").symlink_to(tmp_path / "far")
    (tmp_path / "clips/again").symlink_to(tmp_path / "far")
    (tmp_path / "far/back").symlink_to(tmp_path / "clips")
    jobs = plan_jobs([str(tmp_path / "clips")], Outputs(tmp_path / "out"))
    assert sorted(Path(job.clip).name for job in jobs) == ["a.mp4", "b.mp4"]


def test_a_review_page_has_one_folder_for_one_clip_or_many(tmp_path: Path) -> None:
    clips = touch(tmp_path / "in", "a.mov", "b.mp4")
    folder = tmp_path / "review"
    (job,) = plan_jobs(clips[:1], Outputs(tmp_path / "a.mp4", review=folder))
    assert job.outputs.video == tmp_path / "a.mp4"
    assert job.outputs.review == data_file(folder, "a")
    folder.mkdir(exist_ok=True)
    (job,) = plan_jobs(clips[:1], Outputs(review=folder))
    assert job.keep_unfinished
    jobs = plan_jobs(clips, Outputs(review=folder))
    assert [job.outputs.review for job in jobs] == [data_file(folder, name) for name in "ab"]


def test_a_review_page_in_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a browser cannot open a page in s3://bucket/page"):
        plan_jobs(touch(tmp_path, "a.mp4"), Outputs(review=location("s3://bucket/page")))


LONG = "a" * 300


@posix
@pytest.mark.parametrize(
    ("inputs", "wanted", "truth"),
    [
        (["a.mp4"], Outputs(Path(LONG)), None),
        (["a.mp4"], Outputs(csv=Path(LONG) / "a.csv"), None),
        (["a.mp4", "b.mp4"], Outputs(Path(LONG)), None),
        (["a.mp4"], Outputs(review=Path(LONG)), None),
        (["a.mp4"], Outputs(csv=Path("out.csv")), Path(LONG)),
    ],
)
def test_what_the_system_refuses_is_one_line(
    inputs: list[str],
    wanted: Outputs,
    truth: Path | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    touch(tmp_path, "a.mp4", "b.mp4")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=rf"^cannot .*{LONG}.*File name too long"):
        plan_jobs(inputs, wanted, truth)


@posix
def test_a_folder_of_clips_that_cannot_be_listed_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:  # root may list every folder
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UserError, match=f"^cannot reach {tmp_path}: Permission denied$"):
        plan_jobs([str(tmp_path)], Outputs(tmp_path / "out"))


@posix
def test_a_clip_that_cannot_be_reached_leaves_the_others(tmp_path: Path) -> None:
    clips = [*touch(tmp_path, "a.mp4", "b.mp4"), str(tmp_path / LONG / "c.mp4")]
    jobs = plan_jobs(clips, Outputs(csv=tmp_path))
    assert [job.clip for job in jobs] == clips


# Endings that FFmpeg's demuxers of moving pictures name beside their own: photos, sound, subtitles,
# lists and scripts.
NO_CLIPS = {
    *("avif", "avs", "heic", "heif", "ism", "isma", "j2k", "m4a", "m4b", "mka", "mks", "mpo"),
    *("ogg", "ra", "wma"),
}


def endings_of_the_reader() -> set[str]:
    endings = set()
    for name in _FORMATS:
        for mode in ("r", "w"):
            with suppress(ValueError):
                endings |= ContainerFormat(name, mode).extensions
    return {f".{ending}" for ending in endings - NO_CLIPS}


def test_a_folder_gives_every_clip_that_the_reader_reads(tmp_path: Path) -> None:
    by_cameras = {".MOD", ".TOD", ".dav", ".m2v", ".qt", ".gif", ".mts", ".ogv", ".VOB", ".m2p"}
    endings = sorted(endings_of_the_reader() | by_cameras)
    assert len(endings) > 50
    clips = touch(tmp_path / "in", *(f"{number}{end}" for number, end in enumerate(endings)))
    jobs = plan_jobs([str(tmp_path / "in")], Outputs(tmp_path / "out"))
    assert sorted(job.clip for job in jobs) == sorted(clips)


def test_what_a_folder_holds_beside_clips_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = ["notes.txt", "b.TXT", "Makefile", "still.jpg", ".hidden", "odd.\x1bx"]
    beside += ["still.HEIC", "still.hif", "still.jxl", "still.mpo", "still.avif", "still.jfif"]
    touch(tmp_path / "in", "a.mp4", *beside)
    (tmp_path / "in" / "more").mkdir()
    plan_jobs([str(tmp_path / "in")], Outputs(tmp_path / "out"))
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("[INFO] left out (neither photos nor clips): 2 .txt, ")
    assert sorted(said[0].split(": ")[1].split(", ")) == [
        "1 .\\x1bx",
        "1 without an ending",
        "2 .txt",
    ]
    kinds = "1 .avif, 1 .heic, 1 .hif, 1 .jfif, 1 .jpg, 1 .jxl, 1 .mpo"
    assert said[1].startswith("[INFO] left out (photos): ")
    assert ", ".join(sorted(said[1].split(": ")[1].split(", "))) == kinds


@pytest.mark.parametrize(
    ("names", "there"),
    [
        ([], "is empty"),
        ([".hidden.mp4"], "is empty"),
        (["a.jpg", "b.JPG", "c.txt"], "holds 2 .jpg, 1 .txt"),
        (["2026/a.mp4", "2025/a.mp4", "c.txt"], "holds 1 .txt, 2 folders"),
        (["2026/a.mp4"], "holds 1 folder"),
    ],
    ids=str,
)
def test_a_folder_without_clips_says_what_it_holds(
    names: list[str], there: str, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in names:
        touch((folder / name).parent, Path(name).name)
    with pytest.raises(UserError) as raised:
        plan_jobs([str(folder)], Outputs(tmp_path / "out"))
    assert str(raised.value).startswith(f"no clips in {folder}, which {there}: give --input ")


@pytest.mark.parametrize("name", ["clip.h264", "clip.m2v", "CLIP.MOD", "clip.gif", "clip.qt"])
def test_clips_of_cameras_and_raw_streams_are_read(name: str, tmp_path: Path) -> None:
    codec = {".m2v": "mpeg2video", ".MOD": "mpeg2video", ".gif": "gif"}.get(
        Path(name).suffix, "libx264"
    )
    written = {".MOD": ".mpg", ".qt": ".mov"}.get(Path(name).suffix, Path(name).suffix)
    pictures = [draw_frame(number) for number in range(25)]
    pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
    path = write_pictures(tmp_path / f"written{written}", pictures, codec, pix_fmt=pix_fmt)
    path = path.rename(tmp_path / name)
    (job,) = plan_jobs([str(tmp_path)], Outputs(tmp_path / "out"))
    frames = list(VideoSource(Path(job.clip)).frames())
    assert len(frames) == 25
    assert frames[-1].seconds - frames[0].seconds == pytest.approx(24 / 25, abs=1e-3)


@pytest.mark.parametrize("suffix", [".eaf", ".txt"])
def test_a_persons_file_of_another_program_beside_its_clip_is_kept(
    suffix: str, tmp_path: Path
) -> None:
    (clip,) = touch(tmp_path, "a.mp4")
    beside = tmp_path / f"a{suffix}"
    jobs = plan_jobs([clip], Outputs(segments=beside))
    check_tables_survive(jobs)
    beside.write_text("0\t4\ttennis\n")  # no more is read than tells one
    with pytest.raises(UserError, match="may be a person's work"):
        check_tables_survive(jobs)


def test_where_regions_lie_is_looked_up_behind_a_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening many clips takes a while."""
    bars = []

    def tqdm(clips: list[str], what: str, **_: object) -> list[str]:
        bars.append((what, len(clips)))
        return clips

    monkeypatch.setattr(planning, "tqdm", tqdm)
    clips = touch(tmp_path / "in", "a.mp4", "b.mp4")
    plan_jobs(clips, Outputs(csv=tmp_path / "out"), regions=[parse_region("left=0,0,0.5,1")])
    assert bars == [("looking at clips", 2)]
