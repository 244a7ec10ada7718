"""How an engine's pieces become chunks: text ranges without gaps, times, and written words.

Also how silence is trimmed, which voice is chosen, and how the worker thread ends a cancelled call.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.engine_info import EngineDescription
from common.errors import InvalidInputError
from tts_service.engine import EngineAudio, EngineVoice
from tts_service.engines.phoneme_alignment import align_words
from tts_service.engines.silence import trim_silence
from tts_service.speech.synthesis import SpeechChunk, Synthesis
from tts_service.speech.worker import Worker
from tts_service.text.clauses import ClauseSplitter
from tts_service.text.words import estimate_words, written_words
from tts_service.voices import choose_voice, speaks

VOICES = [EngineVoice("amy", "Amy", "en-US", 16_000), EngineVoice("bo", "Bo", "de-DE", 22_050)]


class ToneEngine:
    """Speaks a tone of 50 ms for each character. tells: whether it reports words and their times."""

    def __init__(self, *, tells: bool) -> None:
        self.tells = tells

    def load(self) -> None: ...

    def describe(self) -> EngineDescription:
        return EngineDescription("tone", "tone", "cpu")

    def voices(self) -> Sequence[EngineVoice]:
        return VOICES

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        tone = np.full(len(text) * voice.sample_rate_hz // 20, 0.5, np.float32)
        yield EngineAudio(tone, estimate_words(text, tone.size) if self.tells else None)

    def close(self) -> None: ...


def spoken(text: str, *, rate: int = 24_000, tells: bool = True) -> list[SpeechChunk]:
    splitter = ClauseSplitter()
    reply = Synthesis(ToneEngine(tells=tells), VOICES[0], sample_rate_hz=rate)
    clauses = [*splitter.push(text), *splitter.finish()]
    return [chunk for clause in clauses for piece in reply.speak(clause) for chunk in piece] + reply.finish()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([*"ab .,!?\n", "3*4 ", "😀 ", "https://x.com/y ", "**so** ", "(well) ", " — "])).map(
        "".join
    ),
    st.sampled_from([8000, 16_000, 24_000, 44_100, 48_000]),
    st.booleans(),
)
def test_chunks_tile_text_and_time(text: str, rate: int, tells: bool) -> None:
    chunks = spoken(text, rate=rate, tells=tells)
    place = sample = 0
    for chunk in chunks:
        assert (chunk.text_start, chunk.start_sample) == (place, sample)
        place, sample = chunk.text_end, sample + len(chunk.pcm) // 2
        assert all(text[word.text_start : word.text_end] == word.text for word in chunk.words)
        assert all(chunk.text_start <= w.text_start < w.text_end <= chunk.text_end for w in chunk.words)
    assert place == len(text)
    words = [word for chunk in chunks for word in chunk.words]
    assert all(a.end_sample <= b.start_sample for a, b in itertools.pairwise(words))


def test_an_address_is_covered_but_no_caption() -> None:
    chunks = spoken("See https://x.com/y now 😀")
    assert [word.text for chunk in chunks for word in chunk.words] == ["See", "now"]
    assert max(len(chunk.pcm) for chunk in chunks) <= 2 * 0.15 * 24_000
    assert chunks[-1].text_end == 25


def test_a_clause_of_emoji_is_silent_but_covered() -> None:
    (chunk,) = spoken("😀 👍")
    assert (chunk.pcm, chunk.text_start, chunk.text_end, chunk.words) == (b"", 0, 3, ())


def test_a_guess_is_marked() -> None:
    assert all(chunk.timing_estimated for chunk in spoken("Hello there", tells=False) if chunk.words)
    assert not any(chunk.timing_estimated for chunk in spoken("Hello there", tells=True))


def test_words_keep_their_time_at_another_rate() -> None:
    slow, fast = ([w for c in spoken("One two, three four.", rate=r) for w in c.words] for r in (8000, 48_000))
    assert [word.start_sample * 6 for word in slow] == pytest.approx([w.start_sample for w in fast], abs=6)


@pytest.mark.parametrize(
    ("phonemes", "alone", "expected"),
    [
        ("hɐloʊ ðɛɹ.", ["hɐloʊ", "ðɛɹ"], ["hɐloʊ", "ðɛɹ"]),
        ("ʌvðə bˈɛst.", ["ʌv", "ðə", "bˈɛst"], ["ʌv", "ðə", "bˈɛst"]),
        ("ɪn tˈuː θˈaʊzənd, jˈɛs", ["ɪn", "tˈuː θˈaʊzənd", "jˈɛs"], ["ɪn", "tˈuː θˈaʊzənd", "jˈɛs"]),
        # There are as many groups of phonemes as words, but with other boundaries.
        ("ɪnðə jˈɪɹ fˈɪfti pɚsˈɛnt", ["ɪn", "ðə", "jˈɪɹ", "fˈɪfti pɚsˈɛnt"], ["ɪn", "ðə", "jˈɪɹ", "fˈɪfti pɚsˈɛnt"]),
    ],
)
def test_phonemes_find_their_words(phonemes: str, alone: list[str], expected: list[str]) -> None:
    spans, trusted = align_words(list(phonemes), [list(word) for word in alone])
    assert [phonemes[begin:end] for begin, end in spans] == expected
    assert trusted


@given(st.text("abc ˈː,.", max_size=30), st.lists(st.text("abcdˈ", max_size=5), max_size=8))
def test_word_spans_are_in_order(phonemes: str, alone: list[str]) -> None:
    spans, _ = align_words(list(phonemes), [list(word) for word in alone])
    assert len(spans) == len(alone)
    flat = [place for span in spans for place in span]
    assert flat == sorted(flat)
    assert all(0 <= place <= len(phonemes) for place in flat)


def test_silence_is_trimmed() -> None:
    tone = np.sin(np.arange(8000) / 5).astype(np.float32)
    trimmed, cut = trim_silence(np.concatenate([np.zeros(4000, np.float32), tone, np.zeros(9000, np.float32)]), 16_000)
    assert cut == pytest.approx(4000 - 0.03 * 16_000, abs=5)
    assert trimmed.size == pytest.approx(8000 + 0.1 * 16_000, abs=10)
    assert trim_silence(np.zeros(100, np.float32), 16_000)[0].size == 0


def test_estimates_follow_the_letters() -> None:
    assert [(w.start_sample, w.end_sample) for w in estimate_words("a bbb - cc!", 700)] == [
        (0, 100),
        (100, 400),
        (400, 700),
    ]
    assert written_words("Hi, 😀 3 ?!") == [(0, 3), (6, 7)]


def test_voices() -> None:
    assert choose_voice(VOICES, "", "").id == "amy"
    assert choose_voice(VOICES, "bo", "").id == "bo"
    assert choose_voice(VOICES, "", "de").id == "bo"
    assert choose_voice(VOICES, "", "en-GB").id == "amy"
    assert speaks(VOICES[0], "en")
    assert not speaks(VOICES[0], "e")
    by_voice, by_language = r"amy \(en-US\), bo \(de-DE\)", "the voices here speak de-DE, en-US"
    for voice, language, names in (("eve", "", by_voice), ("", "fr", by_language), ("amy", "de", "these speak it: bo")):
        with pytest.raises(InvalidInputError, match=names):
            choose_voice(VOICES, voice, language)


async def test_a_cancelled_call_is_waited_for() -> None:
    worker = Worker(threads=1)
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        may_end.wait()
        ended.set()

    running = asyncio.create_task(worker.run(work))
    queued = asyncio.create_task(worker.run(pytest.fail))
    await asyncio.to_thread(began.wait)
    running.cancel()
    queued.cancel()
    await asyncio.wait({queued})
    assert not running.done()
    may_end.set()
    await asyncio.wait({running})
    assert running.cancelled()
    assert ended.is_set()
    await worker.close()
