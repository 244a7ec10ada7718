"""Loudness of the real voice: measured as FFmpeg measures it, and even, however loud it comes and in what pieces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
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

from tests.support.tts import STORY, settings
from tts_service.clauses import ClauseSplitter
from tts_service.engine import EngineAudio, EngineVoice
from tts_service.engines.piper import PiperTts
from tts_service.levelling import LevelledEngine, Limiter
from tts_service.loudness import LoudnessMeter, lufs_of
from tts_service.reply import Reply

TARGET = -20.0
CEILING = 0.89


@cache
def piper() -> PiperTts:
    engine = PiperTts(settings(), "")
    engine.load()
    return engine


class ScaledPiper(PiperTts):
    """The real voice, louder or softer by sentence, in pieces of `piece_s`."""

    def __init__(self, scales: list[float], piece_s: float = 0.0) -> None:
        super().__init__(settings(), "")
        self._scales = itertools.cycle(scales)
        self._piece_s = piece_s

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        scale = next(self._scales)
        for audio in super().synthesize(text, voice=voice, speed=speed, language=language):
            pcm = audio.pcm * np.float32(scale)
            if not self._piece_s:
                yield replace(audio, pcm=pcm)
                continue
            size = round(self._piece_s * voice.sample_rate_hz)
            for begin in range(0, len(pcm), size):
                yield EngineAudio(pcm[begin : begin + size], audio.words if not begin else ())


def lufs(pcm: NDArray[np.float32], rate: int) -> float:
    meter = LoudnessMeter(rate)
    meter.add(pcm)
    return lufs_of(meter.measure()[0])


def levelled(engine: PiperTts, text: str, target: float = TARGET) -> NDArray[np.float32]:
    engine.load()
    outer = LevelledEngine(engine, target)
    return say(outer, text)


def say(engine: LevelledEngine | PiperTts, text: str) -> NDArray[np.float32]:
    pieces = engine.synthesize(text, voice=engine.voices()[0], speed=1.0, language="")
    return np.concatenate([piece.pcm for piece in pieces])


def ffmpeg_lufs(pcm: NDArray[np.float32], rate: int) -> float:
    """What FFmpeg's `ebur128` filter says; mono is what BS.1770 calls one channel."""
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
        told = float(out.metadata.get("lavfi.r128.I", told))  # type: ignore[union-attr]


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000])
def test_a_full_sine_has_the_loudness_of_the_standard(rate: int) -> None:
    sine = np.sin(2 * np.pi * 997 * np.arange(5 * rate) / rate).astype(np.float32)
    assert lufs(sine, rate) == pytest.approx(-3.01, abs=0.05)


def test_speech_is_as_loud_as_ffmpeg_says() -> None:
    speech = say(piper(), STORY)
    rate = piper().voices()[0].sample_rate_hz
    assert lufs(speech, rate) == pytest.approx(ffmpeg_lufs(speech, rate), abs=0.3)


@pytest.mark.parametrize("scale", [0.12, 0.4, 1.0])
def test_however_loud_a_voice_is_it_comes_out_alike(scale: float) -> None:
    speech = levelled(ScaledPiper([scale]), STORY)
    rate = piper().voices()[0].sample_rate_hz
    assert lufs(speech, rate) == pytest.approx(TARGET, abs=0.7)
    assert np.abs(speech).max() <= CEILING


@pytest.mark.parametrize("piece_s", [0.0, 0.08])
def test_sentences_of_one_reply_are_even(piece_s: float) -> None:
    """One sentence comes 20 dB softer than the next, whole or in pieces of 80 ms."""
    engine = ScaledPiper([1.0, 0.1, 0.3], piece_s)
    engine.load()
    outer = LevelledEngine(engine, TARGET)
    rate = engine.voices()[0].sample_rate_hz
    for sentence in ["The voice is ready."] * 3:
        say(outer, sentence)
    heard = [
        lufs(say(outer, sentence), rate)
        for sentence in ClauseSplitter(eager=False).push(STORY)
        for sentence in [sentence.text]
    ]
    assert max(heard) - min(heard) < (2.0 if not piece_s else 6.0)


def test_within_a_sentence_the_gain_is_slow() -> None:
    """In 80 ms pieces, compared with what came in: never more than 2 dB a second, the limiter apart."""
    engine = ScaledPiper([0.1], 0.08)
    engine.load()
    voice = engine.voices()[0]
    outer = LevelledEngine(engine, -30.0)
    came = [piece.pcm for piece in engine.synthesize(STORY, voice=voice, speed=1.0, language="")]
    out = [piece.pcm for piece in outer.synthesize(STORY, voice=voice, speed=1.0, language="")]
    assert [piece.size for piece in came] == [piece.size for piece in out]
    gains = []
    for before, after in zip(came, out, strict=True):
        loudest = int(np.abs(before).argmax())
        if abs(before[loudest]) > 0.001:
            gains.append(20 * np.log10(abs(after[loudest] / before[loudest])))
    assert max(abs(b - a) for a, b in itertools.pairwise(gains)) < 0.5


def test_the_first_piece_does_not_wait_and_silence_stays_silence() -> None:
    outer = LevelledEngine(piper(), TARGET)
    pieces = outer.synthesize(STORY, voice=piper().voices()[0], speed=1.0, language="")
    assert next(pieces).pcm.size
    assert not Limiter(24_000).limit(np.zeros(1000, np.float32)).any()


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
        assert (np.sign(out) == np.sign(pcm)).all()


def test_a_loud_target_does_not_clip_after_resampling() -> None:
    engine = LevelledEngine(ScaledPiper([1.0]), -10.0)
    engine.load()
    reply = Reply(engine, engine.voices()[0], sample_rate_hz=48_000)
    splitter = ClauseSplitter()
    clauses = [*splitter.push(STORY), *splitter.finish()]
    data = b"".join(chunk.pcm for clause in clauses for piece in reply.speak(clause) for chunk in piece)
    assert 0.7 * 32767 < np.abs(np.frombuffer(data, "<i2").astype(int)).max() < 32767
