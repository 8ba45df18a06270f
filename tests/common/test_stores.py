"""Files in object stores: read from there, put there whole, and clear lines where that fails."""

import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.common.stores import is_stored, local_copy, location
from activity.common.writing import check_apart, check_output, replace_when_complete
from activity.network.artifacts import load_label_file, load_model
from tests.conftest import RunScript, Trained, write_clip

pytest.importorskip("upath", reason="requirements-cluster.txt is not installed")
pytest.importorskip("s3fs", reason="requirements-cluster.txt is not installed")
moto_server = pytest.importorskip("moto.server", reason="moto is not installed")


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """A bucket of a real S3 server on the loopback address."""
    import boto3
    from s3fs import S3FileSystem

    patch = pytest.MonkeyPatch()
    server = moto_server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    patch.setenv("AWS_ACCESS_KEY_ID", "test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3").create_bucket(Bucket="sports")
    yield "s3://sports"
    server.stop()
    patch.undo()
    # Or a later test of this process would be led to this server.
    S3FileSystem.clear_instance_cache()


def names_in(folder: str) -> list[str]:
    place = location(folder)
    place.fs.invalidate_cache()  # type: ignore[attr-defined]
    return sorted(path.name for path in place.iterdir())


def test_what_is_a_store_and_what_is_not() -> None:
    assert location("a/b.csv") == Path("a/b.csv")
    assert [is_stored(name) for name in ("s3://a/b", "gs://a/b", "a/s3:/b", "rtsp://camera")] == [
        *(True, True, False, False)
    ]
    with pytest.raises(UserError, match="give a path, or an address in s3:// or gs://"):
        location("ftp://a/b")


def test_files_appear_whole_and_together_or_not_at_all(store: str) -> None:
    model, labels = (location(f"{store}/together/{name}") for name in ("model", "labels"))
    check_output(model, "the model")
    with replace_when_complete(model, labels) as (model_part, labels_part):
        model_part.write_text("model 1")
        labels_part.write_text("labels 1")
        assert not location(f"{store}/together").exists()
    assert names_in(f"{store}/together") == ["labels", "model"]
    with suppress(RuntimeError), replace_when_complete(model, labels) as (model_part, labels_part):
        model_part.write_text("model 2")
        raise RuntimeError
    assert names_in(f"{store}/together") == ["labels", "model"]
    with local_copy(model) as copy:
        assert copy.read_text() == "model 1"
    assert not copy.exists()
    with replace_when_complete(model) as (part,):
        part.write_text("model 3")
    assert model.read_text() == "model 3"
    with pytest.raises(UserError, match="are one file"):
        check_apart([model, location(str(model))])


def test_a_missing_bucket_or_file_is_one_line(store: str) -> None:
    with pytest.raises(UserError, match="cannot write the model to s3://nowhere/model: The spec"):
        check_output(location("s3://nowhere/model"), "the model")
    with (
        pytest.raises(UserError, match="there is no such file or bucket"),
        local_copy(location(f"{store}/gone.mp4")),
    ):
        pass


def test_clips_of_a_store_are_labelled_into_it_and_found_finished(
    store: str, run_script: RunScript, trained: Trained, tmp_path: Path
) -> None:
    for colour in ("red", "green"):
        clip = write_clip(tmp_path / f"{colour}.avi", [colour] * 40)
        location(f"{store}/clips/{colour}.avi").write_bytes(clip.read_bytes())
    for path, name in ((trained.model, "activity.model"), (trained.label_bin, "lb.pickle")):
        location(f"{store}/trained/{name}").write_bytes(path.read_bytes())
    flags = [
        *("-m", f"{store}/trained/activity.model", "-l", f"{store}/trained/lb.pickle"),
        *("-i", f"{store}/clips", "-o", f"{store}/out", "--json", f"{store}/out"),
        *("--smoothing", "viterbi", "--size", "8", "--display", "off", "--cache", trained.cache),
    ]
    done = run_script("predict_video.py", *flags)
    assert done.returncode == 0, done.stderr
    assert names_in(f"{store}/out") == ["green.json", "green.mp4", "red.json", "red.mp4"]
    summary = json.loads(location(f"{store}/out/red.json").read_text())
    assert summary["source"] == f"{store}/clips/red.avi"
    assert summary["overall"]["label"] == "red"
    again = run_script("predict_video.py", *flags, "--cluster", "local")
    assert again.returncode == 0, again.stderr
    assert "2 of 2 clips are labelled already" in again.stdout

    if importlib.util.find_spec("ray"):
        location(f"{store}/out/red.json").unlink()
        on_cluster = run_script("predict_video.py", *flags, "--cluster", "local")
        assert on_cluster.returncode == 0, on_cluster.stderr
        assert "1 of 2 clips are labelled already" in on_cluster.stdout
        assert json.loads(location(f"{store}/out/red.json").read_text()) == summary


def test_training_reads_photos_where_they_are(
    store: str, run_script: RunScript, photo_folders: Path, tmp_path: Path
) -> None:
    for photo in photo_folders.rglob("*.jpg"):
        name = photo.relative_to(photo_folders).as_posix()
        location(f"{store}/photos/{name}").write_bytes(photo.read_bytes())
    clip = write_clip(tmp_path / "red.avi", ["red"] * 40)
    location(f"{store}/photos/red/clip.avi").write_bytes(clip.read_bytes())
    flags = [
        *("--labels", "all", "--epochs", "3", "--views", "1", "--backbone", "efficientnet-lite0"),
        *("--engine", "keras", "--cache", tmp_path / "cache", "-p", f"{store}/out/plot.png"),
        *("-m", f"{store}/model/activity.model", "-l", f"{store}/model/lb.pickle"),
    ]
    done = run_script("train.py", "--dataset", f"{store}/photos", *flags)
    assert done.returncode == 0, done.stderr
    assert "27 photos and 2 frames of 1 clips to train on, 9 photos to test with" in done.stdout
    assert names_in(f"{store}/model") == ["activity.model", "lb.pickle"]
    assert load_label_file(location(f"{store}/model/lb.pickle")).classes == ["blue", "green", "red"]
    assert load_model(location(f"{store}/model/activity.model")).output_shape == (None, 3)


class _Breaking(BaseHTTPRequestHandler):
    """A store whose connection breaks in the middle of every file."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.send_header("ETag", '"1"')
        self.end_headers()

    def do_GET(self) -> None:
        if "list-type" in self.path:
            content = b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return
        self.do_HEAD()
        self.wfile.write(b"\0" * 1000)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def test_a_connection_that_breaks_midway_is_one_line(
    store: str, run_script: RunScript, trained: Trained, tmp_path: Path, monkeypatch
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Breaking)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    flags = [
        *("-m", trained.model, "-l", trained.label_bin, "-i", "s3://sports/a.mp4"),
        *("--csv", tmp_path / "out.csv", "--cache", trained.cache),
    ]
    broken = run_script("predict_video.py", *flags)
    assert broken.returncode == 2
    assert broken.stderr.startswith("error: cannot read s3://sports/a.mp4: ")
    assert broken.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    server.shutdown()
    server.server_close()


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "upath", None)
    with pytest.raises(UserError, match=r"pip install -r requirements-cluster\.txt"):
        location("s3://sports/a.mp4")


def test_int8_needs_a_model_on_this_disk(
    store: str, run_script: RunScript, photo_folders: Path, tmp_path: Path
) -> None:
    done = run_script(
        *("train.py", "--dataset", photo_folders, "--labels", "all", "--int8"),
        *("-m", f"{store}/int8.model", "-l", tmp_path / "lb.pickle", "-p", tmp_path / "p.png"),
    )
    assert done.returncode == 2
    assert "give --model a path on this disk" in done.stderr
