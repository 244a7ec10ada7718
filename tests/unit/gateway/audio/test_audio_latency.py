"""A packet of audio is decoded as soon as its last byte has come. The delay is counted in samples, not in seconds."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import av
import pytest

from gateway.audio import AudioInput, DecodedAudio
from gateway.audio.adts import decode_adts
from gateway.audio.container import decode_mp4, decode_ogg, decode_webm
from gateway.audio.flac import decode_flac
from gateway.audio.types import StreamDecoder, StreamKind
from gateway.audio.wav import decode_wav
from tests.support.audio import adts, chirp, cut, flac, mp4, ogg, wav, webm

RATE_HZ = 16_000


class MeasuringSource:
    """Gives a stream's bytes a few at a time. Whenever the decoder asks for more, measures how far the decoder is
    behind."""

    def __init__(self, data: bytes, step: int, fed_samples: Callable[[int], float]) -> None:
        self._frames = cut(data, step)
        self._fed_samples = fed_samples
        self.fed_bytes = 0
        self.decoded_samples = 0
        self.worst_lag = 0.0

    def read(self) -> bytes:
        lag = self._fed_samples(self.fed_bytes) - self.decoded_samples
        self.worst_lag = max(self.worst_lag, lag)
        frame = next(self._frames, b"")
        self.fed_bytes += len(frame)
        return frame

    def split(self, kind: StreamKind, data: bytes) -> None:
        raise AssertionError("there is but one stream")


def _begun_samples(data: bytes) -> Callable[[int], float]:
    """Returns a function: how many bytes of a container have arrived → how many samples (at RATE_HZ) have begun to
    arrive.

    A packet's samples count as soon as its first byte has arrived.
    """
    with av.open(io.BytesIO(data), "r") as container:
        packets = [(p.pos or 0, float((p.duration or 0) * (p.time_base or 0))) for p in container.demux() if p.size]
    assert sum(seconds for _, seconds in packets) > 1.9
    return lambda fed: RATE_HZ * sum(seconds for pos, seconds in packets if pos < fed)


@pytest.mark.parametrize("step", [1, 100, 2000])
@pytest.mark.parametrize(
    ("encode", "decoder", "limit_ms"),
    [
        # The limit is the length of one packet (in Ogg, of one page), because a packet counts as soon as it begins, and
        # 15 ms that the codec and the resampler may hold back.
        pytest.param(partial(webm, frame_ms=60), decode_webm, 60 + 15, id="webm as Chromium"),
        pytest.param(partial(webm, channels=2, frame_ms=20), decode_webm, 20 + 15, id="webm as Firefox"),
        pytest.param(partial(ogg, page_ms=100), decode_ogg, 120 + 15, id="ogg as Firefox"),
        pytest.param(mp4, decode_mp4, 22 + 15, id="mp4 as Safari"),
        pytest.param(partial(mp4, codec="libopus"), decode_mp4, 20 + 15, id="mp4 as Chromium"),
        pytest.param(adts, decode_adts, 22 + 15, id="aac"),
        # Two frames of 96 ms, because a frame is known to have ended only when the next one begins.
        pytest.param(flac, decode_flac, 2 * 96 + 15, id="flac"),
    ],
)
def test_containers_never_lag(encode: Callable[..., bytes], decoder: StreamDecoder, limit_ms: int, step: int) -> None:
    data = encode(chirp(2))
    source = MeasuringSource(data, step, _begun_samples(data))
    for audio in decoder(source, RATE_HZ):
        source.decoded_samples += len(audio.pcm) // 2
    assert source.decoded_samples > 1.9 * RATE_HZ
    assert source.worst_lag <= limit_ms * RATE_HZ / 1000


@pytest.mark.parametrize("step", [1, 100, 2000])
def test_wav_never_lags(step: int) -> None:
    data = wav(chirp(2, 48_000), 48_000)
    source = MeasuringSource(data, step, lambda fed: max(0, fed - 44) / 6)
    for audio in decode_wav(source, RATE_HZ):
        source.decoded_samples += len(audio.pcm) // 2
    assert source.decoded_samples == 2 * RATE_HZ
    assert source.worst_lag <= 4 * RATE_HZ / 1000  # what the resampler's filter holds


@pytest.mark.parametrize("make", [webm, ogg, mp4])
async def test_the_first_tenth_of_a_second_is_heard_before_more_is_fed(make: Callable[..., bytes]) -> None:
    data = make(chirp(2))
    async with AudioInput(sample_rate_hz=RATE_HZ) as audio:
        await audio.feed(data[: len(data) // 8])
        first = await anext(audio)
        assert isinstance(first, DecodedAudio)
        assert first.pcm


async def test_raw_pcm_at_the_asr_rate_passes_through() -> None:
    async with AudioInput(sample_rate_hz=RATE_HZ, encoding="pcm_s16le", pcm_sample_rate_hz=RATE_HZ) as audio:
        await audio.feed(b"\1\2")
        assert await anext(audio) == DecodedAudio(b"\1\2", "pcm_s16le", RATE_HZ)
