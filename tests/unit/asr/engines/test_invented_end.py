"""How Whisper's words and punctuation become a transcript without the words that Whisper invents at the end."""

from __future__ import annotations

import pytest
from faster_whisper.transcribe import Segment
from faster_whisper.transcribe import Word as Part

from asr_service.engine import Word
from asr_service.engines.faster_whisper import said_in, without_invented_end

END = 16_000
SAID = [Word(" we", 0, 4000, 0.9), Word(" bought", 4000, 9000, 0.9), Word(" apples.", 9000, 15_000, 0.9)]


def test_what_was_said_is_kept() -> None:
    assert without_invented_end(SAID, END) == SAID
    assert without_invented_end([], END) == []


def test_words_without_length_at_the_end_are_dropped_and_the_doubtful_one_before_them() -> None:
    invented = [Word(" See", 15_000, 16_000, 0.2), Word(" you", END, END, 0.6), Word(" soon.", END, END, 0.5)]
    assert without_invented_end(SAID + invented, END) == SAID


def test_a_doubtful_last_word_and_one_without_length_before_it_are_kept() -> None:
    words = [*SAID[:2], Word(" so", 9000, 9000, 0.4), Word(" apples.", 9000, 15_000, 0.3)]
    assert without_invented_end(words, END) == words


def segment(*parts: tuple[str, float], no_speech: float = 0.0) -> Segment:
    """A segment as faster-whisper gives it, with punctuation marks as words."""
    words = [Part(0.1 * i, 0.1 * i + 0.1, text, probability) for i, (text, probability) in enumerate(parts)]
    text = "".join(word.word for word in words)
    return Segment(0, 0, 0.0, 1.0, text, [], -1.0, 1.0, no_speech, words, 0.0)


@pytest.mark.parametrize(
    ("parts", "texts"),
    [
        ([(" We", 0.9), (" ran", 0.8), (".", 0.7)], [" We", " ran."]),
        ([(" We", 0.9), (",", 0.4), (" ran", 0.8)], [" We,", " ran"]),
        ([(" Ran", 0.9), ("?", 0.6), ('"', 0.2)], [' Ran?"']),
        ([(" ran...", 0.9)], [" ran..."]),
        ([(" by", 0.9), (" 15", 0.9), ("%", 0.9), (" now", 0.9)], [" by", " 15%", " now"]),
        ([(" fish", 0.9), (" &", 0.9), (" chips", 0.9)], [" fish", " &", " chips"]),
        ([(" .", 0.9)], []),
        ([], []),
    ],
)
def test_a_mark_goes_to_the_word_before_it(parts: list[tuple[str, float]], texts: list[str]) -> None:
    assert [word.text for word in said_in(segment(*parts), "final")] == texts


def test_probable_silence_has_no_words() -> None:
    assert said_in(segment((" Thank", 0.9), (".", 0.9), no_speech=0.9), "final") == []
