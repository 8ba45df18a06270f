"""The demo: what it draws, and that it keeps its hands off a person's files."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from demo.media import (
    CHANGING,
    CLIP_RATE,
    CLIPS,
    Cutaway,
    Scene,
    changes_of,
    draw_before_and_after,
    draw_clip,
    draw_photos,
    read_frames,
    seconds_of,
    shot_at,
)
from demo.places import OWN_FOLDER, Ledger, choose_places, remove_earlier
from demo.scenes import ACTIVITIES, SHOTS, draw_scene

SMALL = (160, 120)


def difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(float) - second.astype(float)).mean())


@pytest.mark.parametrize("activity", ACTIVITIES)
@pytest.mark.parametrize("shot", SHOTS)
def test_a_scene_is_a_pure_function(activity, shot):
    scene = draw_scene(activity, 3, 1.5, (200, 120), shot)
    assert scene.shape == (120, 200, 3)
    assert scene.dtype == np.uint8
    assert scene.std() > 10  # something is on it
    np.testing.assert_array_equal(scene, draw_scene(activity, 3, 1.5, (200, 120), shot))


@pytest.mark.parametrize("activity", ACTIVITIES)
@pytest.mark.parametrize("shot", SHOTS)
def test_a_scene_is_smooth_in_time_and_moves(activity, shot):
    now = draw_scene(activity, 1, 2.0, SMALL, shot)
    next_frame = draw_scene(activity, 1, 2.0 + 1 / CLIP_RATE, SMALL, shot)
    much_later = draw_scene(activity, 1, 4.0, SMALL, shot)
    elsewhere = draw_scene(activity, 2, 2.0, SMALL, shot)
    assert difference(now, next_frame) < 0.5 * difference(now, elsewhere)
    assert difference(now, next_frame) < difference(now, much_later)


def test_colour_alone_does_not_tell_the_activity():
    scenes = [(activity, seed) for activity in ACTIVITIES for seed in range(20)]
    colours = [draw_scene(*scene, 2.0, (80, 60)).mean(axis=(0, 1)) for scene in scenes]
    classifier = make_pipeline(StandardScaler(), LogisticRegression())
    accuracy = cross_val_score(classifier, colours, [activity for activity, _ in scenes], cv=5)
    assert accuracy.mean() < 0.7


STEADY = [name for name in CLIPS if name != CHANGING]


@pytest.mark.parametrize("name", STEADY)
def test_a_clip_is_mostly_its_activity_with_several_misleading_shots(name):
    (scene,) = CLIPS[name]
    times = np.arange(round(scene.seconds * CLIP_RATE)) / CLIP_RATE
    shots = [shot_at(CLIPS[name], time)[1] for time in times]
    assert shots[0] == "play"
    assert shots.count("play") > 0.65 * len(shots)
    assert len(scene.cutaways) >= 3
    assert {cutaway.shot for cutaway in scene.cutaways} == set(SHOTS) - {"play", "title"}
    assert all(0.3 <= cutaway.length <= 1 for cutaway in scene.cutaways)


def test_in_one_clip_the_activity_changes_on_known_frames():
    clip = CLIPS[CHANGING]
    frames = [shot_at(clip, frame / CLIP_RATE) for frame in range(round(16 * CLIP_RATE))]
    assert seconds_of(clip) == 16
    assert changes_of(clip) == [4, 8, 12]
    shown = [(activity if shot == "play" else shot) for activity, shot, _ in frames]
    assert [shown[i] for i in (0, 119, 120, 239, 240, 359, 360, 479)] == [
        *("tennis", "tennis", "title", "title"),
        *("football", "football", "weight_lifting", "weight_lifting"),
    ]


def test_draws_photos_of_every_activity(tmp_path):
    made = []
    with ThreadPoolExecutor(1) as pool:
        draw_photos(tmp_path, 2, pool, made.append)
    assert sorted(made) == sorted(tmp_path.rglob("*.jpg"))
    assert {path.parent.name for path in made} == set(ACTIVITIES)
    assert all(cv2.imread(str(path)).shape[2] == 3 for path in made)


def test_draws_a_clip_and_a_picture_of_it(tmp_path):
    clip = (Scene("tennis", 1, 0.3, (Cutaway(0.2, 0.1, "crowd", 2),)), Scene("football", 1, 0.2))
    with ThreadPoolExecutor(1) as pool:
        draw_clip(tmp_path / "tennis.mp4", clip, pool)
    assert len(list(read_frames(tmp_path / "tennis.mp4"))) == 15
    picture = tmp_path / "picture.jpg"
    draw_before_and_after(picture, [0.0, 0.4], {"one": tmp_path / "tennis.mp4"})
    assert cv2.imread(str(picture)) is not None


def places_of(root, ledger):
    return choose_places(root, ledger, ["tennis.mp4"], ["activity.model"], ["tennis_1frame.avi"])


def write(path, text="mine"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_uses_the_usual_folders_where_they_are_free(tmp_path):
    write(tmp_path / "example_clips" / "holiday.mp4")  # not a name that the demo writes
    places = places_of(tmp_path, Ledger(tmp_path))
    assert places.photos.as_posix() == "Sports-Type-Classifier/data"
    assert places.clips.as_posix() == "example_clips"
    assert places.model.as_posix() == "model"
    assert places.output.as_posix() == "output"


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("photos", "Sports-Type-Classifier/data/chess/me.png"),
        ("clips", "example_clips/tennis.mp4"),
        ("model", "model/activity.model"),
        ("output", "output/tennis_1frame.avi"),
    ],
)
def test_keeps_away_from_a_persons_files(tmp_path, kind, file):
    write(tmp_path / file)
    places = vars(places_of(tmp_path, Ledger(tmp_path)))
    moved = {name for name, folder in places.items() if folder.is_relative_to(OWN_FOLDER)}
    assert moved == {kind}


def test_knows_its_own_files_again_and_lets_go_of_changed_ones(tmp_path):
    data = tmp_path / "Sports-Type-Classifier" / "data" / "tennis"
    drawn, changed = write(data / "a.jpg", "drawn"), write(data / "b.jpg", "drawn")
    ledger = Ledger(tmp_path)
    ledger.record(drawn, changed)
    ledger.save()

    again = Ledger(tmp_path)
    assert places_of(tmp_path, again).photos.as_posix() == "Sports-Type-Classifier/data"
    changed.write_text("retouched by its owner")
    assert places_of(tmp_path, again).photos.is_relative_to(OWN_FOLDER)
    remove_earlier(data, again)
    assert not drawn.exists()
    assert changed.exists()
