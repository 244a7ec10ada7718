"""Through microphones of many kinds, a person's speech is detected as voice nearly as well as through a good one.

Sources: minutes 814, vue-audio-recorder 53 and brainwave 10 (Bluetooth headsets at 8 and 16 kHz), mic_array 49 and
jsk_3rdparty 148 (arrays of six channels, of which the first is processed), all on GitHub; issue 15 (inverted stereo).
"""

from __future__ import annotations

import struct
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from asr_service.voice.vad import SileroVad, VadStream
from gateway.audio.mono import BLOCK, ChannelChoice
from tests.support.audio import Samples, cut, hear, recorded, resampled, wav

SECONDS = 4


@cache
def speech(rate_hz: int = 48_000) -> Samples:
    samples, recorded_hz = recorded("two_cities")
    return resampled(samples[: SECONDS * recorded_hz], recorded_hz, rate_hz)


@cache
def vad() -> SileroVad:
    return SileroVad()


def is_voice(samples: Samples) -> npt.NDArray[np.bool_]:
    """Whether each window of 32 ms is voice."""
    return np.array([chance > 0.5 for _, chance in VadStream(vad(), 16_000).hear(samples.tobytes())])


def limited(samples: npt.NDArray[np.float64]) -> Samples:
    return np.clip(np.round(samples), -32_768, 32_767).astype(np.int16)


def channels(*each: Samples) -> bytes:
    """A WAV at 48 kHz with these channels."""
    data = bytearray(wav(np.column_stack(each).reshape(-1), 48_000))
    data[22:24], data[32:34] = struct.pack("<H", len(each)), struct.pack("<H", 2 * len(each))
    return bytes(data)


def loudness(sound: npt.NDArray[np.float64], seconds: float) -> npt.NDArray[np.float64]:
    """The mean magnitude around each sample."""
    size = round(seconds * 48_000)
    sums = np.cumsum(np.concatenate([np.zeros(size // 2), np.abs(sound), np.zeros(size - size // 2)]))
    means: npt.NDArray[np.float64] = (sums[size:] - sums[:-size])[: len(sound)] / size
    return means


def through(microphone: str) -> bytes:
    clean = speech()
    sound = clean.astype(np.float64)
    at = np.arange(len(sound))
    noise = np.random.default_rng(1).normal(0, 1, (5, len(sound)))
    match microphone:
        case "silent right channel":
            return channels(clean, np.zeros_like(clean))
        case "inverted right channel":
            return channels(clean, limited(-sound))
        case "array of six, the last the loudspeaker":
            return channels(clean, *(limited(sound / 2 + 200 * one) for one in noise[:4]), limited(6000 * noise[4]))
        case "interface of four, the second in use":
            return channels(np.zeros_like(clean), clean, np.zeros_like(clean), np.zeros_like(clean))
        case "constant offset of 10 %":
            return wav(limited(sound + 3277), 48_000)
        case "constant offset of 30 %":
            return wav(limited(0.6 * sound + 9830), 48_000)
        case "clipped by 30 dB":
            return wav(limited(31 * sound), 48_000)
        case "30 dB softer":
            return wav(limited(sound / 31), 48_000)
        case "hum of 50 Hz":
            return wav(limited(sound + 1000 * np.sin(2 * np.pi * 50 * at / 48_000)), 48_000)
        case "gain control that pumps":
            return wav(limited(sound * np.clip(2000 / np.maximum(loudness(sound, 1.0), 17), 0.1, 20)), 48_000)
        case "noise gate with digital zeros":
            return wav(limited(np.where(loudness(sound, 0.1) > 60, sound, 0)), 48_000)
        case "10 ms lost each second":
            return wav(limited(np.where(at % 48_000 < 480, 0, sound)), 48_000)
        case _:
            rate_hz = int(microphone.removesuffix(" Hz"))
            return wav(speech(rate_hz), rate_hz)


@pytest.mark.parametrize(
    "microphone",
    [
        *("silent right channel", "inverted right channel"),
        *("array of six, the last the loudspeaker", "interface of four, the second in use"),
        *("constant offset of 10 %", "constant offset of 30 %", "clipped by 30 dB", "30 dB softer", "hum of 50 Hz"),
        *("gain control that pumps", "noise gate with digital zeros", "10 ms lost each second"),
        *("8000 Hz", "11025 Hz", "44100 Hz", "96000 Hz", "192000 Hz"),
    ],
)
async def test_a_voice_is_a_voice_through_any_microphone(microphone: str) -> None:
    heard = await hear(cut(through(microphone), 9600))
    assert not heard.errors
    wanted, got = is_voice(speech(16_000)), is_voice(heard.samples)
    assert 0.5 < wanted.mean() < 0.9
    assert np.mean(wanted[: len(got)] != got[: len(wanted)]) < 0.07


@pytest.mark.parametrize("sound", ["zeros", "a constant", "one bit of noise"])
def test_a_microphone_that_delivers_nothing_is_no_voice(sound: str) -> None:
    size = 16_000
    bits = np.random.default_rng(1).integers(-1, 2, size)
    samples = {"zeros": np.zeros(size), "a constant": np.full(size, 500), "one bit of noise": bits}[sound]
    assert not is_voice(samples.astype(np.int16)).any()


def test_however_channels_are_cut_the_same_one_is_heard() -> None:
    sound = np.random.default_rng(1).integers(-9000, 9000, (5 * BLOCK, 3)).astype(np.int16)
    sound[:, 0] //= 100  # 40 dB softer than the others
    whole, choice = ChannelChoice(3).pick(sound), ChannelChoice(3)
    pieces = [choice.pick(piece) for piece in np.split(sound, [7, 800, 801, 2500])]
    assert np.array_equal(np.concatenate(pieces), whole)
    assert np.array_equal(whole[BLOCK:], sound[BLOCK:, 1])  # the first channel that is not much softer than the loudest
