"""The cost of the bytes of one connection: how much PCM each KiB becomes, and how much CPU time that takes.

Silence takes the fewest bytes. The limits hold for any input (`gateway/audio/expansion_limit.py`). These tests show
that silence from an ordinary encoder stays within the limits, and takes at most three times the CPU time of speech.
They also show that a KiB made by an attacker costs at most three times as much as the most speech that a KiB may
become.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import pytest

from gateway.audio import AudioError
from gateway.audio.adts import decode_adts
from gateway.audio.container import decode_mp4, decode_ogg, decode_webm
from gateway.audio.expansion_limit import FLAC_MAX_S_PER_KIB, MAX_S_PER_KIB
from gateway.audio.flac import decode_flac
from gateway.audio.types import StreamDecoder
from gateway.audio.wav import decode_wav
from tests.support.audio import WAV_CODECS, Samples, adts, chirp, flac, flac_of_nothing, mp4, ogg, wav, webm

RATE_HZ = 16_000
SECONDS = 8.0
TIMES_SPEECH = 3.0  # less than 1.5 was measured; the margin is for a busy machine
Encoder = Callable[[Samples, int], bytes]
FORMATS: dict[str, tuple[Encoder, StreamDecoder, int, float]] = {
    "opus/webm": (webm, decode_webm, 48_000, MAX_S_PER_KIB),
    "pcm/webm": (functools.partial(webm, codec="pcm_s16le"), decode_webm, 8_000, MAX_S_PER_KIB),
    "opus/ogg": (ogg, decode_ogg, 48_000, MAX_S_PER_KIB),
    "aac/mp4": (mp4, decode_mp4, 16_000, MAX_S_PER_KIB),
    "opus/mp4": (functools.partial(mp4, codec="libopus"), decode_mp4, 48_000, MAX_S_PER_KIB),
    "aac/adts": (adts, decode_adts, 16_000, MAX_S_PER_KIB),
    "flac": (flac, decode_flac, 8_000, FLAC_MAX_S_PER_KIB),
    **{f"{codec}/wav": (functools.partial(wav, codec=codec), decode_wav, 8_000, MAX_S_PER_KIB) for codec in WAV_CODECS},
}


class Slices:
    """A ByteSource that gives a KiB at a time."""

    def __init__(self, data: bytes) -> None:
        self._rest: Iterator[bytes] = (data[at : at + 1024] for at in range(0, len(data), 1024))

    def read(self) -> bytes:
        return next(self._rest, b"")

    def split(self, kind: object, data: bytes) -> None:
        raise AssertionError


def decoded(decoder: StreamDecoder, data: bytes) -> tuple[float, float]:
    """The seconds of sound that come out, perhaps before an error, and the lowest CPU time of three tries."""
    took = []
    for _ in range(3):
        began, sound_s = time.thread_time(), 0.0
        with suppress(AudioError):
            for audio in decoder(Slices(data), RATE_HZ):
                sound_s += len(audio.pcm) / 2 / RATE_HZ
        took.append(time.thread_time() - began)
    return sound_s, min(took)


@pytest.mark.parametrize("name", FORMATS)
def test_a_kib_of_silence_gives_bounded_pcm_for_bounded_time(name: str) -> None:
    encode, decoder, rate_hz, most_s = FORMATS[name]
    quiet = encode(silence(SECONDS, rate_hz), rate_hz)
    sound_s, cpu_s = decoded(decoder, quiet)
    assert sound_s == pytest.approx(SECONDS, abs=0.2)
    assert sound_s / (len(quiet) / 1024) < most_s
    _, speech_cpu_s = decoded(decoder, encode(chirp(SECONDS, rate_hz), rate_hz))
    assert cpu_s < TIMES_SPEECH * speech_cpu_s


HIGH_HZ, CHANNELS = 192_000, 8
SYNC = b"\xff\xf8"
HOSTILE: dict[str, tuple[Callable[[], bytes], StreamDecoder]] = {
    "FLAC of one value": (lambda: flac_of_nothing(HIGH_HZ, 60, CHANNELS), decode_flac),
    "FLAC of silence": (lambda: flac(silence(2.0, HIGH_HZ), HIGH_HZ, channels=CHANNELS), decode_flac),
    "FLAC of a tone": (lambda: flac(chirp(0.2, HIGH_HZ), HIGH_HZ, channels=CHANNELS), decode_flac),
    "FLAC of frame headers": (lambda: flac_of_nothing(HIGH_HZ, 1) + SYNC * 8_000, decode_flac),
    "WAV": (lambda: wav(silence(0.05, HIGH_HZ), HIGH_HZ, codec="pcm_f64le", channels=CHANNELS), decode_wav),
    "PCM in Matroska": (
        lambda: webm(silence(0.1, HIGH_HZ), HIGH_HZ, channels=CHANNELS, codec="pcm_s16le"),
        decode_webm,
    ),
    "Opus in WebM": (lambda: webm(silence(SECONDS, 48_000), channels=CHANNELS), decode_webm),
    "Opus in Ogg": (lambda: ogg(silence(SECONDS, 48_000), channels=CHANNELS), decode_ogg),
    "AAC in MP4": (lambda: mp4(silence(SECONDS, 96_000), 96_000, channels=CHANNELS), decode_mp4),
    "AAC in ADTS": (lambda: adts(silence(SECONDS, 96_000), 96_000, channels=CHANNELS), decode_adts),
}
"""Name → (makes an input that costs much, its decoder). All inputs have the highest rate of their format and, except
for the frame headers, the most channels."""
TIMES_MOST_SPEECH = 3.0


def silence(seconds: float, rate_hz: int) -> Samples:
    return np.zeros(round(seconds * rate_hz), np.int16)


@pytest.fixture(scope="module")
def most_speech_cpu_s() -> float:
    """The CPU time for the most speech, in Opus, that the limit lets a KiB become."""
    sound_s, cpu_s = decoded(decode_webm, webm(chirp(SECONDS)))
    return cpu_s / sound_s * MAX_S_PER_KIB


@pytest.mark.parametrize("name", HOSTILE)
def test_no_kib_costs_much_more_than_the_most_speech_that_a_kib_may_become(name: str, most_speech_cpu_s: float) -> None:
    make, decoder = HOSTILE[name]
    data = make()
    _, cpu_s = decoded(decoder, data)
    assert cpu_s / (len(data) / 1024) < TIMES_MOST_SPEECH * most_speech_cpu_s


@pytest.mark.parametrize("name", [name for name in FORMATS if not name.endswith("/wav")])
def test_the_sound_of_every_stream_is_counted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the limit allows no sound, every stream is refused. WAV is left out: the sample rates that it may have bound
    what its bytes can become."""
    monkeypatch.setattr("gateway.audio.expansion_limit.FREE_S", -1e6)
    encode, decoder, rate_hz, _ = FORMATS[name]
    with pytest.raises(AudioError, match="record with an ordinary bit rate"):
        list(decoder(Slices(encode(chirp(0.5, rate_hz), rate_hz)), RATE_HZ))
