"""Audio for tests: sounds, real speech, and the formats in which browsers and others send it.

Samples are int16 mono numpy arrays. If there are several channels, the encoders write the same samples to each.
"""

from __future__ import annotations

import asyncio
import io
import struct
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer

from gateway.audio import AudioError, AudioInput, DecodedAudio
from gateway.audio.flac import _CRC8
from tests.support.voices import wheel_folder

Samples = npt.NDArray[np.int16]

# --- sounds


def chirp(seconds: float, rate_hz: int = 48_000) -> Samples:
    """A tone that rises from 200 Hz, so that every place in it sounds different."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (10_000 * np.sin(2 * np.pi * (200 + 150 * t) * t)).astype(np.int16)


def recorded(name: str = "beckett") -> tuple[Samples, int]:
    """A recording of a person, from the assets of moonshine-voice, and its sample rate."""
    with wave.open(str(wheel_folder("moonshine_voice") / "assets" / f"{name}.wav")) as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{name}.wav is not 16-bit")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        return np.ascontiguousarray(samples[:, 0]), file.getframerate()


def resampled(samples: Samples, rate_hz: int, to_rate_hz: int) -> Samples:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=to_rate_hz)
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate_hz
    frames = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.int16)


# --- formats


def webm(
    samples: Samples, rate_hz: int = 48_000, *, channels: int = 1, frame_ms: int = 20, codec: str = "libopus"
) -> bytes:
    """Live WebM/Opus: Segment and Clusters of unknown size, no Cues. frame_ms: Firefox uses 20 ms, Chromium 60."""
    options = {"live": "1", "cluster_time_limit": "100"}
    libav_format = "webm" if codec == "libopus" else "matroska"
    return _of_unknown_sizes(_mux(libav_format, codec, options, samples, rate_hz, channels, frame_ms))


def _of_unknown_sizes(data: bytes) -> bytes:
    """Make the sizes of the segment and of all clusters unknown. libav writes the clusters' sizes. A browser writes
    none of these sizes, because it can't go back to fill them in."""
    entered = {bytes.fromhex("18538067"), bytes.fromhex("1f43b675")}  # Segment, Cluster
    out, at = bytearray(), 0
    while at < len(data):
        size_at = at + 9 - data[at].bit_length()
        body_at = size_at + 9 - data[size_at].bit_length()
        element = data[at:size_at]
        if element in entered:
            out += element + b"\x01" + b"\xff" * 7
            at = body_at
        else:
            size = int.from_bytes(data[size_at:body_at], "big") & ((1 << 7 * (body_at - size_at)) - 1)
            out += data[at : body_at + size]
            at = body_at + size
    return bytes(out)


def ogg(
    samples: Samples, rate_hz: int = 48_000, *, channels: int = 1, page_ms: int = 100, codec: str = "libopus"
) -> bytes:
    """Ogg/Opus as Firefox writes it: few packets to a page."""
    return _mux("ogg", codec, {"page_duration": str(page_ms * 1000)}, samples, rate_hz, channels, 20)


def mp4(
    samples: Samples, rate_hz: int = 48_000, *, channels: int = 1, fragment_ms: int = 100, codec: str = "aac"
) -> bytes:
    """Fragmented MP4 as MediaRecorder writes it: Safari with AAC, Chromium with Opus (codec="libopus")."""
    options = {
        "movflags": "frag_keyframe+empty_moov+default_base_moof",
        "frag_duration": str(fragment_ms * 1000),
        "min_frag_duration": str(fragment_ms * 1000),
    }
    return _mux("mp4", codec, options, samples, rate_hz, channels, 20)


def mp4_with_its_index_last(samples: Samples, rate_hz: int = 48_000) -> bytes:
    """MP4 as phones write it: the index comes last, so the file can't be decoded before its end has come."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        _write(container, "aac", samples, rate_hz, 1, 20)
    return file.getvalue()


def adts(samples: Samples, rate_hz: int = 48_000, *, channels: int = 1) -> bytes:
    """AAC in ADTS."""
    return _mux("adts", "aac", {}, samples, rate_hz, channels, 20)


def flac(samples: Samples, rate_hz: int = 48_000, *, channels: int = 1) -> bytes:
    """FLAC in its own framing."""
    return _mux("flac", "flac", {}, samples, rate_hz, channels, 20)


def flac_of_nothing(rate_hz: int, frames: int, channels: int = 1) -> bytes:
    """FLAC in which each frame repeats one value 65,535 times, in 10 bytes and 3 more for each channel."""
    block = 65_535
    rates = (rate_hz << 44 | (channels - 1) << 41 | 15 << 36).to_bytes(8, "big")
    info = block.to_bytes(2, "big") * 2 + bytes(6) + rates + bytes(16)
    data = b"fLaC\x80" + len(info).to_bytes(3, "big") + info
    for number in range(frames):
        head = bytearray([0xFF, 0xF8, 0x70, (channels - 1) << 4 | 0x08, number, *(block - 1).to_bytes(2, "big")])
        data += bytes([*head, _CRC8(head), *(0, 0, 100) * channels, 0, 0])
    return data


def video_webm(seconds: float = 0.5) -> bytes:
    """A WebM with a moving picture and no sound."""
    sink = _Sink()
    with av.open(sink, "w", format="webm", options={"live": "1"}) as container:
        stream = container.add_stream("libvpx", rate=10, width=64, height=48, pix_fmt="yuv420p")
        for _ in range(round(seconds * 10)):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    return bytes(sink.data)


_WAV_FORMS = {
    "pcm_u8": (1, 8),
    "pcm_s16le": (1, 16),
    "pcm_s24le": (1, 24),
    "pcm_s32le": (1, 32),
    "pcm_f32le": (3, 32),
    "pcm_f64le": (3, 64),
}
WAV_CODECS = tuple(_WAV_FORMS)


def wav(
    samples: Samples,
    rate_hz: int = 16_000,
    *,
    codec: str = "pcm_s16le",
    channels: int = 1,
    size: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A WAV file. size: the wrong size that the header claims, if any. before, after: chunks around the samples."""
    tag, bits = _WAV_FORMS[codec]
    data = _as_bytes(np.repeat(samples, channels), codec)
    block = channels * bits // 8
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, channels, rate_hz, rate_hz * block, block, bits)
    padding = b"\0" * (len(data) % 2)
    body = form + before + struct.pack("<4sI", b"data", len(data) if size is None else size) + data + padding + after
    return struct.pack("<4sI4s", b"RIFF", len(body) + 4 if size is None else size, b"WAVE") + body


def _as_bytes(samples: Samples, codec: str) -> bytes:
    match codec:
        case "pcm_u8":
            return ((samples >> 8) + 128).astype(np.uint8).tobytes()
        case "pcm_s16le":
            return samples.astype("<i2").tobytes()
        case "pcm_s24le":
            wide = (samples.astype("<i4") << 8).view(np.uint8).reshape(-1, 4)
            return wide[:, :3].tobytes()
        case "pcm_s32le":
            return (samples.astype("<i4") << 16).tobytes()
        case _:
            return (samples / 32768).astype("<f4" if codec == "pcm_f32le" else "<f8").tobytes()


class _Sink:
    """A file in which a writer can't go back, like the stream of a recorder."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def _mux(
    libav_format: str, codec: str, options: dict[str, str], samples: Samples, rate_hz: int, channels: int, frame_ms: int
) -> bytes:
    sink = _Sink()
    with av.open(sink, "w", format=libav_format, options=options) as container:
        _write(container, codec, samples, rate_hz, channels, frame_ms)
    return bytes(sink.data)


def _write(
    container: OutputContainer, codec: str, samples: Samples, rate_hz: int, channels: int, frame_ms: int
) -> None:
    layout = {1: "mono", 2: "stereo", 8: "7.1"}[channels]
    codec_options = {"frame_duration": str(frame_ms)} if codec == "libopus" else {}
    stream = container.add_stream(codec, rate=rate_hz, layout=layout, options=codec_options)
    assert isinstance(stream, AudioStream)
    step = rate_hz // 50
    for at in range(0, len(samples), step):
        interleaved = np.repeat(samples[at : at + step], channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, at, Fraction(1, rate_hz)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


# --- through AudioInput


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """The data in frames of `size` bytes."""
    return (data[at : at + size] for at in range(0, len(data), size))


def cut_at(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The data in frames that end at `places`, modulo its length."""
    edges = sorted({0, len(data), *(place % len(data) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


@dataclass
class Heard:
    """Everything that came out of an AudioInput. errors: from feed, finish and the iteration, in order."""

    pcm: bytes = b""
    errors: list[AudioError] = field(default_factory=list)
    codec: str | None = None
    source_sample_rate_hz: int | None = None

    @property
    def codes(self) -> list[str]:
        return [error.code for error in self.errors]

    @property
    def samples(self) -> Samples:
        return np.frombuffer(self.pcm, np.int16)


async def hear(frames: Iterable[bytes], *, rate_hz: int = 16_000, **options: Any) -> Heard:
    """Feed `frames` to an AudioInput and listen to the end."""
    heard = Heard()
    pieces: list[bytes] = []
    async with AudioInput(sample_rate_hz=rate_hz, **options) as audio, asyncio.TaskGroup() as tasks:
        tasks.create_task(_feed(audio, frames, heard))
        async for item in audio:
            if isinstance(item, AudioError):
                heard.errors.append(item)
            elif isinstance(item, DecodedAudio):
                pieces.append(item.pcm)
        heard.codec, heard.source_sample_rate_hz = audio.codec, audio.source_sample_rate_hz
    heard.pcm = b"".join(pieces)
    return heard


def hear_now(frames: Iterable[bytes], **options: Any) -> Heard:
    """`hear`, for tests that have no event loop."""
    return asyncio.run(hear(frames, **options))


async def _feed(audio: AudioInput, frames: Iterable[bytes], heard: Heard) -> None:
    for frame in frames:
        try:
            await audio.feed(frame)
        except AudioError as error:
            heard.errors.append(error)
    try:
        await audio.finish()
    except AudioError as error:
        heard.errors.append(error)


# --- likeness


def likeness(heard: Samples, original: Samples) -> float:
    """The correlation (-1 to 1) of `heard` with the part of `original` that resembles it most, at any delay. 0 if they
    overlap by less than half of the shorter one."""
    size = 1 << (len(heard) + len(original)).bit_length()
    a, b = heard.astype(np.float64), original.astype(np.float64)
    correlation = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    delay = int(correlation.argmax())
    delay -= size if delay > size // 2 else 0
    a, b = a[max(0, delay) :], b[max(0, -delay) :]
    overlap = min(len(a), len(b))
    if overlap < min(len(heard), len(original)) // 2:
        return 0.0
    a, b = a[:overlap], b[:overlap]
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
