"""``train.py`` as a person runs it."""

import json
import shutil
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.frame import Frame
from activity.network.artifacts import load_label_file, load_model
from activity.network.backbone import build_backbone
from activity.training.data.dataset import find_images
from activity.training.data.split import split_images
from activity.training.learning import fine_tuning
from tests.conftest import COLOURS_BGR, RunMain, RunScript, write_clip


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def train_arguments(dataset: Path, folder: Path, cache: Path) -> list[object]:
    return [
        *("--dataset", dataset, "--labels", "all", "--epochs", "20"),
        *("--backbone", "efficientnet-lite0", "--engine", "keras", "--cache", cache),
        *("-m", folder / "model/activity.model", "-l", folder / "model/lb.pickle"),
        *("-p", folder / "plots/plot.png"),
    ]


def test_trains_reports_and_writes_what_the_next_program_needs(
    run_script: RunScript, photo_folders: Path, tmp_path: Path, cache: Path
) -> None:
    dataset = Path(shutil.copytree(photo_folders, tmp_path / "photos"))
    (dataset / "red/unreadable.jpg").write_bytes(b"not a photo")
    (dataset / "red/page.php").write_bytes(b"perhaps a photo")
    done = run_script("train.py", *train_arguments(dataset, tmp_path, cache))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "27 photos to train on, 10 to test with" in done.stdout
    assert "skipped 1 photos that cannot be read" in done.stdout
    assert "red/unreadable.jpg" in done.stdout
    assert "left out (neither photos nor clips): 1 .php" in done.stdout
    assert "weighted avg" in done.stdout
    assert "% of the test images unknown, one by one; of the " in done.stdout

    assert load_label_file(tmp_path / "model/lb.pickle").classes == ["blue", "green", "red"]
    assert load_label_file(tmp_path / "model/lb.pickle").framing == "centre"
    model = load_model(tmp_path / "model/activity.model")
    known = load_label_file(tmp_path / "model/lb.pickle").known_confidence
    assert len(known) == 10  # one of each test photo
    assert min(known) > 1 / 3
    likeness = load_label_file(tmp_path / "model/lb.pickle").likeness
    assert likeness is not None
    assert (likeness.profiles.shape, len(likeness.known)) == ((3, 3, 1000), 10)
    assert max(likeness.known) < max(known)
    right = []
    for number, colour in enumerate(sorted(COLOURS_BGR)):
        photos = [cv2.imread(str(photo)) for photo in sorted(photo_folders.glob(f"{colour}/*"))]
        pixels = np.stack([Frame(photo).network_input() for photo in photos]).astype(np.float32)
        right.extend(model.predict_on_batch(pixels).argmax(axis=1) == number)
    assert np.mean(right) > 0.8  # 0.33 where channels or labels are out of order
    plot = cv2.imread(str(tmp_path / "plots/plot.png"))
    assert plot.shape[0] > 300
    assert plot.shape[1] > 600


def test_report_and_the_photos_that_straddle_training_and_test(
    run_train: RunMain, photo_folders: Path, tmp_path: Path, cache: Path
) -> None:
    dataset = Path(shutil.copytree(photo_folders, tmp_path / "photos"))
    for photo in list(dataset.glob("*/*.jpg")):
        shutil.copyfile(photo, photo.with_name(f"copy_of_{photo.name}"))
    arguments = train_arguments(dataset, tmp_path, cache)
    said = run_train(*arguments, "--report", tmp_path / "reports/report.json")
    report = json.loads((tmp_path / "reports/report.json").read_text())
    groups = report["identical_in_training_and_test"]
    copies = sum(len(group["test"]) for group in groups)
    assert f"{copies} photos of the test set are byte-identical to training photos" in said
    for group in groups:
        names = [
            Path(photo).name.removeprefix("copy_of_")
            for photo in [*group["training"], *group["test"]]
        ]
        assert len(names) == 2
        assert len(set(names)) == 1
    assert sum(sum(row) for row in report["confusion_matrix"]["counts"]) == 18
    assert report["settings"]["epochs"] == 20
    assert (tmp_path / "reports/report_confusion.png").is_file()
    assert (tmp_path / "reports/report_mistakes.png").is_file()
    assert (tmp_path / "reports/report_strangest.png").is_file()
    assert [look["label"] for look in report["looks_like"]] == sorted(COLOURS_BGR)
    for look in report["looks_like"]:
        assert look["names"]
        assert len(look["strangest"]) == 24  # all there are
        similarities = [photo["similarity"] for photo in look["strangest"]]
        assert similarities == sorted(similarities)


def test_fine_tuned_stages_are_saved_and_judged(
    run_train: RunMain,
    photo_folders: Path,
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # All drawn photos are right with frozen stages, too, and these would be kept.
    right = count()
    monkeypatch.setattr(fine_tuning, "_share_right", lambda *_: min(3, next(right)))
    arguments = train_arguments(photo_folders, tmp_path, cache)
    said = run_train(*arguments, "--views", "1", "--fine-tune", "2")
    assert "24 images to learn from, 3 held out" in said
    assert "best epoch: " in said
    model = load_model(tmp_path / "model/activity.model")
    frozen = build_backbone("efficientnet-lite0", "imagenet").get_layer("efficientnet_lite0")
    tuned = model.get_layer("efficientnet_lite0")
    for layer in frozen.layers:
        same = [
            np.array_equal(*pair)
            for pair in zip(
                layer.get_weights(), tuned.get_layer(layer.name).get_weights(), strict=True
            )
        ]
        learned = layer.name.startswith(("stage6", "stage7", "head")) and "norm" not in layer.name
        assert all(same) if not learned else not any(same), layer.name
    # The test photos went through the network that is saved.
    photos = find_images([photo_folders], ["all"]).photos
    test = split_images(photos, [], {}, {}).test
    pixels = [Frame(cv2.imread(str(image.file))).network_input() for image in test]
    highest = model.predict_on_batch(np.stack(pixels).astype(np.float32)).max(axis=1)
    known = load_label_file(tmp_path / "model/lb.pickle").known_confidence
    np.testing.assert_allclose(known, np.sort(highest), atol=1e-5)
    assert load_label_file(tmp_path / "model/lb.pickle").likeness is None, "other features"
    kept = {path.name.split("-")[0] for path in cache.iterdir()}
    assert kept <= {"features.sqlite", "digests.sqlite"}


def test_a_test_photo_that_is_gone_after_fine_tuning_is_not_judged(
    run_train: RunMain,
    photo_folders: Path,
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = Path(shutil.copytree(photo_folders, tmp_path / "photos"))
    gone = split_images(find_images([dataset], ["all"]).photos, [], {}, {}).test[0].path
    carve = fine_tuning._hold_out

    def lose_a_photo(*arguments: Any) -> Any:
        (dataset / gone).unlink()
        return carve(*arguments)

    monkeypatch.setattr(fine_tuning, "_hold_out", lose_a_photo)
    right = count()  # each epoch is better: only what was tuned sees the test photos again
    monkeypatch.setattr(fine_tuning, "_share_right", lambda *_: next(right))
    arguments = train_arguments(dataset, tmp_path, cache)
    said = run_train(*arguments, "--fine-tune", "1", "--report", tmp_path / "report.json")
    assert f"skipped 1 photos that cannot be read:\n[INFO]   {gone}" in said
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["unreadable_photos"] == [gone]
    assert sum(map(sum, report["confusion_matrix"]["counts"])) == 8
    assert len(load_label_file(tmp_path / "model/lb.pickle").known_confidence) == 8
    assert len(report["fine_tuning_accuracy_of_carved_out"]) == 2


def test_two_labels_get_two_probabilities_and_the_same_seed_the_same_model(
    run_script: RunScript,
    run_train: RunMain,
    photo_folders: Path,
    tmp_path: Path,
    cache: Path,
) -> None:
    flags = ["--labels", "red", "green", "--epochs", "3"]
    # Once as a process of its own, once in this one, in which others were trained before.
    done = run_script("train.py", *train_arguments(photo_folders, tmp_path / "1", cache), *flags)
    assert done.returncode == 0, done.stderr
    run_train(*train_arguments(photo_folders, tmp_path / "2", cache), *flags)
    models = []
    for name in ("1", "2"):
        assert load_label_file(tmp_path / name / "model/lb.pickle").classes == ["green", "red"]
        models.append(load_model(tmp_path / name / "model/activity.model"))
    assert models[0].output_shape == (None, 2)
    for mine, theirs in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_imagenet_weights_without_network_name_the_ways_out(
    run_script: RunScript, photo_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no weights here"))
    # Nothing answers there, wherever the tests run.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    done = run_script(
        *("train.py", "--dataset", photo_folders, "--labels", "all", "--cache", "off"),
        *("-m", tmp_path / "activity.model", "-l", tmp_path / "lb.pickle"),
        *("-p", tmp_path / "plot.png"),
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "--weights FILE" in done.stderr
    assert "--weights random" in done.stderr
    assert not (tmp_path / "activity.model").exists()


def test_help_is_quick_and_has_an_example(run_script: RunScript) -> None:
    done = run_script("train.py", "--help")
    assert done.returncode == 0
    assert "python train.py --dataset Sports-Type-Classifier/data" in done.stdout


@pytest.mark.real_data
def test_the_test_photos_are_the_tutorials(real_data: Path) -> None:
    found = find_images([real_data / "sports"], ["weight_lifting", "tennis", "football"])
    split = split_images(found.photos, [], {}, {})
    # Four more, three .gif and a .webp, are too few of a kind to be tested.
    later = [image for image in split.training if Path(image.path).suffix in (".gif", ".webp")]
    assert (len(split.training) - len(later), len(later), len(split.test)) == (1552, 4, 518)
    listed = (real_data / "sports_test_split.txt").read_text().split()
    assert [image.path for image in split.test] == listed


@pytest.mark.parametrize("flags", [["--epochs", "0"], ["--seed", "-1"], ["--views", "many"]])
def test_flags_out_of_range_are_refused_at_once(
    run_script: RunScript, photo_folders: Path, tmp_path: Path, flags: list[str]
) -> None:
    done = run_script("train.py", *train_arguments(photo_folders, tmp_path, tmp_path), *flags)
    assert done.returncode == 2
    assert flags[0] in done.stderr
    assert not (tmp_path / "model/activity.model").exists()


def tables_of_clips(dataset: Path, count: int) -> list[str]:
    """Drawn clips, each of two seconds of red and two of blue, and the names of their tables."""
    for number in range(count):
        # Of different sizes, or they would be one clip under several names.
        size = (64, 48 + 2 * number)
        write_clip(dataset / f"clips/{number}.avi", ["red"] * 60 + ["blue"] * 60, size=size)
        (dataset / f"clips/{number}.csv").write_text("start,end,label\n0,2,red\n2,4,blue\n")
    return [f"clips/{number}.csv" for number in range(count)]


def test_clips_alone_are_learned_from_split_whole_and_labelled_again(
    run_train: RunMain, run_script: RunScript, tmp_path: Path, cache: Path
) -> None:
    dataset = tmp_path / "data"
    (dataset / "clips").mkdir(parents=True)
    (dataset / "blue").mkdir()
    tables = tables_of_clips(dataset, 4)
    write_clip(dataset / "blue/more.avi", ["blue"] * 30, size=(64, 48))
    (dataset / "blue/broken.mp4").write_bytes(b"\0no clip")
    (dataset / "clips/3.csv").write_text((dataset / tables[3]).read_text() + "4,9,unknown\n")
    flags = ["--every", "0.5", "--report", tmp_path / "report.json"]
    said = run_train(*train_arguments(dataset, tmp_path, cache), *flags)
    assert "skipped 1 clips or tables:" in said
    assert "blue/broken.mp4: " in said
    assert "the table of clips/3.avi extends beyond the end of the clip" in said
    assert "74 frames of 4 clips to train on, 25 frames of 1 clips to test with" in said
    assert "frames of 1 clips to test with" in said
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["accuracy_of_frames"] > 0.8  # 0.5 where labels or times are mixed up
    assert report["accuracy_of_photos"] is None

    # What the model has learned from is not judged, so another clip of the kind is.
    new = write_clip(tmp_path / "new.avi", ["red"] * 60 + ["blue"] * 60, size=(64, 64))
    done = run_script(
        *("predict_video.py", "-m", tmp_path / "model/activity.model"),
        *("-l", tmp_path / "model/lb.pickle", "-i", new, "--size", "8"),
        *("--smoothing", "viterbi", "--truth", dataset / tables[0], "--cache", cache),
        *("--json", tmp_path / "truth.json", "--display", "off"),
    )
    assert done.returncode == 0, done.stderr
    judged = json.loads((tmp_path / "truth.json").read_text())["truth"]
    assert judged["results"][0]["frames_right"] > 0.85  # of raw frames; 0.5 by chance


def test_what_leaves_nothing_to_test_with_trains_without_a_score(
    run_train: RunMain, tmp_path: Path, cache: Path
) -> None:
    dataset = tmp_path / "data"
    (dataset / "clips").mkdir(parents=True)
    tables_of_clips(dataset, 1)
    arguments = train_arguments(dataset, tmp_path, cache)
    said = run_train(*arguments, "--report", tmp_path / "report.json", "--views", "1")
    assert "25 frames of 1 clips to train on, and nothing to test with: there is no score" in said
    assert "weighted avg" not in said
    labels = load_label_file(tmp_path / "model/lb.pickle")
    assert (labels.classes, labels.known_confidence) == (["blue", "red"], [])
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["accuracy"] is None
    assert len(report["history"]["loss"]) == 20
    assert not (tmp_path / "report_confusion.png").exists()


def test_a_clip_that_is_cut_off_is_as_long_as_what_is_left_of_it(
    run_train: RunMain, photo_folders: Path, tmp_path: Path, cache: Path
) -> None:
    dataset = Path(shutil.copytree(photo_folders, tmp_path / "photos"))
    clip = write_clip(dataset / "red/cut.avi", ["red"] * 150, size=(320, 240))
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    said = run_train(*train_arguments(dataset, tmp_path, cache), "--views", "1", "--epochs", "2")
    assert "27 photos and 3 frames of 1 clips to train on, 9 photos to test with" in said
    assert "too few clips to split, so that the score is of photos alone: red" in said
    assert "learned from clips: 3 s of red" in said
    assert "cannot be read" not in said


def test_labels_without_a_frame_are_named(
    run_train: RunMain, photo_folders: Path, tmp_path: Path, cache: Path
) -> None:
    dataset = Path(shutil.copytree(photo_folders, tmp_path / "photos"))
    write_clip(dataset / "short.avi", ["red"] * 90)
    (dataset / "short.csv").write_text("start,end,label\n0.6,1.4,flash\n")
    with pytest.raises(UserError, match="nothing to learn flash from"):
        run_train(*train_arguments(dataset, tmp_path, cache), "--views", "1")
    assert not (tmp_path / "model/activity.model").exists()


def test_corrections_of_a_clip_are_learned_where_it_lies_and_a_split_is_kept(
    run_train: RunMain, photo_folders: Path, tmp_path: Path, cache: Path
) -> None:
    data, corrected, clips = (tmp_path / name for name in ("data", "corrected", "clips"))
    for part, photos in (("train", slice(9)), ("test", slice(9, 12))):
        for colour in COLOURS_BGR:
            (data / part / colour).mkdir(parents=True)
            for photo in sorted((photo_folders / colour).iterdir())[photos]:
                shutil.copyfile(photo, data / part / colour / photo.name)
    # One picture under two labels, both to be learned from.
    shutil.copyfile(data / "train/red/000.jpg", data / "train/blue/red 000.jpg")
    for folder in (corrected, clips, data / "train/orange"):
        folder.mkdir()
    (data / "train/orange/1.cr2").write_bytes(b"")
    write_clip(clips / "match.avi", ["red"] * 90)
    (corrected / "match.csv").write_text("start,end,label\n0,2,blue\n")
    (corrected / "all.csv").write_text(
        "clip,start,end,label\n../clips/match.avi,0,2,blue\ngone.mp4,0,1,red\n"
    )
    flags = ["--every", "0.5", "--views", "1", "--report", tmp_path / "report.json"]
    said = run_train(
        *("--dataset", data, corrected, clips), *train_arguments(data, tmp_path, cache)[2:], *flags
    )
    assert "learning 3 activities:" in said
    assert f"  green: 12 photos in {data}/train/green, {data}/test/green" in said
    assert f"nothing to learn from in {data}/train/orange: 1 .cr2" in said
    assert "  all.csv, gone.mp4: gone.mp4 is neither where the table says nor in the data" in said
    assert "1 photos or clips are there under two labels, of which one is wrong:" in said
    assert "train/blue/red 000.jpg (blue), train/red/000.jpg (red)" in said
    assert "the existing split is kept: its test part is used for testing" in said
    assert "28 photos and 13 frames of 1 clips to train on, 9 photos to test with" in said
    assert "learned from clips: 1.6 s of blue" in said
    assert "pairs of images show nearly the same picture under two labels" in said
    report = json.loads((tmp_path / "report.json").read_text())
    pair = report["nearly_the_same_under_two_labels"][0]
    assert sorted(zip(pair["labels"], pair["images"], strict=True)) == [
        ("blue", "train/blue/red 000.jpg"),
        ("red", "train/red/000.jpg"),
    ]
    assert report["settings"]["dataset"] == [str(data), str(corrected), str(clips)]
