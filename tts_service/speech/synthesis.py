"""One reply's speech: clauses in, chunks of 16-bit PCM out, on one timeline. Blocking; for one thread at a time.

    clause ── normaliser ── engine ── resampler ── chunks of at most 0.15 s

Every chunk says which characters it voices: those of the words that begin in it, with the space after them. The ranges
of a reply's chunks follow one another and cover the whole text. A clause that can't be spoken becomes a chunk without
audio.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from tts_service import metrics
from tts_service.engine import EngineAudio, EngineVoice, TtsEngine
from tts_service.text.captions import CaptionAligner, SpokenWord
from tts_service.text.clauses import Boundary, Clause
from tts_service.text.normalise import normaliser_for
from tts_service.voices import spoken_language

_CHUNK_S = 0.15
# Silence between clauses, in addition to the silence at the edges of each clause (together 0.1 s).
_PAUSE_S = {Boundary.SENTENCE: 0.12, Boundary.PHRASE: 0.05, Boundary.WORD: 0.0}


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """Speech that voices the characters [text_start, text_end) of the reply.

    pcm: 16-bit little-endian mono. start_sample: its place in the reply, in samples. timing_estimated: the words' times
    are partly a guess.
    """

    pcm: bytes
    start_sample: int
    text_start: int
    text_end: int
    words: tuple[SpokenWord, ...]
    timing_estimated: bool


class Captioner(Protocol):
    """Finds the written words of audio: CaptionAligner or StreamingTextAligner."""

    estimated: bool

    def words(self, audio: EngineAudio, begins: int, ratio: float) -> tuple[SpokenWord, ...]:
        """The written words that begin in `audio`; see CaptionAligner.words."""

    def end_after(self, word: SpokenWord) -> int:
        """Where the text that belongs to `word` ends, in characters of the reply."""


class Synthesis:
    """Speaks clauses, in the order of the text, at `sample_rate_hz`."""

    def __init__(
        self, engine: TtsEngine, voice: EngineVoice, *, sample_rate_hz: int, speed: float = 1.0, language: str = ""
    ) -> None:
        self._engine = engine
        self._voice = voice
        self._speed = speed
        self._language = language
        self.spoken_language = spoken_language(voice, language)
        self.whole_sentences = voice.whole_sentences
        self.normaliser = normaliser_for(self.spoken_language)
        self.sample_rate_hz = sample_rate_hz
        self._resampler = soxr.ResampleStream(voice.sample_rate_hz, sample_rate_hz, 1, dtype="float32")
        self._native_samples = 0  # samples that the resampler has taken so far
        self._samples = 0  # samples in the chunks so far
        self._text_end = 0  # where the text of the last chunk ends
        self._pause_s = 0.0  # silence before the next clause

    def speak(self, clause: Clause) -> Generator[list[SpeechChunk], None, None]:
        """The chunks of `clause`, a list for each piece that the engine makes. Closing the iterator ends the work."""
        said = self.normaliser(clause.text)
        if said:
            captions = CaptionAligner(clause, said)
            pieces = self._engine.synthesize(said.text, voice=self._voice, speed=self._speed, language=self._language)
            while (piece := self._timed(partial(next, pieces, None))) is not None:
                yield self._chunks(piece, captions)
            self._pause_s = _PAUSE_S[clause.boundary]
        if self._text_end < clause.text_end:
            yield [self._silent(clause.text_end)]
        metrics.CHARACTERS.inc(len(clause.text))

    def finish(self) -> list[SpeechChunk]:
        """The last few milliseconds of speech, which the resampler still holds."""
        rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        return [self._chunk(rest, self._text_end)] if rest.size else []

    def _silent(self, text_end: int) -> SpeechChunk:
        """A chunk without audio, for text that can't be spoken."""
        return self._chunk(np.zeros(0, np.float32), text_end)

    def _timed(self, make: Callable[[], EngineAudio | None]) -> EngineAudio | None:
        began = time.perf_counter()
        piece = make()
        if piece is not None and piece.pcm.size:
            seconds = piece.pcm.size / self._voice.sample_rate_hz
            metrics.AUDIO_SECONDS.inc(seconds)
            metrics.REAL_TIME_FACTOR.observe((time.perf_counter() - began) / seconds)
        return piece

    def _chunks(self, piece: EngineAudio, captions: Captioner) -> list[SpeechChunk]:
        """The pause that is due and then `piece`, at the reply's sample rate, in chunks of equal length with their
        words."""
        pause = np.zeros(round(self._pause_s * self._voice.sample_rate_hz), np.float32)
        self._pause_s = 0.0
        begins = self._native_samples + pause.size
        words = captions.words(piece, begins, self.sample_rate_hz / self._voice.sample_rate_hz)
        self._native_samples = begins + piece.pcm.size
        speech = self._resampler.resample_chunk(np.concatenate([pause, piece.pcm]))
        parts = np.array_split(speech, math.ceil(speech.size / (_CHUNK_S * self.sample_rate_hz)) or 1)
        chunks = []
        for number, part in enumerate(parts, start=1):
            ends = self._samples + part.size if number < len(parts) else math.inf
            begun = tuple(word for word in words if word.start_sample < ends)
            words = words[len(begun) :]
            text_end = captions.end_after(begun[-1]) if begun else self._text_end
            chunks.append(self._chunk(part, text_end, begun, estimated=captions.estimated))
        return chunks

    def _chunk(
        self,
        speech: NDArray[np.float32],
        text_end: int,
        words: tuple[SpokenWord, ...] = (),
        *,
        estimated: bool = False,
    ) -> SpeechChunk:
        """The next chunk; it continues the last one in speech and in text."""
        pcm = (np.clip(speech, -1.0, 1.0) * 32767.0).round().astype("<i2").tobytes()
        chunk = SpeechChunk(pcm, self._samples, self._text_end, text_end, words, estimated)
        self._samples += speech.size
        self._text_end = text_end
        return chunk
