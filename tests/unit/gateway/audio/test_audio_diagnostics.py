"""The `[AUDIO DIAG]` lines and the debug recording."""

from __future__ import annotations

import logging
import resource
import signal
import wave
from pathlib import Path

import numpy as np
import pytest

from gateway.audio import AudioDiagnostics, DebugRecorder, DecodedAudio
from gateway.audio.levels import Levels, verdict

RATE_HZ = 16_000


def sound(amplitude: int, seconds: float = 0.1) -> DecodedAudio:
    """A square wave: its RMS is its amplitude."""
    samples = np.full(round(RATE_HZ * seconds), amplitude, np.int16)
    samples[::2] *= -1
    return DecodedAudio(samples.tobytes(), "opus/webm", 48_000)


def test_a_line_after_a_second_then_every_ten_and_a_summary(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gateway.audio")
    diagnostics = AudioDiagnostics("s1", RATE_HZ)
    for _ in range(205):
        diagnostics.add(sound(2000))
    diagnostics.summarize()
    assert [part for line in caplog.messages for part in line.split() if part.startswith("seconds=")] == [
        "seconds=1.0",
        "seconds=10.0",
        "seconds=20.0",
        "seconds=20.5",
    ]
    assert caplog.messages[1] == (
        "[AUDIO DIAG] session=s1 codec=opus/webm rate=48000 seconds=10.0 rms=2000 peak=2000 verdict=speech"
    )
    assert caplog.messages[-1].startswith("[AUDIO DIAG] summary session=s1 ")


def test_each_line_is_about_the_audio_since_the_last(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gateway.audio")
    diagnostics = AudioDiagnostics("s1", RATE_HZ)
    diagnostics.add(sound(5000, 1))
    diagnostics.add(sound(0, 9))
    assert "verdict=speech" in caplog.messages[0]
    assert "microphone muted" in caplog.messages[1]


def test_a_session_that_sent_nothing_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gateway.audio")
    AudioDiagnostics("s1", RATE_HZ).summarize()
    assert "no audio arrived" in caplog.text


@pytest.mark.parametrize(
    ("rms", "words"),
    [
        *[(0, "silence: is the microphone muted?"), (9.9, "silence"), (10, "very quiet"), (999, "quiet")],
        *[(1_000, "speech"), (7_999, "speech"), (8_001, "loud"), (29_999, "loud")],
        *[(30_001, "noise or clipping: wrong encoding?"), (32_768, "noise or clipping")],
    ],
)
def test_verdicts(rms: float, words: str) -> None:
    assert verdict(rms).startswith(words)


def test_levels_of_a_sine_and_of_the_extreme_sample() -> None:
    levels = Levels()
    levels.add((10_000 * np.sin(np.arange(16_000) * 2 * np.pi * 100 / 16_000)).astype("<i2").tobytes())
    assert levels.rms == pytest.approx(10_000 / np.sqrt(2), rel=0.001)
    levels.add(np.array([-32_768], "<i2").tobytes())
    assert levels.peak == 32_768
    levels.add(b"")
    assert levels.samples == 16_001


def test_the_recording_is_a_wav_of_what_was_sent_at_every_moment(tmp_path: Path) -> None:
    recorder = DebugRecorder("abc-1", RATE_HZ, tmp_path)
    recorder.write(sound(1000, 2.5).pcm)
    assert read(tmp_path / "abc-1.wav") == sound(1000, 2.5).pcm  # the file is complete even if the process dies now
    recorder.write(sound(2000, 0.5).pcm)
    recorder.close()
    recorder.close()
    recorder.write(b"too late")
    assert read(tmp_path / "abc-1.wav") == sound(1000, 2.5).pcm + sound(2000, 0.5).pcm
    assert (tmp_path / "abc-1.wav").stat().st_mode & 0o077 == 0


def test_a_session_that_comes_back_does_not_overwrite_its_recording(tmp_path: Path) -> None:
    for amplitude in (1, 2):
        recorder = DebugRecorder("abc", RATE_HZ, tmp_path)
        recorder.write(sound(amplitude).pcm)
        recorder.close()
    assert read(tmp_path / "abc.wav") == sound(1).pcm
    assert read(tmp_path / "abc-2.wav") == sound(2).pcm


def test_without_a_folder_it_goes_to_the_temporary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    recorder = DebugRecorder("abc", RATE_HZ)
    recorder.close()
    assert recorder.path == tmp_path / "audio_debug" / "abc.wav"


@pytest.mark.parametrize("session_id", ["../../etc/passwd", "a/b", "", ".", "a" * 129, "a\0b"])
def test_an_id_that_is_no_file_name_is_logged_and_not_recorded(
    session_id: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = DebugRecorder(session_id, RATE_HZ, tmp_path / "x")
    recorder.write(sound(1, 2).pcm)
    recorder.close()
    assert not (tmp_path / "x").exists()
    assert len(caplog.records) == 1


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "abc.wav").symlink_to(tmp_path / "elsewhere")
    recorder = DebugRecorder("abc", RATE_HZ, tmp_path)
    recorder.close()
    assert recorder.path == tmp_path / "abc-2.wav"
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_ends_the_recording_with_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = DebugRecorder("abc", RATE_HZ, tmp_path)
    caplog.clear()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # this process may write no larger file
    try:
        for _ in range(5):
            recorder.write(sound(1, 1).pcm)
        recorder.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert len(caplog.records) == 1
    assert "ends here" in caplog.text


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = DebugRecorder("abc", RATE_HZ, tmp_path / "file")
    blocked.write(sound(1, 3).pcm)
    blocked.close()
    assert len(caplog.records) == 1


def read(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (1, 2, RATE_HZ)
        data: bytes = file.readframes(file.getnframes())
        return data
