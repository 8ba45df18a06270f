"""Sound on its way into an .mp4: what browsers play is copied, anything else becomes AAC."""

import sys
from pathlib import Path

import av
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.clip import VideoSource
from activity.media.sink import open_sink
from tests.clips import copy_clip, fail_to_read_on, sound_packets, write_sound_clip
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
