"""Turns a stream of raw audio into pieces of speech at the wanted tempo, each with its words. The first piece is faded
in, and the last one is faded out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tts_service.engine import EngineAudio, EngineWord
from tts_service.engines.tempo import Tempo
from tts_service.text.words import written_words

_FADE_S = 0.01
_LETTERS_PER_S = 15.0  # in English speech, not counting spaces


class PieceMaker:
    """Takes audio as the model makes it, and gives pieces.

    Call `tell` with the words in order, before `add` gets the audio in which they begin. Their times refer to the audio
    that `add` gets. If words are left at the end of the audio, the last piece gets them, and all its words are spread
    evenly over it. estimated: the times are a guess; if so, a word ends within the piece in which it begins.
    """

    def __init__(self, sample_rate_hz: int, speed: float = 1.0, *, estimated: bool) -> None:
        self._tempo = Tempo(sample_rate_hz, speed)
        self._speed = speed
        self._fade = np.linspace(0, 1, round(_FADE_S * sample_rate_hz), dtype=np.float32)
        self._estimated = estimated
        self._words: deque[EngineWord] = deque()
        self._held = np.zeros(0, np.float32)  # held back because it may be the end, which fades out
        self._given = 0

    def tell(self, words: Iterable[EngineWord]) -> None:
        """Announce the next words."""
        self._words += (
            EngineWord(w.text_start, w.text_end, round(w.start_sample / self._speed), round(w.end_sample / self._speed))
            for w in words
        )

    def add(self, pcm: NDArray[np.float32]) -> EngineAudio | None:
        """Take audio. Returns the next piece if there is enough for one. pcm: float32, mono, shape (samples,)."""
        ready = np.concatenate([self._held, self._tempo.push(pcm)])
        cut = len(ready) - len(self._fade)
        if cut <= len(self._fade):
            self._held = ready
            return None
        self._held = ready[cut:]
        return self._piece(ready[:cut])

    def finish(self) -> EngineAudio:
        """The last piece, with all remaining words."""
        rest = np.concatenate([self._held, self._tempo.finish()])
        fade = self._fade[: len(rest)][::-1]
        rest[len(rest) - len(fade) :] *= fade
        return self._piece(rest, last=True)

    def _piece(self, pcm: NDArray[np.float32], *, last: bool = False) -> EngineAudio:
        pcm = np.clip(pcm, -1.0, 1.0)
        if not self._given:
            pcm[: len(self._fade)] *= self._fade[: len(pcm)]
        begins, self._given = self._given, self._given + len(pcm)
        words = []
        while self._words and self._words[0].start_sample < self._given:
            word = self._words.popleft()
            start = max(0, word.start_sample - begins)
            end = max(start + 1, word.end_sample - begins)
            # A guessed word ends within its piece, because the next piece may contain all remaining words.
            words.append(
                EngineWord(word.text_start, word.text_end, start, min(end, len(pcm)) if self._estimated else end)
            )
        if last and self._words:
            words = _squeezed([*words, *self._words], len(pcm))
            self._words.clear()
        return EngineAudio(pcm, tuple(words), self._estimated)


def paced_words(text: str, sample_rate_hz: int) -> list[EngineWord]:
    """A guess of when the words of `text` will be said, at a usual pace. It is made before there is any audio."""
    words, letters = [], 1
    for start, end in written_words(text):
        begins, letters = letters, letters + end - start
        words.append(EngineWord(start, end, *(round(at / _LETTERS_PER_S * sample_rate_hz) for at in (begins, letters))))
    return words


def _squeezed(words: list[EngineWord], samples: int) -> list[EngineWord]:
    """`words` spread evenly over `samples` samples."""
    places = [samples * number // len(words) for number in range(len(words) + 1)]
    return [
        EngineWord(word.text_start, word.text_end, places[number], places[number + 1])
        for number, word in enumerate(words)
    ]
