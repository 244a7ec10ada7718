"""Any chunking of a stream decodes to the same samples, and to the sound that went in."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.audio import (
    WAV_CODECS,
    Heard,
    adts,
    chirp,
    cut,
    cut_at,
    flac,
    hear,
    hear_now,
    likeness,
    mp4,
    ogg,
    resampled,
    wav,
    webm,
)

SECONDS = 1.0
# name → (a function that encodes the stream, the least correlation with the sound that went in)
STREAMS: dict[str, tuple[Callable[[], bytes], float]] = {
    "webm mono 60 ms": (lambda: webm(chirp(SECONDS), frame_ms=60), 0.98),
    "webm stereo 20 ms": (lambda: webm(chirp(SECONDS), channels=2), 0.98),
    "webm pcm": (lambda: webm(chirp(SECONDS), codec="pcm_f32le"), 0.999),
    "ogg mono": (lambda: ogg(chirp(SECONDS)), 0.98),
    "ogg stereo, big pages": (lambda: ogg(chirp(SECONDS), channels=2, page_ms=1000), 0.98),
    "mp4 aac": (lambda: mp4(chirp(SECONDS)), 0.98),
    "mp4 aac 44.1 kHz stereo": (lambda: mp4(chirp(SECONDS, 44_100), 44_100, channels=2, fragment_ms=500), 0.98),
    "mp4 opus": (lambda: mp4(chirp(SECONDS), codec="libopus"), 0.98),
    "aac": (lambda: adts(chirp(SECONDS)), 0.98),
    "flac": (lambda: flac(chirp(SECONDS)), 0.999),
    "wav 44.1 kHz stereo float": (lambda: wav(chirp(SECONDS, 44_100), 44_100, codec="pcm_f32le", channels=2), 0.999),
    "wav 8 kHz 24 bits": (lambda: wav(chirp(SECONDS, 8_000), 8_000, codec="pcm_s24le"), 0.999),
    "wav without a size": (lambda: wav(chirp(SECONDS, 16_000), 16_000, size=0xFFFFFFFF), 0.999),
}
SLACK = 16_000 // 100  # samples: the decoded sound may be shorter by 10 ms


@cache
def stream(name: str) -> bytes:
    """The stream, encoded only when a test needs it, because all of pytest's workers import this file."""
    encode, _ = STREAMS[name]
    return encode()


@cache
def at_once(name: str) -> Heard:
    return hear_now([stream(name)])


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_in_one_frame_is_the_sound_that_went_in(name: str) -> None:
    heard = at_once(name)
    assert not heard.errors
    wanted = resampled(chirp(SECONDS), 48_000, 16_000)
    # Padding of the last packet may make the sound up to 60 ms longer.
    assert len(wanted) - SLACK <= len(heard.samples) <= len(wanted) + 60 * 16
    assert likeness(heard.samples, wanted) > STREAMS[name][1]


@pytest.mark.parametrize("name", STREAMS)
@settings(deadline=None, max_examples=25)
@given(places=st.lists(st.integers(min_value=0, max_value=1 << 20), max_size=60))
def test_any_chunking_gives_the_same_samples(name: str, places: list[int]) -> None:
    heard = hear_now(cut_at(stream(name), places))
    assert not heard.errors
    assert heard.pcm == at_once(name).pcm


@pytest.mark.parametrize("name", ["webm mono 60 ms", "ogg mono", "mp4 aac", "aac", "flac", "wav 8 kHz 24 bits"])
async def test_byte_by_byte(name: str) -> None:
    heard = await hear(cut(stream(name), 1))
    assert not heard.errors
    assert heard.pcm == at_once(name).pcm


@pytest.mark.parametrize("name", ["webm mono 60 ms", "ogg mono", "mp4 aac", "wav 8 kHz 24 bits"])
@settings(deadline=None, max_examples=15)
@given(size=st.integers(min_value=1, max_value=5000))
def test_two_streams_in_a_row_cut_anywhere_are_two_streams(name: str, size: int) -> None:
    heard = hear_now(cut(stream(name) * 2, size))
    assert not heard.errors
    assert heard.pcm == at_once(name).pcm * 2


@pytest.mark.parametrize("codec", WAV_CODECS)
@pytest.mark.parametrize("channels", [1, 2])
async def test_every_form_of_wav(codec: str, channels: int) -> None:
    original = chirp(0.5, 16_000)
    heard = await hear(cut(wav(original, 16_000, codec=codec, channels=channels), 333))
    assert not heard.errors
    assert heard.codec == f"{codec}/wav"
    assert len(heard.samples) == len(original)
    assert likeness(heard.samples, original) > 0.999


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
async def test_every_rate_of_wav(rate_hz: int) -> None:
    heard = await hear([wav(chirp(0.5, rate_hz), rate_hz)])
    assert heard.source_sample_rate_hz == rate_hz
    assert abs(len(heard.samples) - 8_000) <= 1
    assert likeness(heard.samples, resampled(chirp(0.5), 48_000, 16_000)) > 0.995


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
async def test_a_wav_whose_size_was_not_known(size: int) -> None:
    original = chirp(0.5, 16_000)
    heard = await hear(cut(wav(original, size=size), 999))
    assert not heard.errors
    assert heard.pcm == original.tobytes()


async def test_chunks_around_the_samples_of_a_wav_are_not_heard() -> None:
    note = b"LIST\x05\0\0\0INFO!\0"
    original = chirp(0.25, 16_000)
    heard = await hear(cut(wav(original, before=note, after=note), 7))
    assert not heard.errors
    assert heard.pcm == original.tobytes()


@settings(deadline=None, max_examples=25)
@given(
    places=st.lists(st.integers(min_value=0, max_value=1 << 20), max_size=60),
    rate_hz=st.sampled_from([8, 16, 44.1, 48]),
)
def test_any_chunking_of_raw_pcm_between_samples_gives_the_same(places: list[int], rate_hz: float) -> None:
    rate_hz = round(rate_hz * 1000)
    data = chirp(0.5, rate_hz).tobytes()
    options = {"encoding": "pcm_s16le", "pcm_sample_rate_hz": rate_hz}
    whole = hear_now([data], **options)
    parts = hear_now(cut_at(data, [place * 2 for place in places]), **options)
    assert not parts.errors
    assert parts.pcm == whole.pcm
    assert abs(len(parts.samples) - 8_000) <= 1
    assert likeness(parts.samples, resampled(chirp(0.5), 48_000, 16_000)) > 0.995


async def test_other_output_rates() -> None:
    heard = await hear([webm(chirp(0.5))], rate_hz=24_000)
    assert likeness(heard.samples, resampled(chirp(0.5), 48_000, 24_000)) > 0.98
