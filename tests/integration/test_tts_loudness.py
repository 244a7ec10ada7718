"""Loudness of the real voice: our measurement agrees with FFmpeg's, and the loudness is even, however loud the engine
is and in whatever pieces it speaks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import av
import numpy as np
import pytest
from av.error import BlockingIOError, EOFError  # noqa: A004
from av.filter import Graph
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from common.engine_info import EngineDescription
from tests.support.tts import settings
from tts_service.engine import EngineAudio, EngineVoice, TtsEngine
from tts_service.engines.piper import PiperTts
from tts_service.speech.levelling import LevelledEngine, Limiter
from tts_service.speech.loudness import LoudnessMeter
from tts_service.speech.synthesis import Synthesis
from tts_service.text.clauses import Boundary, Clause

SENTENCES = (
    "Yesterday, Doctor Smith walked along the river with his two dogs.",
    "It was a warm evening, and many people were sitting outside the cafes.",
    "What would you like to talk about today?",
)
RATE = 22_050
TARGET = -20.0
CEILING = 0.89


@cache
def recorded() -> tuple[EngineVoice, dict[str, NDArray[np.float32]]]:
    """The real voice and its sound of each sentence, scaled to a peak of 0.9. The sentences are recorded once, because
    the voice never says a sentence twice in the same way."""
    engine = PiperTts(settings(), "")
    engine.load()
    voice = engine.voices()[0]
    said = {text: np.concatenate(say(engine, text)) for text in SENTENCES}
    return voice, {text: pcm * np.float32(0.9 / np.abs(pcm).max()) for text, pcm in said.items()}


class ReplayedVoice:
    """An engine that plays the recorded voice. scales: the factors for the sentences' volume, in turn. piece_s: the
    length of a piece; by default it is longer than a sentence."""

    def __init__(self, *scales: float, piece_s: float = 60.0) -> None:
        self._scales = itertools.cycle(scales)
        self._piece_s = piece_s

    def load(self) -> None: ...

    def describe(self) -> EngineDescription:
        return EngineDescription("replayed", "replayed", "cpu")

    def voices(self) -> list[EngineVoice]:
        return [recorded()[0]]

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        pcm = recorded()[1][text] * np.float32(next(self._scales))
        size = round(self._piece_s * voice.sample_rate_hz)
        for begin in range(0, len(pcm), size):
            yield EngineAudio(pcm[begin : begin + size], ())

    def close(self) -> None: ...


def levelled(*scales: float, piece_s: float = 60.0, target: float = TARGET) -> TtsEngine:
    return LevelledEngine(ReplayedVoice(*scales, piece_s=piece_s), target)


def lufs(pcm: NDArray[np.float32], rate: int) -> float:
    meter = LoudnessMeter(rate)
    meter.add(pcm)
    return meter.measure()[0]


def say(engine: TtsEngine, text: str) -> list[NDArray[np.float32]]:
    pieces = engine.synthesize(text, voice=engine.voices()[0], speed=1.0, language="")
    return [piece.pcm for piece in pieces]


def story(engine: TtsEngine) -> NDArray[np.float32]:
    return np.concatenate([pcm for sentence in SENTENCES for pcm in say(engine, sentence)])


def spread(engine: TtsEngine) -> float:
    """The difference in LU between the loudest and the softest sentence."""
    heard = [lufs(np.concatenate(say(engine, sentence)), RATE) for sentence in SENTENCES]
    return max(heard) - min(heard)


def ffmpeg_lufs(pcm: NDArray[np.float32], rate: int) -> float:
    """The loudness by FFmpeg's filter `ebur128`. Mono counts as one channel, as in BS.1770."""
    graph = Graph()
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate))
    graph.link_nodes(source, graph.add("ebur128", "metadata=1"), graph.add("abuffersink")).configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[None], format="flt", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    graph.push(frame)
    graph.push(None)
    told = -np.inf
    while True:
        try:
            out = graph.pull()
        except (BlockingIOError, EOFError):
            return told
        told = float(out.metadata.get("lavfi.r128.I", told))


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000])
def test_a_full_sine_has_the_loudness_of_the_standard(rate: int) -> None:
    sine = np.sin(2 * np.pi * 997 * np.arange(5 * rate) / rate).astype(np.float32)
    assert lufs(sine, rate) == pytest.approx(-3.01, abs=0.05)


def test_speech_is_as_loud_as_ffmpeg_says() -> None:
    speech = story(ReplayedVoice(1.0))
    assert lufs(speech, RATE) == pytest.approx(ffmpeg_lufs(speech, RATE), abs=0.3)


@pytest.mark.parametrize("scale", [0.2, 0.5, 1.0])
def test_however_loud_a_voice_is_it_comes_out_alike(scale: float) -> None:
    engine = levelled(scale)
    speech = story(engine)
    assert lufs(speech, RATE) == pytest.approx(TARGET, abs=1.0)
    assert np.abs(speech).max() <= CEILING


def test_whole_sentences_of_one_reply_are_even() -> None:
    assert spread(ReplayedVoice(1.0, 0.12, 0.4)) > 15
    assert spread(levelled(1.0, 0.12, 0.4)) < 3


def test_streamed_sentences_of_one_reply_are_evener_than_they_came() -> None:
    """With pieces of 80 ms the gain changes slowly, so a sentence profits from the loudness that was measured in the
    sentence before it."""
    engine = levelled(0.3, piece_s=0.08)
    story(engine)
    assert lufs(story(engine), RATE) == pytest.approx(TARGET, abs=1.5)
    assert spread(levelled(1.0, 0.5, 0.7, piece_s=0.08)) < spread(ReplayedVoice(1.0, 0.5, 0.7))


def test_within_a_sentence_the_gain_is_slow() -> None:
    """The gain changes by at most 2 dB a second. The target is so low that the limiter does nothing."""
    before = say(ReplayedVoice(0.1, piece_s=0.08), SENTENCES[0])
    after = say(levelled(0.1, piece_s=0.08, target=-30.0), SENTENCES[0])
    gains = []
    for came, went in zip(before, after, strict=True):
        loudest = int(np.abs(came).argmax())
        gains.append(20 * np.log10(abs(went[loudest] / came[loudest])))
    assert max(abs(b - a) for a, b in itertools.pairwise(gains)) < 2 * 2.0 * 0.08 + 0.01
    assert gains[-1] != gains[0]


def test_silence_stays_silence_and_nothing_is_held_back() -> None:
    engine = levelled(0.0)
    said = say(engine, SENTENCES[0])
    assert [pcm.size for pcm in said] == [recorded()[1][SENTENCES[0]].size]
    assert not said[0].any()


@given(
    st.lists(st.tuples(st.integers(1, 3000), st.floats(0, 8), st.integers(0, 9)), min_size=1, max_size=6),
    st.sampled_from([8000, 22_050, 48_000]),
)
def test_the_limiter_never_clips(pieces: list[tuple[int, float, int]], rate: int) -> None:
    limiter = Limiter(rate)
    for size, loudness, seed in pieces:
        pcm = (np.random.default_rng(seed).standard_normal(size) * loudness).astype(np.float32)
        out = limiter.limit(pcm)
        assert out.shape == pcm.shape
        assert np.abs(out).max() <= CEILING + 1e-4
        assert (out * pcm >= 0).all()


def test_a_loud_target_does_not_clip_after_resampling() -> None:
    engine = levelled(1.0, target=-10.0)
    reply = Synthesis(engine, engine.voices()[0], sample_rate_hz=48_000)
    clauses = [Clause(text, 0, len(text), Boundary.SENTENCE) for text in SENTENCES]
    data = b"".join(chunk.pcm for clause in clauses for piece in reply.speak(clause) for chunk in piece)
    assert 0.7 * 32767 < np.abs(np.frombuffer(data, "<i2").astype(int)).max() < 32767
