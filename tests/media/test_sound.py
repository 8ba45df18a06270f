"""Sound on its way into an .mp4: what browsers play is copied, anything else becomes AAC."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from activity.common.errors import UserError
from activity.media.clip import VideoSource
from activity.media.sink import open_sink
from tests.clips import (
    copy_clip,
    draw_frame,
    fail_to_read_on,
    sound_packets,
    tone,
    write_programmes,
    write_sound_clip,
)
from tests.conftest import RunScript, Trained


def converted(clip: Path, output: Path) -> str | None:
    """Copy a clip, and return the codec of sound that was converted; nothing of it is lost."""
    sound = copy_clip(clip, output)
    assert sound.lost is None
    return sound.converted


def samples_of(clip: Path) -> tuple[str, int, float, np.ndarray]:
    """Codec, sampling rate, start in seconds and first channel of a clip's sound."""
    with av.open(str(clip)) as container:
        audio = container.streams.audio[0].codec_context
        frames = list(container.decode(audio=0))
        samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        return audio.codec.canonical_name, audio.sample_rate, float(frames[0].time), samples


@pytest.mark.parametrize(
    ("codec", "suffix", "options"),
    [
        ("pcm_s16le", ".avi", {}),
        ("pcm_s16be", ".mov", {}),
        ("flac", ".mkv", {}),
        ("vorbis", ".mkv", {"options": {"strict": "-2"}}),
        ("wmav2", ".avi", {"options": {"b": "128000"}}),
        ("adpcm_ms", ".avi", {}),
        ("ac3", ".mkv", {"layout": "5.1", "rate": 48000}),
        ("pcm_mulaw", ".mov", {"layout": "mono", "rate": 8000}),
        ("pcm_f32le", ".mkv", {"rate": 96000}),
    ],
)
def test_what_browsers_do_not_play_becomes_aac(
    codec: str, suffix: str, options: dict[str, object], tmp_path: Path
) -> None:
    clip = write_sound_clip(tmp_path / f"clip{suffix}", codec, late=0.4, **options)
    assert converted(clip, tmp_path / "out.mp4") == codec
    name, rate, start, samples = samples_of(tmp_path / "out.mp4")
    assert (name, rate) == ("aac", min(48000, options.get("rate", 44100)))
    # As loud, as high, as long and at the same time as in the clip.
    assert np.sqrt(np.mean(samples[: 2 * rate] ** 2)) == pytest.approx(np.sqrt(0.5), abs=0.06)
    assert np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples) == pytest.approx(440, abs=2)
    # Some decoders give the first samples with the second packet.
    assert start == pytest.approx(0, abs=0.07)
    assert len(samples) / rate == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize(
    ("codec", "suffix", "rate"),
    [("aac", ".mp4", 44100), ("libmp3lame", ".mkv", 44100), ("libopus", ".mkv", 48000)],
)
def test_what_browsers_play_is_copied(codec: str, suffix: str, rate: int, tmp_path: Path) -> None:
    clip = write_sound_clip(tmp_path / f"clip{suffix}", codec, rate=rate)
    assert converted(clip, tmp_path / "out.mp4") is None
    expected = [content for _, content in sound_packets(clip)]
    assert len(expected) > 50
    assert [content for _, content in sound_packets(tmp_path / "out.mp4")] == expected


def test_damaged_sound_goes_on_after_the_damage(tmp_path: Path) -> None:
    clip = write_sound_clip(tmp_path / "clip.mkv", "flac")
    content = bytearray(clip.read_bytes())
    packets = sound_packets(clip)
    for _, packet in packets[5:8]:
        at = content.index(packet)
        content[at : at + len(packet)] = bytes(len(packet))
    clip.write_bytes(content)
    assert converted(clip, tmp_path / "out.mp4") == "flac"
    assert sound_packets(tmp_path / "out.mp4")[-1][0] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("changed", [{"layout": "5.1"}, {"layout": "mono"}, {"rate": 32000}])
def test_sound_that_changes_midway_goes_on_as_it_began(
    changed: dict[str, object], tmp_path: Path
) -> None:
    parts = [
        write_sound_clip(tmp_path / f"{number}.ts", "ac3", **{"rate": 48000, **options})
        for number, options in enumerate(({}, changed, {}))
    ]
    clip = tmp_path / "clip.ts"
    clip.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert converted(clip, tmp_path / "out.mp4") == "ac3"
    name, rate, _, samples = samples_of(tmp_path / "out.mp4")
    assert (name, rate) == ("aac", 48000)
    assert len(samples) / rate == pytest.approx(6, abs=0.3)
    # No part is silent, higher or lower.
    for second in (0.5, 2.5, 4.5):
        part = samples[int(second * rate) : int((second + 1) * rate)]
        assert np.sqrt(np.mean(part**2)) > 0.3
        assert np.abs(np.fft.rfft(part)).argmax() == pytest.approx(440, abs=2)


def test_channels_that_cannot_be_converted_are_told(tmp_path: Path) -> None:
    clip = write_sound_clip(tmp_path / "clip.mkv", "pcm_s16le")
    content, two, nine = clip.read_bytes(), b"\x9f\x81\x02", b"\x9f\x81\x09"
    assert content.count(two) == 1
    clip.write_bytes(content.replace(two, nine))
    sound = copy_clip(clip, tmp_path / "out.mp4")
    assert sound.remarks("a", Path("b")) == [
        "b is without the sound of a: FFmpeg cannot convert 9 channels"
    ]
    assert len(list(VideoSource(tmp_path / "out.mp4").frames())) == 50


@pytest.mark.skipif(sys.platform != "linux", reason="swaps an open file in /proc")
def test_a_disk_that_fails_is_not_the_end_of_the_sound(tmp_path: Path) -> None:
    clip = write_sound_clip(tmp_path / "clip.mkv", "pcm_s16le")
    output = tmp_path / "out.mp4"

    def copy_sound() -> None:
        with open_sink(output, VideoSource(clip).info, clip) as sink:
            fail_to_read_on(clip, "Input/output error")
            sink.copy_rest_of_sound()

    with pytest.raises(UserError, match=f"cannot read {clip}: Input/output error"):
        copy_sound()
    assert list(tmp_path.iterdir()) == [clip]


def test_a_run_says_what_it_did_with_the_sound(
    run_script: RunScript, trained: Trained, tmp_path: Path
) -> None:
    clip = write_sound_clip(tmp_path / "clip.mkv", "pcm_s16le", late=0.48)
    done = run_script(
        "predict_video.py",
        *("-m", trained.model, "-l", trained.label_bin, "--cache", trained.cache),
        *("-i", clip, "-o", tmp_path / "out.mp4", "--segments", tmp_path / "out.srt"),
        *("--display", "off"),
    )
    assert done.returncode == 0, done.stderr
    expected = f"[INFO] {tmp_path / 'out.mp4'} has the sound of {clip} as AAC: "
    assert done.stdout.count(expected) == 1
    # Subtitles are for the clip as it is: its pictures start half a second after its sound.
    assert (tmp_path / "out.srt").read_text().splitlines()[1].startswith("00:00:00,480 --> ")


def write_programme(
    path: Path, number: int, size: tuple[int, int], pitch: float | None, start: int = 0
) -> Path:
    """Write two seconds of a broadcast, with a tone if it has a pitch; ``start`` is in seconds."""
    options = {
        "mpegts_service_id": str(number),
        "mpegts_start_pid": hex(256 * number),
        "mpegts_pmt_start_pid": hex(4096 + 16 * number),
    }
    with av.open(str(path), "w", options=options) as clip:
        video = clip.add_stream("mpeg2video", rate=25)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = clip.add_stream("aac", rate=44100) if pitch else None
        sounds = tone(2, pitch) if pitch else []
        for place in range(50):
            frame = av.VideoFrame.from_ndarray(draw_frame(place, size), format="bgr24")
            frame.pts, frame.time_base = place + 25 * start, Fraction(1, 25)
            clip.mux(video.encode(frame))
            for sound in sounds[place * 2 : place * 2 + 2] if audio else ():
                sound.pts += start * 44100
                clip.mux(audio.encode(sound))
        clip.mux(video.encode(None))
        if audio:
            clip.mux(audio.encode(None))
    return path


@pytest.mark.parametrize("larger", [0, 1])
@pytest.mark.parametrize("start", [0, 5000])
def test_of_two_programmes_picture_and_sound_are_of_one(
    larger: int, start: int, tmp_path: Path
) -> None:
    sizes = [(320, 240), (160, 120)]
    parts = [
        write_programme(tmp_path / "1.ts", 1, sizes[larger], 440),
        write_programme(tmp_path / "2.ts", 2, sizes[1 - larger], 1500, start),
    ]
    clip = write_programmes(tmp_path / "two.ts", parts)
    frames = list(VideoSource(clip).frames())
    assert frames[0].size == (320, 240)
    assert len(frames) == 50
    # Each has a clock of its own.
    seconds = [frame.seconds - frames[0].seconds for frame in frames]
    assert seconds == pytest.approx([number / 25 for number in range(50)], abs=2e-3)
    assert frames[0].seconds < 0.5
    copy_clip(clip, tmp_path / "out.mp4")
    _, rate, at, samples = samples_of(tmp_path / "out.mp4")
    pitch = np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples)
    assert pitch == pytest.approx([440, 1500][larger], abs=5)
    assert at == pytest.approx(0, abs=0.5)


def test_a_programme_without_sound_does_not_get_that_of_another(tmp_path: Path) -> None:
    parts = [
        write_programme(tmp_path / "1.ts", 1, (160, 120), 440),
        write_programme(tmp_path / "2.ts", 2, (320, 240), None),
    ]
    clip = write_programmes(tmp_path / "two.ts", parts)
    sound = copy_clip(clip, tmp_path / "out.mp4")
    assert (sound.lost, sound.written) == (None, False)
    assert len(list(VideoSource(tmp_path / "out.mp4").frames())) == 50
    assert sound_packets(tmp_path / "out.mp4") == []


@pytest.mark.parametrize("unknown", [[0], [1], [0, 1]], ids=str)
def test_of_two_tracks_the_one_that_can_be_decoded(unknown: list[int], tmp_path: Path) -> None:
    """As phones write them: AAC, and a spatial track that FFmpeg has no decoder for."""
    path = tmp_path / "phone.mov"
    with av.open(str(path), "w") as clip:
        video = clip.add_stream("mjpeg", rate=25)
        video.width, video.height, video.pix_fmt = 160, 120, "yuvj420p"
        tracks = [clip.add_stream("aac", rate=44100) for _ in range(2)]
        for track in tracks:
            track.disposition = Disposition.default.value
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(draw_frame(number), format="bgr24")
            clip.mux(video.encode(frame))
        for number, track in enumerate(tracks):
            # FFmpeg would take the one with more packets.
            for frame in (*tone(3 if number in unknown else 2, 440 + 1060 * number), None):
                clip.mux(track.encode(frame))
    content = path.read_bytes()
    for name, times in ((b"mp4a", 3), (b"esds", 1)):  # in each track
        parts = content.split(name)
        assert len(parts) == 1 + 2 * times
        names = [b"apac" if number // times in unknown else name for number in range(2 * times)]
        content = parts[0] + b"".join(map(bytes.__add__, names, parts[1:]))
    path.write_bytes(content)
    sound = copy_clip(path, tmp_path / "out.mp4")
    if len(unknown) == 2:
        assert sound.lost == "FFmpeg cannot decode it"
        return
    assert sound.lost is None
    _, rate, _, samples = samples_of(tmp_path / "out.mp4")
    pitch = np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples)
    assert pitch == pytest.approx([1500, 440][unknown[0]], abs=5)


@pytest.mark.parametrize(("name", "pitch"), [("two_programmes.ts", 1500), ("two_sounds.mov", 440)])
def test_sound_of_real_clips_belongs_to_the_picture(
    name: str, pitch: int, real_data: Path, tmp_path: Path
) -> None:
    sound = copy_clip(real_data / "odd_clips" / name, tmp_path / "out.mp4")
    assert sound.lost is None
    _, rate, _, samples = samples_of(tmp_path / "out.mp4")
    assert np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples) == pytest.approx(
        pitch, abs=5
    )
