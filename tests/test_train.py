"""``train.py`` as a person runs it."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

import train
from activity.inputs.photo import network_input
from activity.saved.artifacts import load_framing, load_known_confidence, load_labels, load_model
from tests.conftest import COLOURS_BGR, RunScript, RunTrain
from train import report_found


def test_a_photo_is_used_where_all_its_views_are() -> None:
    readable = np.array([1, 1, 1, 0, 1, 1, 1, 0, 1], bool)  # three photos in two views, three tests
    training, test = train.rows_to_use(readable, 3, 2)
    assert training.tolist() == [[0, 1], [4, 5]]
    assert test.tolist() == [6, 8]


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
    assert "left out, as files of other kinds: 1 .php" in done.stdout
    assert "weighted avg" in done.stdout
    assert "% of the test photos unknown, one by one; of the " in done.stdout

    assert load_labels(tmp_path / "model/lb.pickle") == ["blue", "green", "red"]
    assert load_framing(tmp_path / "model/lb.pickle") == "centre"
    model = load_model(tmp_path / "model/activity.model")
    known = load_known_confidence(tmp_path / "model/lb.pickle")
    assert len(known) == 10  # one of each test photo
    assert min(known) > 1 / 3
    right = []
    for number, colour in enumerate(sorted(COLOURS_BGR)):
        photos = [cv2.imread(str(photo)) for photo in sorted(photo_folders.glob(f"{colour}/*"))]
        pixels = np.stack([network_input(photo) for photo in photos]).astype(np.float32)
        right.extend(model.predict_on_batch(pixels).argmax(axis=1) == number)
    assert np.mean(right) > 0.8  # 0.33 where channels or labels are out of order
    plot = cv2.imread(str(tmp_path / "plots/plot.png"))
    assert plot.shape[0] > 300
    assert plot.shape[1] > 600


def test_report_and_the_photos_that_straddle_training_and_test(
    run_train: RunTrain, photo_folders: Path, tmp_path: Path, cache: Path
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


def test_two_labels_get_two_probabilities_and_the_same_seed_the_same_model(
    run_script: RunScript,
    run_train: RunTrain,
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
        assert load_labels(tmp_path / name / "model/lb.pickle") == ["green", "red"]
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
    from activity.inputs.dataset import find_photos, split

    photos, labels, _ = find_photos(real_data / "sports", ["weight_lifting", "tennis", "football"])
    training, test = split(photos, labels)
    # Four more, three .gif and a .webp, are too few of a kind to be tested.
    later = [photos[i] for i in training if Path(photos[i]).suffix in (".gif", ".webp")]
    assert (len(training) - len(later), len(later), len(test)) == (1552, 4, 518)
    listed = (real_data / "sports_test_split.txt").read_text().split()
    assert [photos[i] for i in test] == listed


@pytest.mark.parametrize("flags", [["--epochs", "0"], ["--seed", "-1"], ["--views", "many"]])
def test_flags_out_of_range_are_refused_at_once(
    run_script: RunScript, photo_folders: Path, tmp_path: Path, flags: list[str]
) -> None:
    done = run_script("train.py", *train_arguments(photo_folders, tmp_path, tmp_path), *flags)
    assert done.returncode == 2
    assert flags[0] in done.stderr
    assert not (tmp_path / "model").exists()


def test_which_labels_are_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    report_found(None, {"chess", "fencing"}, {})
    said = capsys.readouterr().out
    assert "none of weight_lifting, tennis, football is there: taking all there is, chess" in said
    assert "going on without" not in said
    report_found(None, {"tennis", "football"}, {".php": 9, ".aspx": 2})
    said = capsys.readouterr().out
    assert "no photos of weight_lifting: going on without" in said
    assert "left out, as files of other kinds: 9 .php, 2 .aspx" in said
    report_found(["all"], {"chess", "fencing"}, {})
    assert capsys.readouterr().out == ""
