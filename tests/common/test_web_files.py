"""Clips on web servers, and addresses of files on this disk: brought here, read as wholes."""

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import keras
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.common.interruption import LeftUnfinishedError
from activity.common.stores import (
    clip_location,
    is_stored,
    local_copy,
    public_name,
    without_file_scheme,
)
from tests.clips import overwrite_packet, write_pictures
from tests.conftest import COLOURS_BGR, ROOT, RunMain, RunScript, Trained, posix, write_clip


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder.

    Of ``broken.mp4`` it sends half of what it announces, of ``endless.mp4`` it sends zeros until
    nobody takes any more, and tells a file that is there of it.
    """

    def do_GET(self) -> None:
        if self.path == "/endless.mp4":
            self.send_response(200)
            self.send_header("Content-Length", str(2**50))
            self.end_headers()
            with suppress(ConnectionError):
                while True:
                    self.wfile.write(bytes(2**20))
                    Path(self.directory, "begun").touch()
                    time.sleep(0.01)
            return
        if not self.path.startswith("/broken.mp4"):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(bytes(500))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a web server, and the folder that it serves."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()


@posix
def test_an_address_of_a_file_is_its_path() -> None:
    assert without_file_scheme("file:///clips/a%20rally.mp4") == "/clips/a rally.mp4"
    assert without_file_scheme("file://localhost/clips/rally.mp4") == "/clips/rally.mp4"
    assert without_file_scheme("clips/rally.mp4") == "clips/rally.mp4"
    assert without_file_scheme("rtsp://camera") == "rtsp://camera"


def test_a_file_is_brought_here_and_removed_afterwards(web: tuple[str, Path]) -> None:
    address, folder = web
    (folder / "a rally.mp4").write_bytes(b"content" * 1000)
    far = clip_location(f"{address}/a%20rally.mp4?key=1.2")
    assert is_stored(far)
    assert (far.name, far.stem, far.suffix) == ("a rally.mp4", "a rally", ".mp4")
    with local_copy(far) as near:
        assert near.read_bytes() == b"content" * 1000
    assert not near.exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("gone.mp4", "File not found|Not Found"), ("broken.mp4", "the connection broke")],
)
def test_what_cannot_be_brought_is_one_line(name: str, message: str, web: tuple[str, Path]) -> None:
    address, _ = web
    with (
        pytest.raises(UserError, match=f"cannot read {address}/{name}: .*({message})"),
        local_copy(clip_location(f"{address}/{name}")),
    ):
        pass


def test_a_server_that_is_not_there_is_one_line() -> None:
    with (
        pytest.raises(UserError, match=r"cannot read http://127\.0\.0\.1:9/a\.mp4: .*refused"),
        local_copy(clip_location("http://127.0.0.1:9/a.mp4")),
    ):
        pass


def test_a_file_that_is_brought_here_ends_with_the_run(
    web: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copies").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "copies"))
    left = iter([False, False, True])
    with (
        pytest.raises(LeftUnfinishedError),
        local_copy(clip_location(f"{web[0]}/endless.mp4"), lambda: next(left)),
    ):
        pass
    assert list((tmp_path / "copies").iterdir()) == []


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_while_a_clip_is_brought_here_keeps_what_was_there(
    number: signal.Signals, web: tuple[str, Path], trained: Trained, tmp_path: Path
) -> None:
    address, folder = web
    output = tmp_path / "out.avi"
    output.write_bytes(b"of an earlier run")
    flags = ["-m", trained.model, "-l", trained.label_bin, "--cache", trained.cache]
    flags += ["-i", f"{address}/endless.mp4", "-o", output, "--display", "off"]
    process = subprocess.Popen(
        [sys.executable, ROOT / "predict_video.py", *map(str, flags)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell may have had the tests ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not (folder / "begun").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    try:
        printed, complained = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, complained) == (130, "interrupted\n")
    assert "endless.mp4 was left unfinished: nothing of it is kept" in printed
    assert output.read_bytes() == b"of an earlier run"


def test_clips_on_the_web_are_classified_in_whole_batches(
    web: tuple[str, Path],
    run_predict: RunMain,
    trained: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, folder = web
    write_clip(folder / "far.mp4", ["red"] * 70)
    batches = []
    predict = keras.Model.predict_on_batch

    def counting(model: keras.Model, pixels: np.ndarray) -> np.ndarray:
        batches.append(len(pixels))
        return predict(model, pixels)

    monkeypatch.setattr(keras.Model, "predict_on_batch", counting)
    (tmp_path / "broken.mp4").write_bytes(b"no clip")
    flags = ["-m", trained.model, "-l", trained.label_bin, "--cache", "off", "--engine", "keras"]
    flags += ["--json", tmp_path / "out", "--batch-size", "16"]
    with pytest.raises(UserError, match=r"1 of 2 clips failed: .*broken\.mp4"):
        run_predict(*flags, "-i", tmp_path / "broken.mp4", f"{address}/far.mp4")
    assert batches == [16, 16, 16, 16, 6]


@posix
def test_addresses_of_clips_give_the_whole_clips(
    web: tuple[str, Path], run_script: RunScript, trained: Trained, tmp_path: Path
) -> None:
    address, folder = web
    write_clip(folder / "far.mp4", ["red"] * 225)
    green = np.full((120, 160, 3), COLOURS_BGR["green"], np.uint8)
    near = tmp_path / "near.mp4"
    write_pictures(near, [green] * 90, "libx264", options={"g": "100", "bf": "0"})
    overwrite_packet(near, 40)
    done = run_script(
        "predict_video.py",
        *("-m", trained.model, "-l", trained.label_bin, "--cache", trained.cache),
        *("-i", f"{address}/far.mp4", f"file://{near}", "--json", tmp_path / "out"),
        *("-o", tmp_path / "out", "--display", "off"),
    )
    assert done.returncode == 0, done.stderr
    for name, frames, label in (("far", 225, "red"), ("near", 89, "green")):
        summary = json.loads((tmp_path / f"out/{name}.json").read_text())
        assert summary["frames"]["read"] == frames
        assert summary["overall"]["label"] == label
    # What is lost to damage is said.
    assert "over 89 of 90 frames" in done.stdout
    assert f"[INFO] {near} is damaged: packets that cannot be decoded: 1\n" in done.stdout


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://host/a.mp4?X-Amz-Signature=secret&x=/y", "https://host/a.mp4"),
        ("https://me:secret@host:8080/@club/a.mp4#secret", "https://host:8080/@club/a.mp4"),
        ("rtsp://admin:sec/ret#1@camera/live", "rtsp://camera/live"),
        ("rtsp://secret@[::1]:554/live", "rtsp://[::1]:554/live"),
        ("http://[::1]:80/a.mp4", "http://[::1]:80/a.mp4"),
        ("s3://bucket/a clip.mp4", "s3://bucket/a clip.mp4"),
        ("clips/what?.mp4", "clips/what?.mp4"),
    ],
)
def test_the_name_of_an_address_keeps_no_secret(address: str, name: str) -> None:
    assert public_name(address) == name


@pytest.mark.parametrize(
    "address",
    [
        "http://me:secret@127.0.0.1:9/a.mp4?signature=secret",
        "http://127.0.0.1:9/a b.mp4?signature=secret",
        "http://me:sec/ret@127.0.0.1/a.mp4",
        "ftp://me:secret@host/a.mp4",
        "rtsp://me:secret@127.0.0.1:9/live?secret",
    ],
)
def test_an_error_tells_no_secret_of_an_address(
    address: str, run_predict: RunMain, trained: Trained, tmp_path: Path
) -> None:
    flags = ["-m", trained.model, "-l", trained.label_bin, "--cache", trained.cache]
    with pytest.raises(UserError) as error:
        run_predict(*flags, "-i", address, "--json", tmp_path / "out.json")
    assert "sec" not in str(error.value)
    assert "ret" not in str(error.value)


def texts_below(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = "".join(str(path.relative_to(folder)) for path in files)
    return names + "".join(path.read_bytes().decode("latin-1") for path in files)


@pytest.mark.parametrize("clips", [1, 2])
def test_no_secret_of_an_address_gets_into_any_output(
    clips: int, web: tuple[str, Path], run_script: RunScript, trained: Trained, tmp_path: Path
) -> None:
    address, folder = web
    out = tmp_path / "out"
    out.mkdir()
    write_clip(folder / "a.mp4", ["red"] * 20)
    write_clip(folder / "b.mp4", ["green"] * 20)
    signed = [
        f"{address}/{name}.mp4?X-Amz-Signature=hush8f2a".replace("//", "//me:hush8f2a@")
        for name in "ab"[:clips]
    ]
    (tmp_path / "truth.csv").write_text("clip,start,end,label\na.mp4,0,1,red\n")
    kinds = {"timeline": "png", "csv": "csv", "json": "json", "segments": "srt"}
    one = clips == 1
    written = [
        word
        for kind, suffix in kinds.items()
        for word in (f"--{kind}", out / f"{kind}.{suffix}" if one else out / kind)
    ]
    done = run_script(
        "predict_video.py",
        *("-m", trained.model, "-l", trained.label_bin, "--cache", trained.cache),
        *("-i", *signed, *([] if one else [f"{address}/gone.mp4?hush8f2a"]), *written),
        *("-o", out / "video.avi" if one else out / "videos", "--review", out / "page"),
        *("--truth", tmp_path / "truth.csv", "--display", "off"),
    )
    assert done.returncode == (0 if one else 2), done.stderr
    assert "hush8f2a" not in done.stdout + done.stderr + texts_below(out)
    summary = json.loads((out / ("json.json" if one else "json/a.json")).read_text())
    assert summary["source"] == f"{address}/a.mp4"
    assert f"[INFO] {address}/a.mp4: red" in done.stdout


def test_a_password_is_given_to_the_server_that_asks_and_to_no_other(tmp_path: Path) -> None:
    given = {}

    class Asking(Quiet):
        def do_GET(self) -> None:
            given[self.path] = self.headers["Authorization"]
            if self.path == "/a.mp4":
                self.send_response(302)
                self.send_header("Location", f"http://localhost:{self.server.server_port}/b.mp4")
                self.end_headers()
            else:
                super().do_GET()

    (tmp_path / "b.mp4").write_bytes(b"content")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Asking, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        far = clip_location(f"http://me:my%40secret@127.0.0.1:{server.server_port}/a.mp4")
        with local_copy(far) as near:
            assert near.read_bytes() == b"content"
        server.shutdown()
    assert given == {"/a.mp4": "Basic " + b64encode(b"me:my@secret").decode(), "/b.mp4": None}
