"""No file opens another file or an address, whatever is written in it and however it is named."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.media.clip import VideoSource
from tests.conftest import write_clip

PLAYLISTS = {
    "ffconcat": "ffconcat version 1.0\nfile {target}\n",
    "concat with a comment": "# {target}\nffconcat version 1.0\nfile '{target}'\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n",
    "dash": "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'>"
    "<Period><AdaptationSet><Representation id='1' mimeType='video/mp4'><BaseURL>{target}</BaseURL>"
    "</Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"
    "a=control:{target}\n",
    "asx": "[Reference]\nRef1={target}\n",
}


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """A web server's address, and what is asked of it."""
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/clip.mp4", asked
        server.shutdown()


@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".ffconcat", ".mpd", ".sdp"])
@pytest.mark.parametrize("zero", ["none", "within", "at the end"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_is_not_followed(kind: str, zero: str, suffix: str, tmp_path: Path) -> None:
    other = write_clip(tmp_path / "other.mp4", ["red"] * 5)
    path = tmp_path / f"clip{suffix}"
    with listening() as (address, asked):
        for target in (other.name, f"file:{other}", address):
            text = PLAYLISTS[kind].format(target=target).encode()
            if zero == "within":
                text = text.replace(b"\n", b"\n#\0\n", 1)
            path.write_bytes(text + (b"\0" if zero == "at the end" else b""))
            with pytest.raises(UserError, match="as a video"):
                VideoSource(path)
        assert asked == []


def test_a_movie_that_points_to_another_file_does_not_open_it(tmp_path: Path) -> None:
    # The data reference of a QuickTime file names where its samples lie; it is usually itself.
    path = write_clip(tmp_path / "clip.mov", ["red"] * 5)
    other = write_clip(tmp_path / "other.mov", ["green"] * 5)
    content = bytearray(path.read_bytes())
    at = content.index(b"url \0\0\0\1")
    content[at : at + 8] = b"url \0\0\0\0"
    path.write_bytes(content)
    assert other.exists()
    frames = list(VideoSource(path).frames())
    assert all(frame.pixels[60, 100:].mean(axis=0).argmax() == 2 for frame in frames)
