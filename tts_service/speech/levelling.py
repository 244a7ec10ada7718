"""Makes all voices and sentences equally loud.

A sentence's gain is chosen from the sentence's own loudness so far and, because a short sentence ("Yes.") alone is too
little to measure, from the loudness of its voice in earlier sentences. A new gain begins in the silence before a
sentence; within a sentence the gain changes too slowly to be heard. A limiter with look-ahead lowers peaks above the
ceiling. No audio is held back: the look-ahead ends with the current piece.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from common.engine_info import EngineDescription
from tts_service.engine import EngineAudio, EngineVoice, TtsEngine
from tts_service.speech.loudness import LoudnessMeter
from tts_service.text.text_stream import SpeechStream, StreamingTextEngine, streaming

_PRIOR_S = 0.5  # the voice's known loudness weighs at most as much as this length of the sentence
_MEMORY_S = 20.0  # a voice's loudness is remembered over this length of speech
_MAX_GAIN_DB = 20.0
_SLOPE_DB_PER_S = 2.0  # fastest change of the gain within a sentence
_CEILING = 0.89  # -1 dB, because resampling may overshoot a little
_STEP_S = 0.004  # the limiter's step
_ATTACK_DB = 3.0  # per step
_RELEASE_DB = 0.1  # per step


class LevelledEngine:
    """An engine that speaks like `engine`, with every voice at `target_lufs` (ITU-R BS.1770 loudness)."""

    def __init__(self, engine: TtsEngine, target_lufs: float) -> None:
        self._engine = engine
        self._target = target_lufs
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def load(self) -> None:
        self._engine.load()

    def describe(self) -> EngineDescription:
        return self._engine.describe()

    def voices(self) -> Sequence[EngineVoice]:
        return self._engine.voices()

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        leveller = self.leveller(voice)
        for piece in self._engine.synthesize(text, voice=voice, speed=speed, language=language):
            yield replace(piece, pcm=leveller.level(piece.pcm))
        self.learn(voice, leveller)

    def streaming(self) -> StreamingTextEngine | None:
        inner = streaming(self._engine)
        return _LevelledStreamingTextEngine(inner, self) if inner else None

    def leveller(self, voice: EngineVoice) -> Leveller:
        """A Leveller for one sentence of `voice`, or for one reply whose text arrives word by word."""
        with self._lock:
            return Leveller(voice.sample_rate_hz, self._target, self._known.get(voice.id, _Known()))

    def learn(self, voice: EngineVoice, leveller: Leveller) -> None:
        """Remember the loudness of `voice` that `leveller` has measured."""
        with self._lock:
            self._known[voice.id] = self._known.get(voice.id, _Known()).with_more(*leveller.heard())

    def close(self) -> None:
        self._engine.close()


@dataclass(frozen=True, slots=True)
class _LevelledStreamingTextEngine:
    """A StreamingTextEngine whose speech is levelled."""

    inner: StreamingTextEngine
    engine: LevelledEngine

    def start(self, *, voice: EngineVoice, speed: float, language: str) -> SpeechStream:
        stream = self.inner.start(voice=voice, speed=speed, language=language)
        return _LevelledStream(stream, self.engine, voice)


class _LevelledStream:
    """A SpeechStream whose pieces are levelled; see text_stream.py."""

    def __init__(self, stream: SpeechStream, engine: LevelledEngine, voice: EngineVoice) -> None:
        self._stream = stream
        self._engine = engine
        self._voice = voice
        self._leveller: Leveller | None = engine.leveller(voice)

    def push(self, text: str) -> None:
        self._stream.push(text)

    def finish(self) -> None:
        self._stream.finish()

    def next(self) -> EngineAudio | None:
        piece = self._stream.next()
        if piece is None or self._leveller is None:
            return piece
        return replace(piece, pcm=self._leveller.level(piece.pcm))

    def close(self) -> None:
        self._stream.close()
        if self._leveller is not None:
            self._engine.learn(self._voice, self._leveller)
            self._leveller = None


@dataclass(frozen=True, slots=True)
class _Known:
    """The known loudness of a voice, from its last `seconds` of speech. The default suits most voices."""

    lufs: float = -20.0
    seconds: float = 0.1

    def with_more(self, lufs: float, seconds: float) -> _Known:
        """The loudness after `seconds` more speech at `lufs`. Decibels are averaged, so that soft and loud sentences
        count equally."""
        total = self.seconds + seconds
        return _Known((self.lufs * self.seconds + lufs * seconds) / total, min(total, _MEMORY_S))


class Leveller:
    """Levels one sentence that comes in pieces. target: in LUFS. known: the loudness of its voice."""

    def __init__(self, sample_rate_hz: int, target: float, known: _Known) -> None:
        self._rate = sample_rate_hz
        self._target = target
        self._prior = replace(known, seconds=min(known.seconds, _PRIOR_S))
        self._meter = LoudnessMeter(sample_rate_hz)
        self._limiter = Limiter(sample_rate_hz)
        self._gain_db: float | None = None

    def level(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        """`pcm` (float32, shape (samples,)) at the target loudness; the length stays the same."""
        if not pcm.size:
            return pcm
        self._meter.add(pcm)
        wanted = self._wanted_db()
        if self._gain_db is None:
            self._gain_db = wanted
        most = _SLOPE_DB_PER_S * len(pcm) / self._rate
        ends = self._gain_db + float(np.clip(wanted - self._gain_db, -most, most))
        gain = 10 ** (np.linspace(self._gain_db, ends, len(pcm)) / 20)
        self._gain_db = ends
        return self._limiter.limit((pcm * gain).astype(np.float32))

    def heard(self) -> tuple[float, float]:
        """(LUFS, seconds) of the sentence so far, before levelling."""
        return self._meter.measure()

    def _wanted_db(self) -> float:
        guess = self._prior.with_more(*self._meter.measure())
        return float(np.clip(self._target - guess.lufs, -_MAX_GAIN_DB, _MAX_GAIN_DB))


class Limiter:
    """Keeps samples within ±_CEILING: the gain falls before a peak and rises slowly after it."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._step = max(1, round(_STEP_S * sample_rate_hz))
        self._last_db = 0.0

    def limit(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        """`pcm` (float32, shape (samples,)) without samples above the ceiling. The look-ahead ends with `pcm`."""
        steps = -(-len(pcm) // self._step)
        padded = np.zeros(steps * self._step, np.float32)
        padded[: len(pcm)] = pcm
        peaks = np.abs(padded).reshape(steps, self._step).max(axis=1)
        allowed = 20 * np.log10(_CEILING / np.maximum(peaks, _CEILING))  # dB, 0 or less
        # At each step's edge, the gain is one that both neighbouring steps allow. Between edges the gain is linear, so
        # it stays within what they allow.
        edges = np.minimum(np.append(allowed, 0.0), np.append(self._last_db, allowed))
        places = np.arange(len(edges))
        edges = np.minimum.accumulate(edges - _RELEASE_DB * places) + _RELEASE_DB * places
        edges = np.minimum.accumulate((edges - _ATTACK_DB * places[::-1])[::-1])[::-1] + _ATTACK_DB * places[::-1]
        self._last_db = float(edges[-1])
        gain = 10 ** (np.interp(np.arange(len(pcm)), places * self._step, edges) / 20)
        limited: NDArray[np.float32] = (pcm * gain).astype(np.float32)
        return np.clip(limited, -_CEILING, _CEILING)  # rounding may exceed the ceiling by one bit
