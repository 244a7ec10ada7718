"""What Whisper adds after the last word is not heard."""

from __future__ import annotations

from asr_service.engine import Word
from asr_service.engines.faster_whisper import without_invented_end

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
