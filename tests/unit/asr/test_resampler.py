"""Audio with any sample rate is converted with hardly any delay and without change to the sound, however it is cut."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from asr_service.audio import Resampler, check_recording, pcm_to_float
from common.errors import InvalidInputError
from tests.support.asr import Pcm, beckett_path, read_wav

RATES = [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000]


def sound(rate_hz: int, seconds: float = 1.0) -> bytes:
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    wave = 8000 * np.sin(2 * np.pi * 440 * t) + 4000 * np.sin(2 * np.pi * (300 + 1400 * t) * t)
    return bytes(wave.astype("<i2").tobytes())


@pytest.mark.parametrize("rate_hz", RATES)
def test_it_is_the_same_sound_as_soxr_makes_of_a_whole_recording(rate_hz: int) -> None:
    pcm = sound(rate_hz)
    heard, wanted = Resampler(rate_hz).feed(pcm, last=True), soxr.resample(pcm_to_float(pcm), rate_hz, 16_000)
    size = min(len(heard), len(wanted))
    assert abs(len(heard) - len(wanted)) <= 1
    inner = slice(800, size - 800)
    error = np.square(heard[inner] - wanted[inner]).mean() / np.square(wanted[inner]).mean()
    assert error < 1e-4


@pytest.mark.parametrize("rate_hz", RATES)
def test_no_more_than_three_milliseconds_are_held_back(rate_hz: int) -> None:
    """Once, audio at 8 kHz was recognised up to 115 ms late (issue 15)."""
    resampler, pcm, out = Resampler(rate_hz), sound(rate_hz), 0
    for end in range(200, len(pcm), 200):
        out += len(resampler.feed(pcm[end - 200 : end]))
        assert end / 2 / rate_hz - out / 16_000 < 0.003


@given(st.sampled_from(RATES), st.lists(st.integers(0, 400), max_size=30))
def test_however_it_is_cut_the_same_comes_out(rate_hz: int, sizes: list[int]) -> None:
    pcm, resampler, at, out = sound(rate_hz, 0.1), Resampler(rate_hz), 0, []
    for size in sizes:
        out.append(resampler.feed(pcm[at : at + 2 * size]))
        at = min(len(pcm), at + 2 * size)
    out.append(resampler.feed(pcm[at:], last=True))
    assert np.array_equal(np.concatenate(out), Resampler(rate_hz).feed(pcm, last=True))


def test_audio_that_would_be_recognised_as_nonsense_is_refused() -> None:
    mono = np.frombuffer(sound(16_000), "<i2")
    check_recording(mono.tobytes())
    check_recording(b"")
    check_recording(bytes(64_000))
    noise = np.random.default_rng(1).normal(0, 3000, 16_000).astype("<i2")
    check_recording(noise.tobytes())
    with pytest.raises(InvalidInputError, match="two interleaved channels"):
        check_recording(np.repeat(mono, 2).tobytes())
    with pytest.raises(InvalidInputError, match="two interleaved channels"):
        check_recording(np.stack([mono, -mono], axis=1).tobytes())
    with pytest.raises(InvalidInputError, match="WAV file"):
        check_recording(b"RIFF\0\0\0\0WAVEfmt ")


RECORDINGS = ("beckett.wav", "two_cities.wav", "endgame_nagg_nell.wav")


def person(file: str, rate_hz: int) -> Pcm:
    """Five seconds of a person's recording."""
    pcm, source_rate_hz = read_wav(beckett_path().with_name(file))
    return np.asarray(soxr.resample(pcm[: 5 * source_rate_hz], source_rate_hz, rate_hz), np.int16)


def seems_stereo(samples: npt.NDArray[np.int16]) -> bool:
    try:
        check_recording(samples.tobytes())
    except InvalidInputError as error:
        return "two interleaved channels" in str(error)
    return False


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("file", RECORDINGS)
def test_stereo_is_told_from_mono_by_recordings_of_people(file: str, rate_hz: int) -> None:
    """Once, stereo audio in `Recognize` gave nonsense (issue 15)."""
    voice = person(file, rate_hz)
    assert not seems_stereo(voice)
    others = {
        "the same": voice,
        "inverted": -voice,
        "silent": voice * 0,
        "softer": voice // 4,
        "another place in the room": np.roll(voice, rate_hz // 1000),
        "another person": np.roll(voice, rate_hz),
        "half of another person": np.roll(voice, rate_hz) // 2 + voice // 2,
        "noise": np.random.default_rng(0).normal(0, 300, len(voice)),
    }
    for name, other in others.items():
        stereo = np.stack([voice, other.astype("<i2")], axis=1)
        assert seems_stereo(stereo), name


def test_no_sound_of_one_channel_is_taken_for_stereo() -> None:
    noise = np.random.default_rng(2).normal(0, 3000, 16_000)
    for sound_of_one in (noise, np.diff(noise), np.cumsum(noise) / 40, 3000 * np.sin(np.arange(16_000) * np.pi / 2)):
        assert not seems_stereo(sound_of_one.astype("<i2"))
