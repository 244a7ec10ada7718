"""The voice detector and the resampler with the real network: the result doesn't depend on how the stream is cut."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_service.audio import Resampler, check_pcm, check_rate
from asr_service.voice.vad import WINDOW, SileroVad, VadStream, find_silero
from common.errors import InvalidInputError
from tests.support.asr import beckett_path, read_wav


@cache
def vad() -> SileroVad:
    return SileroVad()


@cache
def beckett_bytes() -> bytes:
    return read_wav(beckett_path())[0][: 16_000 * 3].tobytes()


def hear(rate: int, pieces: list[bytes]) -> tuple[list[float], bytes]:
    ear = VadStream(vad(), rate)
    windows = [window for piece in pieces for window in ear.hear(piece)] + ear.flush()
    return [probability for _, probability in windows], b"".join(audio.tobytes() for audio, _ in windows)


@settings(deadline=None, max_examples=10)
@given(
    rate=st.sampled_from([8_000, 16_000, 22_050, 44_100, 48_000]),
    cuts=st.lists(st.integers(0, 48_000), max_size=40),
)
def test_any_chunking_gives_the_same_windows_and_probabilities(rate: int, cuts: list[int]) -> None:
    pcm = beckett_bytes()
    edges = [0, *sorted(2 * cut for cut in cuts), len(pcm)]
    pieces = [pcm[begin:end] for begin, end in pairwise(edges)]
    assert hear(rate, pieces) == hear(rate, [pcm])


def test_a_voice_is_told_from_silence() -> None:
    probabilities, _ = hear(16_000, [beckett_bytes(), bytes(64_000)])
    assert max(probabilities[:10]) < 0.3  # before the first word
    assert min(probabilities[15:30]) > 0.7  # "ever tried"
    assert max(probabilities[-55:]) < 0.1  # digital silence


def test_the_network_for_several_windows_says_what_the_one_for_each_says() -> None:
    one_by_one = onnxruntime.InferenceSession(find_silero().with_name("silero_vad.onnx"))
    state, before, expected = np.zeros((2, 1, 128), np.float32), np.zeros((1, 64), np.float32), []
    heard = VadStream(vad(), 16_000).hear(beckett_bytes())
    for window, _ in heard:
        audio = np.concatenate([before, window[np.newaxis]], axis=1)
        probability, state = one_by_one.run(None, {"input": audio, "state": state, "sr": np.array(16_000)})
        before = audio[:, -64:]
        expected.append(probability.item())
    assert [p for _, p in heard] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
def test_resampling_shifts_nothing_and_loses_nothing(rate: int) -> None:
    click = np.zeros(2 * rate, np.int16)
    click[rate] = 30_000
    resampler = Resampler(rate)
    pieces = [resampler.feed(click[begin : begin + 441].tobytes()) for begin in range(0, len(click), 441)]
    audio = np.concatenate([*pieces, resampler.feed(b"", last=True)])
    assert len(audio) == pytest.approx(32_000, abs=1)
    assert np.argmax(np.abs(audio)) == pytest.approx(16_000, abs=2)


def test_the_last_window_is_filled_up() -> None:
    probabilities, audio = hear(16_000, [bytes(2 * (WINDOW + 1))])
    assert len(probabilities) == 2
    assert len(audio) == 2 * WINDOW * 4


def test_bad_audio_is_named() -> None:
    with pytest.raises(InvalidInputError, match="odd number of bytes"):
        check_pcm(bytes(3))
    for rate in (-1, 0, 7_999, 48_001):
        with pytest.raises(InvalidInputError, match=f"sample_rate_hz is {rate}"):
            check_rate(rate)
