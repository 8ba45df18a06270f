"""The files of a page."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.common.errors import UserError
from activity.common.stores import clip_location
from activity.labelling.review.data_files import ShownPart, data_file
from activity.labelling.review.writer import (
    ReviewClip,
    _timing,
    as_script,
    page,
    write_clip,
    write_index,
)
from activity.media.region import parse_region
from activity.temporal.predictions import Predictions
from activity.temporal.segments import Segment
from activity.temporal.smoothing import RAW
from activity.temporal.summary import summarise
from tests.labelling.review.drawn_page import FPS, review_clip

TIMES = [number / FPS for number in range(50)]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clips" / "match.mp4"
    path.parent.mkdir()
    path.write_bytes(b"a clip")
    return path


def content_of(path: Path) -> dict[str, Any]:
    """What a clip's file hands to the page."""
    call = path.read_text(encoding="ascii").split("\n")[1]
    return json.loads(re.fullmatch(r"takeClip\((.*)\);", call).group(1))


def index_of(page_file: Path) -> dict[str, Any]:
    """What the page knows before it has loaded a clip."""
    pattern = r'<script type="application/json" id="index">(.*?)</script>'
    return json.loads(re.search(pattern, page_file.read_text(encoding="utf-8")).group(1))


def test_a_clip_is_told_by_its_frames(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "review"
    segments = [Segment(0, 1.2, "football"), Segment(1.2, 2, "unknown")]
    labels = ["football", "tennis", "unknown"]
    write_clip(folder, review_clip(clip, TIMES, labels=labels, segments=segments))
    content = content_of(data_file(folder, "match"))
    assert [(start, label) for start, label, *_ in content["segments"]] == [
        (0, "football"),
        (30, "unknown"),
    ]
    assert content["segments"][1][2] == 1  # unknown is as doubtful as can be
    assert content["timing"]["frames"] == 50
    assert content["source"] == "../clips/match.mp4"
    mean = np.frombuffer(base64.b64decode(content["curves"]["mean"]), np.uint8)
    assert np.abs(mean.reshape(3, 50).sum(axis=0, dtype=int) - 255).max() <= 2


def test_the_index_lists_the_most_doubtful_first(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "review"
    for name, bound in {"calm": 0.8, "odd": 1.9}.items():
        segments = [Segment(0, bound, "football"), Segment(bound, 2, "tennis")]
        write_clip(folder, review_clip(clip, TIMES, name=name, segments=segments))
    data_file(folder, "foreign").write_text("alert(1)")
    assert write_index(folder) == 2
    clips = index_of(folder / "index.html")["clips"]
    assert [one["name"] for one in clips] == ["odd", "calm"]
    assert clips[0]["doubt"] > clips[1]["doubt"]
    assert clips[0]["file"] == ".data/odd.js"
    # Another run into the same folder adds to it.
    write_clip(folder, review_clip(clip, TIMES, name="new"))
    assert write_index(folder) == 3


def test_a_region_is_told_in_shares_of_the_frame(clip: Path, tmp_path: Path) -> None:
    """As it was cut, in whole pixels; clips without regions say nothing of any."""
    folder = tmp_path / "review"
    raw = np.full((50, 2), 0.5, np.float32)
    predictions = Predictions(np.asarray(TIMES), raw, 1, ["football", "tennis"], 2.0)
    summary = summarise(predictions, RAW.numbers(predictions), RAW.adjective)
    for name, region in {
        "match": None,
        "match.left": parse_region("left=0,0,1/3,1"),
        "match.lane 2": parse_region("lane 2=480,90,160,45"),
    }.items():
        window = region and region.window((640, 360), "match.mp4")
        shown = ShownPart("0" * 64, (640, 360), window)
        called = region.name if region else ""
        write_clip(folder, ReviewClip(name, clip, shown, predictions, summary, region=called))
    write_index(folder)
    clips = {one["name"]: one for one in index_of(folder / "index.html")["clips"]}
    assert "region" not in clips["match"]
    left, lane = clips["match.left"]["region"], clips["match.lane 2"]["region"]
    assert left == {"name": "left", "place": [0, 0, pytest.approx(214 / 640), 1]}
    assert lane == {"name": "lane 2", "place": [0.75, 0.25, 0.25, 0.125]}
    assert {one["clip"] for one in clips.values()} == {"../clips/match.mp4"}
    assert {one["id"] for one in clips.values()} == {"0" * 64}


def test_nothing_of_the_machine_gets_into_the_page(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "review"
    write_clip(folder, review_clip(clip, TIMES))
    write_index(folder)
    text = (folder / "index.html").read_text() + data_file(folder, "match").read_text()
    assert str(tmp_path) not in text
    assert tmp_path.name not in text


def test_a_clip_without_a_relative_path_is_named_alone(tmp_path: Path) -> None:
    clip = review_clip(Path("/home/anna/match.mp4"), TIMES, digest="0" * 64)
    write_clip(tmp_path, clip)
    write_index(tmp_path)
    assert index_of(tmp_path / "index.html")["clips"][0]["clip"] == "match.mp4"
    assert content_of(data_file(tmp_path, "match"))["source"] is None
    assert "anna" not in data_file(tmp_path, "match").read_text()


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("s3://clips/May/match.mp4", "s3://clips/May/match.mp4"),
        ("https://anna:secret@host:81/match.mp4?signed=secret", "https://host:81/match.mp4"),
    ],
)
def test_a_clip_in_a_store_is_named_by_its_address_without_secrets(
    address: str, named: str, tmp_path: Path
) -> None:
    path = clip_location(address)
    write_clip(tmp_path, review_clip(path, TIMES, name="match", digest="0" * 64))
    write_index(tmp_path)
    assert index_of(tmp_path / "index.html")["clips"][0]["clip"] == named
    text = data_file(tmp_path, "match").read_text()
    assert "secret" not in text
    assert "anna" not in text


@pytest.mark.parametrize(
    "name",
    [
        *("a%2e#?.mp4", "javascript:x.mp4", "</script>.mp4", "\u202e.mp4"),
        *("{{script}}.mp4", "{{index}}{{policy}}.mp4", "{{nothing}} {} {0} %s \\1.mp4"),
    ],
)
def test_addresses_and_names_are_quoted(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "review"
    name = name.replace("/", "")
    write_clip(folder, review_clip(tmp_path / name, TIMES, name=name, digest="0" * 64))
    write_index(folder)
    source = content_of(data_file(folder, name))["source"]
    assert re.fullmatch(r"\.\./[\w.%-]+", source)
    text = data_file(folder, name).read_text(encoding="ascii")
    assert not set(text) & set("<>&")
    assert index_of(folder / "index.html")["clips"][0]["name"] == name


@given(st.lists(st.text(max_size=20), max_size=3))
def test_json_in_a_script_holds_no_markup_and_comes_back(value: object) -> None:
    text = as_script(value)
    assert text.isascii()
    assert not set(text) & set("<>&\n\u2028")
    assert json.loads(text) == value


PIECES = ["{{script}}", "{{style}}", "{{index}}", "{{policy}}", "{{", "}}", r"\1", r"\g<0>", ".mp4"]


@given(st.lists(st.lists(st.sampled_from(PIECES) | st.text(max_size=9)).map("".join), max_size=3))
def test_no_name_of_a_clip_is_a_place_in_the_page(names: list[str]) -> None:
    text = page({"clips": names})
    pattern = r'(?<=<script type="application/json" id="index">)(.*?)(?=</script>)'
    (index,) = re.findall(pattern, text)
    assert json.loads(index) == {"clips": names}
    assert text.replace(index, "") == re.sub(pattern, "", page({"clips": []}))


def test_the_page_refuses_every_script_but_its_own() -> None:
    text = page({"clips": []})
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in text.replace("http-equiv", "")
    assert "{{" not in text


def decoded(timing: dict[str, Any]) -> np.ndarray:
    """What the page makes of coded times."""
    if "fps" in timing:
        return np.arange(timing["frames"]) / timing["fps"]
    steps = np.frombuffer(base64.b64decode(timing["steps"]), "<u2").astype(np.int64)
    return (np.cumsum(steps) / 10_000)[steps < 65_535]


@given(st.lists(st.floats(0.001, 30), max_size=60))
def test_times_come_back_and_never_after_their_frame(steps: list[float]) -> None:
    times = np.cumsum([0.0, *steps])
    coded = decoded(_timing(times))
    assert len(coded) == len(times)
    assert (coded <= times + 1e-5).all()
    assert coded == pytest.approx(times, abs=1.1e-4)


def test_two_hours_at_sixty_frames_take_little() -> None:
    constant = _timing(np.arange(7200 * 60) * 1001 / 60_000)
    assert constant.keys() == {"frames", "fps"}
    varying = np.cumsum(np.random.default_rng(0).choice([0.016, 0.017], 7200 * 60))
    assert len(str(_timing(varying - varying[0])["steps"])) < 1_200_000


def test_a_folder_that_cannot_be_written_is_one_line(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "review").write_text("a file")
    with pytest.raises(UserError, match="cannot write"):
        write_clip(tmp_path / "review", review_clip(clip, TIMES))
