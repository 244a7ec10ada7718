"""Audio at any rate: heard at once, as it is, and however it is cut."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from asr_service.audio import Resampler, check_recording, pcm_to_float
from common.errors import InvalidInputError

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
    """Audio at 8 kHz straight to the service was heard up to 115 ms late (issue 15)."""
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


def test_what_would_be_heard_as_nonsense_is_refused() -> None:
    mono = np.frombuffer(sound(16_000), "<i2")
    check_recording(mono.tobytes())
    check_recording(b"")
    check_recording(bytes(64_000))
    noise = np.random.default_rng(1).normal(0, 3000, 16_000).astype("<i2")
    check_recording(noise.tobytes())
    with pytest.raises(InvalidInputError, match="two channels"):
        check_recording(np.repeat(mono, 2).tobytes())
    with pytest.raises(InvalidInputError, match="WAV file"):
        check_recording(b"RIFF\0\0\0\0WAVEfmt ")
