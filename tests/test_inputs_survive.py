"""Every input of a run against every output of it, in both scripts: none takes another's place."""

import shutil
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest

import predict_video
import train
from activity.common.errors import UserError
from activity.labelling import planning
from activity.labelling.outputs import Outputs
from activity.labelling.review.writer import write_clip
from activity.network.networks import NETWORKS, files_of_weights
from tests.conftest import RunMain, posix
from tests.labelling.review.drawn_page import review_clip

pytestmark = posix

TRUTH = "start,end,label\n0,9,red\n"
TRUTHS = "clip,start,end,label\nclip.mp4,0,9,red\n"


def spellings(path: Path, output: Path) -> Iterator[str]:
    """Make ``output`` lead to the file ``path`` in each way there is, and name the way."""
    output.parent.mkdir(parents=True, exist_ok=True)
    for way in ("symlink_to", "hardlink_to"):
        getattr(output, way)(path)
        yield way
        output.unlink()


def spelled(path: Path, folder: Path) -> list[Path]:
    """Name a file in each way that needs no second file."""
    (folder / "x").mkdir(exist_ok=True)
    (folder / "linked folder").symlink_to(path.parent)
    dots = folder / "x" / ".." / path.relative_to(folder)
    return [path, dots, folder / "linked folder" / path.name]


# --- predict_video.py

PREDICT_OUTPUTS = {
    "--output": "out.mp4",
    "--timeline": "out.png",
    "--csv": "out.csv",
    "--json": "out.json",
    "--segments": "out.srt",
    "--review": "page/index.html",
    "--review data": "page/.data/clip.js",
    "--review copy": "page/.data/clip.mp4",
}


@pytest.fixture
def predict(run_predict: RunMain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Run it with these inputs; nothing may be read."""
    (tmp_path / "clip.mp4").write_bytes(b"a clip")
    for place, name in ((planning, "read_truths"), (predict_video.Classifier, "load")):
        monkeypatch.setattr(place, name, lambda *_: pytest.fail("it was read"))

    def run(**given: object) -> None:
        flags = {
            "input": tmp_path / "clip.mp4",
            "model": tmp_path / "a.model",
            "label-bin": tmp_path / "lb.pickle",
            "cache": "off",
        }
        named = {f"--{flag}": value for flag, value in (flags | given).items()}
        run_predict(*(word for pair in named.items() for word in pair))

    return run


PREDICT_INPUTS = {
    "clip": ("clip.mp4", {}),
    "truth": ("truth.csv", {"truth": "truth.csv"}),
    "truth of many clips": ("truths.csv", {"truth": "truths.csv"}),
    "truth in a folder": ("truths/clip.csv", {"truth": "truths"}),
    "model": ("a.model", {}),
    "label binarizer": ("lb.pickle", {}),
    "int8 version": ("a.model.0123456789abcdef.int8/network.bin", {"engine": "int8"}),
    "page data": ("truths/.data/clip.js", {"truth": "truths"}),
    "export": ("cache/exports/key/network.xml", {"cache": "cache"}),
    "digests": ("cache/digests.sqlite", {"cache": "cache"}),
}


# But for the data of a clip's own page, which are read, and then written anew.
@pytest.mark.parametrize(
    ("kind", "output"),
    sorted({*product(PREDICT_INPUTS, PREDICT_OUTPUTS)} - {("page data", "--review data")}),
)
def test_no_output_of_predict_video_is_an_input(
    kind: str, output: str, predict: Callable, tmp_path: Path
) -> None:
    name, flags = PREDICT_INPUTS[kind]
    given = {flag: value if flag == "engine" else tmp_path / value for flag, value in flags.items()}
    read, written = tmp_path / name, tmp_path / "results" / PREDICT_OUTPUTS[output]
    if kind != "clip":
        read.parent.mkdir(parents=True, exist_ok=True)
        read.write_text(TRUTHS if kind == "truth of many clips" else TRUTH)
    content = read.read_bytes()
    flag = output.split()[0].removeprefix("--")
    value = tmp_path / "results/page" if flag == "review" else written
    for _ in spellings(read, written):
        with pytest.raises(UserError, match=r"writing .*results.* would overwrite .* is read"):
            predict(**given, **{flag: value})
        assert read.read_bytes() == content
    # Its own name, where that is one that the output can have.
    own = tmp_path / "own"
    own.mkdir()
    if flag == "review" or kind not in ("truth", "model", "label binarizer", "clip"):
        return
    (own / "in").mkdir()
    named = shutil.copy(read, own / "in" / written.name)
    given = {{"clip": "input", "label binarizer": "label-bin"}.get(kind, kind): named}
    for spelling in spelled(Path(named), own):
        with pytest.raises(UserError, match="would overwrite"):
            predict(**given, **{flag: spelling})
    assert named.read_bytes() == content


@pytest.mark.parametrize("flag", ["csv", "segments"])
def test_a_table_beside_its_clip_is_replaced_only_when_that_is_asked_for(
    flag: str, predict: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """train.py learns from it there: a person may have corrected it."""
    table, link = tmp_path / "clip.csv", tmp_path / "link.csv"
    table.write_text(TRUTH)
    link.symlink_to(table)
    (tmp_path / "new").mkdir()
    for given in ({flag: table}, {flag: link}, {flag: tmp_path, "json": tmp_path / "new"}):
        with pytest.raises(UserError, match=r"clip\.csv says what .*clip\.mp4 shows, and may be"):
            predict(**given)
    # What is written over all clips needs all of them: those that are there already, too.
    with pytest.raises(UserError, match=r"clip\.csv says what .*clip\.mp4 shows, and may be"):
        predict(**{flag: tmp_path, "stats": tmp_path / "new/stats.csv"})
    assert table.read_text() == TRUTH
    # What an earlier run has written into the folder is there already, as ever.
    monkeypatch.setattr(planning, "header_of", lambda *_: pytest.fail("all clips are labelled"))
    predict(**{flag: tmp_path})
    monkeypatch.undo()
    (job,) = planning.plan_jobs([str(tmp_path / "clip.mp4")], Outputs(csv=table))
    for header in ("frame,time,raw_label,label,probability,p_red\n", ""):
        table.write_text(header)
        planning.check_tables_survive([job])  # no table of segments


@pytest.mark.parametrize("flag", ["csv", "segments"])
def test_the_folder_of_the_truth_gets_no_tables(
    flag: str, predict: Callable, tmp_path: Path
) -> None:
    """Nor a table that is not there yet: the next run would take it for a person's."""
    clips, truths = tmp_path / "clips", tmp_path / "truths"
    for folder, names in ((clips, ("a.mp4", "b.mp4")), (truths, ("a.csv",))):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(TRUTH)
    for of, without in (("a", "b"), ("b", "a")):
        (clips / f"{without}.mp4").rename(tmp_path / "aside.mp4")
        with pytest.raises(UserError, match=rf"would overwrite .*{of}\.csv, which is read"):
            predict(input=clips, truth=truths, **{flag: truths})
        (tmp_path / "aside.mp4").rename(clips / f"{without}.mp4")
    assert (truths / "a.csv").read_text() == TRUTH
    assert not (truths / "b.csv").exists()


def test_a_page_and_what_corrects_it_share_a_folder(tmp_path: Path) -> None:
    """The data of the page's own clip are read, and then written anew."""
    clip, folder = tmp_path / "clip.mp4", tmp_path / "page"
    clip.write_bytes(b"a clip")
    write_clip(folder, review_clip(clip, [0.0, 0.1], name="clip"))
    (folder / "clip.csv").write_text(TRUTH)
    for truth in (folder, folder / "clip.csv"):
        (job,) = planning.plan_jobs([str(clip)], Outputs(review=folder), truth)
        assert job.earlier == job.outputs.review == folder / ".data/clip.js"


def test_two_results_of_a_page_are_not_one_file(tmp_path: Path) -> None:
    clip, page = tmp_path / "clip.mp4", tmp_path / "page"
    clip.write_bytes(b"a clip")
    for name in ("index.html", ".data/clip.mp4"):
        with pytest.raises(UserError, match="are one file"):
            planning.plan_jobs([str(clip)], Outputs(json=page / name, review=page))


# --- train.py

TRAIN_OUTPUTS = {
    "--model": "out.h5",
    "--label-bin": "out.pickle",
    "--plot": "out.png",
    "--report": "out.json",
    "--report confusion": "out_confusion.png",
    "--report mistakes": "out_mistakes.png",
    "--report strangest": "out_strangest.png",
}

TRAIN_INPUTS = {
    "photo": "photos/red/000.jpg",
    "clip": "photos/red/match.mp4",
    "table beside a clip": "photos/red/match.csv",
    "table of a clip elsewhere": "photos/tables/other.csv",
    "table of clips": "photos/clips.csv",
    "clip that a table names": "far/away.mp4",
    "table of something else": "photos/notes.csv",
    "table of photos": "photos.csv",
    "table given as a data set": "corrected.csv",
    "weights": "weights.h5",
    "downloaded weights": "keras/models/" + NETWORKS["resnet50"].weights_file,
    "downloaded weights with the top": (
        "keras/models/" + NETWORKS["resnet50"].weights_file_with_top
    ),
    "features": "cache/features.sqlite",
    "export": "cache/exports/key/network.bin",
}


@pytest.fixture
def dataset(photo_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an input of each kind; nothing is read but tables."""
    dataset = Path(shutil.copytree(photo_folders, tmp_path / "photos"))
    texts = {
        "photos/red/match.csv": TRUTH,
        "photos/tables/other.csv": TRUTH,
        "photos/clips.csv": "clip,start,end,label\n../far/away.mp4,0,9,red\n",
        "photos/notes.csv": "place,weather\nhere,fine\n",
        "photos.csv": "path,label\nfar/one.jpg,red\n",
        "corrected.csv": "clip,start,end,label\nfar/away.mp4,0,9,red\n",
    }
    for name in (*TRAIN_INPUTS.values(), "photos/red/other.mp4", "far/one.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(texts.get(name, "content"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(train, "build_sets", lambda *_, **__: pytest.fail("it was read"))
    return dataset


@pytest.mark.parametrize("output", TRAIN_OUTPUTS)
@pytest.mark.parametrize("kind", TRAIN_INPUTS)
def test_no_output_of_train_is_an_input(
    kind: str, output: str, run_train: RunMain, dataset: Path, tmp_path: Path
) -> None:
    read, folder = tmp_path / TRAIN_INPUTS[kind], tmp_path / "results"
    content = read.read_bytes()
    folder.mkdir()
    flags = {name.split()[0]: folder / TRAIN_OUTPUTS[name] for name in reversed(TRAIN_OUTPUTS)}
    flags |= {"--labels": "all", "--cache": tmp_path / "cache"}
    if kind == "weights":
        flags["--weights"] = read
    datasets = [dataset, *(tmp_path / name for name in ("photos.csv", "corrected.csv"))]
    arguments = [word for pair in flags.items() for word in pair]
    for _ in spellings(read, folder / TRAIN_OUTPUTS[output]):
        with pytest.raises(UserError, match=r"writing .*results/out.* would overwrite .*is read"):
            run_train("--dataset", *datasets, *arguments)
        assert read.read_bytes() == content
    flag = output.split()[0]
    if flag != output:
        return
    for spelling in spelled(read, tmp_path):
        with pytest.raises(UserError, match="would overwrite"):
            run_train("--dataset", *datasets, *arguments, flag, spelling)
    assert read.read_bytes() == content


def test_the_weights_that_come_with_the_project_survive(
    run_train: RunMain, dataset: Path, tmp_path: Path
) -> None:
    files = files_of_weights("efficientnet-lite0", "imagenet")
    (shipped,) = (file for file in files if file.suffix == ".h5")
    content = shipped.read_bytes()
    assert len(content) > 1_000_000
    link = tmp_path / "link.model"
    link.symlink_to(shipped)
    flags = ("--dataset", dataset, "--backbone", "efficientnet-lite0", "-l", tmp_path / "lb.pickle")
    with pytest.raises(UserError, match=r"would overwrite .*efficientnet-lite0\.weights\.h5"):
        run_train(*flags, "--model", link)
    assert shipped.read_bytes() == content


def test_photos_in_an_int8_folder_of_the_model_are_not_removed_with_it(
    run_train: RunMain, dataset: Path, tmp_path: Path
) -> None:
    moved = dataset.rename(tmp_path / "activity.model.sports.int8")
    (moved / "photo.jpg").write_bytes(b"a photo")
    flags = ("--dataset", moved, "-l", tmp_path / "lb.pickle", "-p", tmp_path / "plot.png")
    with pytest.raises(UserError, match="would overwrite"):
        run_train(*flags, "--labels", "all", "--int8", "--model", tmp_path / "activity.model")
    assert (moved / "photo.jpg").read_bytes() == b"a photo"
