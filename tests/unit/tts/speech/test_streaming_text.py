"""Text that arrives word by word: where it is cut, and how spoken words are mapped back to written ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.engine_info import EngineDescription
from tts_service.engine import EngineAudio, EngineVoice, EngineWord, TtsEngine
from tts_service.engines.fallback import FallbackEngine
from tts_service.engines.pieces import PieceMaker, paced_words
from tts_service.speech.levelling import LevelledEngine
from tts_service.speech.streaming_text import StreamingTextSynthesis, WordSplitter, create_synthesis
from tts_service.speech.synthesis import SpeechChunk
from tts_service.text.normalise import normaliser_for
from tts_service.text.text_stream import streaming
from tts_service.text.words import written_words

VOICE = EngineVoice("amy", "Amy", "en-US", 16_000)
TEXTS = st.lists(
    st.sampled_from([*"ab .,!?\n", "3 * 4 ", "😀 ", "https://x.com/y ", "**so** ", "… ", " - ", "<b>"])
).map("".join)


class WordStream:
    """Speaks each word, in 100 samples, as soon as the next word or the end of the text is known."""

    def __init__(self) -> None:
        self.text = ""
        self.finished = self.closed = False
        self.said = 0

    def push(self, text: str) -> None:
        assert not self.finished
        self.text += text

    def finish(self) -> None:
        self.finished = True

    def next(self) -> EngineAudio | None:
        words = written_words(self.text)
        if self.said >= len(words) - (not self.finished):
            return None
        self.said += 1
        return EngineAudio(np.full(100, 0.5, np.float32), (EngineWord(*words[self.said - 1], 0, 100),))

    def close(self) -> None:
        self.closed = True


class PlainEngine:
    """An engine that takes whole clauses."""

    def load(self) -> None: ...

    def describe(self) -> EngineDescription:
        return EngineDescription("words", "words", "cpu")

    def voices(self) -> Sequence[EngineVoice]:
        return [VOICE]

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        raise NotImplementedError

    def close(self) -> None: ...


class WordEngine(PlainEngine):
    """An engine that takes text as it arrives."""

    def __init__(self) -> None:
        self.streams: list[WordStream] = []

    def start(self, *, voice: EngineVoice, speed: float, language: str) -> WordStream:
        self.streams.append(WordStream())
        return self.streams[-1]


def spoken(text: str, size: int, engine: TtsEngine | None = None) -> list[SpeechChunk]:
    reply = create_synthesis(engine or WordEngine(), VOICE, sample_rate_hz=16_000, speed=1.0, language="")
    assert isinstance(reply, StreamingTextSynthesis)
    splitter = WordSplitter(normaliser_for("en"))
    chunks: list[SpeechChunk] = []
    for begin in range(0, len(text), size):
        for clause in splitter.push(text[begin : begin + size]):
            reply.push(clause)
            chunks += itertools.chain(*iter(reply.advance, None))
    for clause in splitter.finish():
        reply.push(clause)
    reply.end_text()
    chunks += itertools.chain(*iter(reply.advance, None))
    chunks += reply.finish()
    reply.close()
    return chunks


@given(TEXTS, st.integers(1, 7))
def test_cuts_depend_on_the_text_alone(text: str, size: int) -> None:
    whole, cut = WordSplitter(normaliser_for("en")), WordSplitter(normaliser_for("en"))
    clauses = [*whole.push(text), *whole.finish()]
    pieces = [cut.push(text[begin : begin + size]) for begin in range(0, len(text), size)]
    assert [*itertools.chain(*pieces), *cut.finish()] == clauses
    assert "".join(clause.text for clause in clauses) == text
    assert cut.length == len(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Well, I think so.", ["Well, ", "I ", "think ", "so."]),
        ("It is 3 * 4 now", ["It ", "is 3 * 4 now"]),
        ("So ... well", ["So ... well"]),
        ("Dr. Lee", ["Dr. Lee"]),
        ("Run 5 km on Nov. 29, ok?", ["Run 5 km ", "on ", "Nov. 29, ok?"]),
        ("In World War II we", ["In ", "World ", "War II we"]),
        ("Well, In so", ["Well, ", "In ", "so"]),
        ("a <b class=x> c", ["a <b class=x> ", "c"]),
    ],
)
def test_words_that_decide_together_stay_together(text: str, parts: list[str]) -> None:
    splitter = WordSplitter(normaliser_for("en"))
    assert [clause.text for clause in [*splitter.push(text), *splitter.finish()]] == parts


@settings(deadline=None)
@given(TEXTS, st.integers(1, 7))
def test_chunks_tile_text_and_time(text: str, size: int) -> None:
    chunks = spoken(text, size)
    place = sample = 0
    for chunk in chunks:
        assert (chunk.text_start, chunk.start_sample) == (place, sample)
        place, sample = chunk.text_end, sample + len(chunk.pcm) // 2
        assert all(text[word.text_start : word.text_end] == word.text for word in chunk.words)
    assert place == len(text) or not chunks
    words = [word for chunk in chunks for word in chunk.words]
    assert all(a.end_sample <= b.start_sample and a.text_end <= b.text_start for a, b in itertools.pairwise(words))


def test_words_that_are_not_spoken_get_no_caption() -> None:
    words = [word.text for chunk in spoken("See https://x.com/y **now** 😀 please", 4) for word in chunk.words]
    assert words == ["See", "**now**", "please"]


# --- pieces


@pytest.mark.parametrize("speed", [0.5, 1.0, 1.6])
def test_pieces_are_a_stream_at_its_tempo(speed: float) -> None:
    tone = np.sin(np.arange(48_000) / 20).astype(np.float32) / 2
    maker = PieceMaker(24_000, speed, estimated=False)
    maker.tell([EngineWord(0, 3, 0, 12_000), EngineWord(4, 8, 24_000, 36_000)])
    pieces = [piece for part in np.array_split(tone, 25) if (piece := maker.add(part.astype(np.float32)))] + [
        maker.finish()
    ]
    speech = np.concatenate([piece.pcm for piece in pieces])
    assert speech.size == pytest.approx(48_000 / speed, rel=0.03)
    assert abs(speech[0]) < 0.01
    assert abs(speech[-1]) < 0.01
    begins = itertools.accumulate((piece.pcm.size for piece in pieces), initial=0)
    starts = [begin + w.start_sample for piece, begin in zip(pieces, begins, strict=False) for w in piece.words or ()]
    assert starts == [0, round(24_000 / speed)]


@given(st.text("ab c.", min_size=1, max_size=80), st.integers(1, 30))
def test_guessed_words_are_all_told_whatever_the_length(text: str, frames: int) -> None:
    maker = PieceMaker(24_000, estimated=True)
    maker.tell(paced_words(text, 24_000))
    pieces = [piece for _ in range(frames) if (piece := maker.add(np.full(1920, 0.1, np.float32)))] + [maker.finish()]
    words = [(w.text_start, w.text_end) for piece in pieces for w in piece.words or ()]
    assert words == written_words(text)
    for piece in pieces:
        times = piece.words or ()
        assert all(w.end_sample <= piece.pcm.size for w in times)
        assert all(a.end_sample <= b.start_sample for a, b in itertools.pairwise(times))


def test_a_wrapped_engine_still_takes_streamed_text() -> None:
    wrapped = FallbackEngine(["words"], load=lambda _: LevelledEngine(WordEngine(), -20.0))
    wrapped.load()
    text = "Well, I think so. Do you?"
    assert [chunk.words for chunk in spoken(text, 3, wrapped)] == [chunk.words for chunk in spoken(text, 3)]
    alone = FallbackEngine(["piper"], load=lambda _: LevelledEngine(PlainEngine(), -20.0))
    alone.load()
    assert streaming(alone) is None
