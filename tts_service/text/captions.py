"""Maps the words that an engine speaks to the words as written. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from tts_service.engine import EngineAudio
from tts_service.text.clauses import Clause
from tts_service.text.speakable import Speakable
from tts_service.text.words import estimate_words, written_words


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word as written. Places are in the reply's text, times in samples of the reply's speech."""

    text: str
    text_start: int
    text_end: int
    start_sample: int
    end_sample: int


class CaptionAligner:
    """The written words of one clause, in the order in which they are spoken. estimated: whether any word time so far
    was estimated, not reported by the engine."""

    def __init__(self, clause: Clause, said: Speakable) -> None:
        self._clause = clause
        self._said = said
        self._written = written_words(clause.text)
        self._starts = [start for start, _ in self._written]
        # Where the reading of each written word ends in the spoken text. A web address is written but has no reading.
        self._ends = {
            self._word_at(origin): place
            for place, (char, origin) in enumerate(zip(said.text, said.origins, strict=True), start=1)
            if char.isalnum()
        }
        self._heard = sorted(self._ends)
        self._last = -1
        self.estimated = False

    @property
    def text_start(self) -> int:
        """Where the clause begins in the reply's text."""
        return self._clause.text_start

    def words(self, audio: EngineAudio, begins: int, ratio: float) -> tuple[SpokenWord, ...]:
        """The written words that begin in `audio`. begins: where `audio` begins in the reply, in samples at the voice's
        rate. ratio: the reply's rate divided by the voice's rate. Several spoken words may be one written word
        ("$3.50"). Then the written word ends with the last of them, or with `audio` if that one is in a later piece."""
        self.estimated |= audio.timing_estimated or audio.words is None
        told = estimate_words(self._said.text, audio.pcm.size) if audio.words is None else audio.words
        words: list[SpokenWord] = []
        for word in told:
            start, end = round((begins + word.start_sample) * ratio), round((begins + word.end_sample) * ratio)
            first_sound = next(i for i in range(word.text_start, word.text_end) if self._said.text[i].isalnum())
            number = self._word_at(self._said.origins[first_sound])
            if number > self._last:
                self._last = number
                words.append(self._spoken(number, start, end))
            elif words:
                words[-1] = self._spoken(self._last, words[-1].start_sample, end)
        if words and told[-1].text_end < self._ends[self._last]:
            piece_end = round((begins + audio.pcm.size) * ratio)
            words[-1] = self._spoken(self._last, words[-1].start_sample, max(words[-1].end_sample, piece_end))
        return tuple(words)

    def end_after(self, word: SpokenWord) -> int:
        """Where the text that belongs to `word` ends: at the next spoken word, or with the clause."""
        number = self._word_at(word.text_start - self._clause.text_start)
        following = bisect_right(self._heard, number)
        if following == len(self._heard):
            return self._clause.text_end
        return self._clause.text_start + self._starts[self._heard[following]]

    def _word_at(self, place: int) -> int:
        """The number of the written word at or before `place` in the clause."""
        return max(0, bisect_right(self._starts, place) - 1)

    def _spoken(self, number: int, start_sample: int, end_sample: int) -> SpokenWord:
        start, end = self._written[number]
        offset = self._clause.text_start
        return SpokenWord(self._clause.text[start:end], offset + start, offset + end, start_sample, end_sample)
