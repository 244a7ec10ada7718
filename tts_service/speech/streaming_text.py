"""A reply from an engine that takes text as it arrives: words in, chunks out, on one timeline. See text_stream.py.

    text ── WordSplitter ── normaliser ── engine's stream ── StreamingTextAligner ── chunks

Text becomes speakable word by word. Words whose reading depends on one another ("3 * 4", "5 km") are kept together.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import replace
from itertools import groupby

from tts_service import metrics
from tts_service.engine import EngineAudio, EngineVoice, TtsEngine
from tts_service.speech.synthesis import SpeechChunk, Synthesis
from tts_service.text.captions import CaptionAligner, SpokenWord
from tts_service.text.clauses import Boundary, Clause, ClauseSplitter, Splitter, has_words
from tts_service.text.normalise import Normaliser
from tts_service.text.text_stream import SpeechStream, StreamingTextEngine, streaming

# A space where the text may be cut: the next word begins with a letter, a digit or an opening quotation mark or
# bracket, and the word before ends neither in several dots nor in a sign like "*" or "–". `_next_cut` checks the rest.
_CUT = re.compile(r"(?<=[^\s.…*×–•<-])(?<!\.\.)\s+(?=[^\W_]|[\"'“‘«(¿¡])|(?<=[^.…]\.)\s+(?=[^\W_]|[\"'“‘«(¿¡])")
_OPEN_TAG = re.compile(r"</?[A-Za-z][^<>]*$")
_MAX_CHARS = 400  # without such a space, the text is cut at this length


class WordSplitter(Splitter):
    """Cuts a text into whole words, each with the space after it, as soon as the word is complete.

    Words that `normaliser` reads together stay together.
    """

    def __init__(self, normaliser: Normaliser) -> None:
        super().__init__()
        self._normaliser = normaliser

    def _next_cut(self) -> tuple[int, Boundary] | None:
        for match in _CUT.finditer(self._pending):
            if match.end() > _MAX_CHARS:
                break
            before = self._pending[: match.start()]
            if not has_words(before) or _OPEN_TAG.search(before):
                continue
            match self._normaliser.reads_together(before, self._pending[match.end() :]):
                case None:
                    return None
                case False:
                    return match.end(), Boundary.WORD
        return (_MAX_CHARS, Boundary.WORD) if len(self._pending) > _MAX_CHARS else None


class StreamingTextAligner:
    """Finds the written words of a text that is still growing, in the order in which they are spoken."""

    def __init__(self, normaliser: Normaliser) -> None:
        self._read = normaliser
        self._parts: list[CaptionAligner] = []
        self._places: list[int] = []  # where each part begins in the whole text that the engine got
        self._length = 0
        self.estimated = False

    def add(self, clause: Clause) -> str:
        """Take the next part of the text. Returns its speakable form; "" if nothing in it can be spoken."""
        said = self._read(clause.text)
        if not said:
            return ""
        self._parts.append(CaptionAligner(clause, said))
        self._places.append(self._length)
        self._length += len(said.text) + 1  # the space between parts
        return said.text + " "

    def words(self, audio: EngineAudio, begins: int, ratio: float) -> tuple[SpokenWord, ...]:
        """The written words that begin in `audio`; see CaptionAligner.words."""
        self.estimated |= audio.timing_estimated
        words: list[SpokenWord] = []
        for number, of_part in groupby(audio.words or (), lambda word: bisect_right(self._places, word.text_start) - 1):
            place = self._places[number]
            own = tuple(
                replace(word, text_start=word.text_start - place, text_end=word.text_end - place) for word in of_part
            )
            words += self._parts[number].words(EngineAudio(audio.pcm, own), begins, ratio)
        return tuple(words)

    def end_after(self, word: SpokenWord) -> int:
        """Where the text that belongs to `word` ends, in characters of the reply."""
        number = bisect_right([part.text_start for part in self._parts], word.text_start) - 1
        return self._parts[number].end_after(word)


class StreamingTextSynthesis(Synthesis):
    """A Synthesis that takes its text word by word.

    Call `push` for each word, `end_text` after the last one, and `advance` until it returns None.
    """

    def __init__(
        self,
        engine: TtsEngine,
        voice: EngineVoice,
        *,
        streaming_engine: StreamingTextEngine,
        sample_rate_hz: int,
        speed: float = 1.0,
        language: str = "",
    ) -> None:
        super().__init__(engine, voice, sample_rate_hz=sample_rate_hz, speed=speed, language=language)
        self._streaming = streaming_engine
        self._captions = StreamingTextAligner(self.normaliser)
        self._stream: SpeechStream | None = None
        self._written = 0

    def push(self, clause: Clause) -> None:
        """Take the next word of the text. Raises BusyError if the first word finds no free place on the model."""
        if said := self._captions.add(clause):
            if self._stream is None:
                self._stream = self._streaming.start(voice=self._voice, speed=self._speed, language=self._language)
            self._stream.push(said)
        self._written = clause.text_end
        metrics.CHARACTERS.inc(len(clause.text))

    def end_text(self) -> None:
        """Note that there is no more text."""
        if self._stream is not None:
            self._stream.finish()

    def advance(self) -> list[SpeechChunk] | None:
        """The next chunks; the list may be empty. None: the engine needs more text or, after `end_text`, is done."""
        if self._stream is None:
            return None
        piece = self._timed(self._stream.next)
        if piece is None:
            return None
        return self._chunks(piece, self._captions) if piece.pcm.size else []

    def finish(self) -> list[SpeechChunk]:
        """The last few milliseconds of speech, and a chunk without audio for text that no word covers."""
        chunks = super().finish()
        if self._text_end < self._written:
            chunks.append(self._silent(self._written))
        return chunks

    def close(self) -> None:
        """Stop the engine, even in the middle of the text."""
        if self._stream is not None:
            self._stream.close()


def create_synthesis(
    engine: TtsEngine, voice: EngineVoice, *, sample_rate_hz: int, speed: float, language: str
) -> Synthesis:
    """The speech of one reply: a StreamingTextSynthesis if the engine takes text as it arrives, otherwise a
    Synthesis."""
    streaming_engine = streaming(engine)
    if streaming_engine is None:
        return Synthesis(engine, voice, sample_rate_hz=sample_rate_hz, speed=speed, language=language)
    return StreamingTextSynthesis(
        engine, voice, streaming_engine=streaming_engine, sample_rate_hz=sample_rate_hz, speed=speed, language=language
    )


def splitter_for(reply: Synthesis) -> Splitter:
    """A splitter that cuts the text of `reply` as it arrives: into words for a StreamingTextSynthesis, otherwise into
    clauses."""
    if isinstance(reply, StreamingTextSynthesis):
        return WordSplitter(reply.normaliser)
    return ClauseSplitter(eager=not reply.whole_sentences, language=reply.spoken_language)
