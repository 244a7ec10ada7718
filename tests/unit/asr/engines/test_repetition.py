"""Whisper sometimes says a sentence twice; people do, too, but take their time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_service.engine import Word
from asr_service.engines.faster_whisper import without_repetition


def words(*timed: tuple[str, float, float]) -> list[Word]:
    return [Word(f" {text}", round(16_000 * start), round(16_000 * end), 0.9) for text, start, end in timed]


def evenly(text: str, each_s: float, begin_s: float = 0.0) -> list[Word]:
    return words(*((word, begin_s + n * each_s, begin_s + (n + 1) * each_s) for n, word in enumerate(text.split())))


# What the bundled Whisper wrote for 4.1 s of audio that Chromium's microphone had captured; and for its first 1.4 s.
WHOLE = evenly("Yesterday I went to the market with my sister and we bought fresh vegetables.", 0.26)
TWICE = WHOLE + evenly("Yesterday I went to the market with my sister and we bought fresh vegetables.", 0.003, 3.64)
PARTIAL = words(
    ("Yesterday", 0.0, 0.54), ("I", 0.54, 0.86), ("went", 0.86, 1.02), ("to", 1.02, 1.2), ("the", 1.2, 1.2),
    ("market.", 1.2, 1.2), ("Yesterday", 1.2, 1.2), ("I", 1.2, 1.2), ("went", 1.2, 1.2), ("to", 1.2, 1.2),
    ("the", 1.2, 1.26), ("market.", 1.26, 1.34),
)  # fmt: skip


def test_a_sentence_that_is_written_twice_is_kept_once() -> None:
    assert without_repetition(TWICE) == WHOLE
    assert without_repetition(PARTIAL) == PARTIAL[:6]


def test_a_repetition_that_breaks_off_or_comes_several_times_is_dropped() -> None:
    assert without_repetition(TWICE[:-9]) == WHOLE
    assert without_repetition(TWICE + evenly("Yesterday I went to the market", 0.0, 3.68)) == WHOLE


@pytest.mark.parametrize(
    "said",
    [
        evenly("I went home. I went home.", 0.25),
        evenly("no no no no", 0.1),
        evenly("I don't know I don't know", 0.12),
        evenly("It is very, very, very good.", 0.15),
        evenly("Row, row, row your boat", 0.2),
        evenly("yes yes", 0.0),
        [],
    ],
)
def test_what_a_learner_repeats_is_kept(said: list[Word]) -> None:
    assert without_repetition(said) == said


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=14))
def test_words_at_the_speed_of_speech_are_never_dropped(said: list[str]) -> None:
    spoken = evenly(" ".join(said), 0.08)
    assert without_repetition(spoken) == spoken
