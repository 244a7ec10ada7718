"""How much the learner has heard, according to the player's reports and the clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.ports import SpokenWord
from gateway.reply.captions import heard_text, heard_words
from gateway.reply.playback import MAX_EXTRAPOLATION_S, PlaybackClock

RATE_HZ = 1000


def test_without_reports_audio_is_heard_as_time_goes_by() -> None:
    clock = PlaybackClock(RATE_HZ)
    clock.sent(500, now_s=10.0)
    assert clock.heard_samples(10.2) == 200
    assert clock.ahead_s(10.2) == 0.3
    assert clock.heard_samples(11.0) == 500


def test_a_player_that_ran_dry_starts_again_with_the_next_audio() -> None:
    clock = PlaybackClock(RATE_HZ)
    clock.sent(100, now_s=0.0)
    clock.sent(100, now_s=5.0)
    assert clock.heard_samples(5.05) == 150


def test_a_report_is_believed_over_the_clock_and_carried_on_for_a_moment() -> None:
    clock = PlaybackClock(RATE_HZ)
    clock.sent(2000, now_s=0.0)
    clock.report(400, now_s=1.0)
    assert clock.heard_samples(1.0) == 400
    assert clock.heard_samples(1.1) == 500
    assert clock.heard_samples(9.0) == 400 + MAX_EXTRAPOLATION_S * RATE_HZ


def test_no_more_is_heard_than_was_sent() -> None:
    clock = PlaybackClock(RATE_HZ)
    clock.sent(100, now_s=0.0)
    clock.report(1e9, now_s=0.01)
    assert clock.heard_samples(0.01) == 100


@given(st.lists(st.tuples(st.integers(0, 500), st.floats(0, 0.5), st.one_of(st.none(), st.floats(0, 3000)))))
def test_the_heard_time_is_never_more_than_the_sent_time(steps: list[tuple[int, float, float | None]]) -> None:
    clock, now = PlaybackClock(RATE_HZ), 0.0
    for samples, passes_s, reported_ms in steps:
        clock.sent(samples, now)
        now += passes_s
        before = clock.heard_samples(now)
        assert 0 <= before <= clock.sent_samples
        if reported_ms is not None:
            clock.report(reported_ms, now)
        assert 0 <= clock.heard_samples(now) <= clock.sent_samples


WORDS = (SpokenWord("One,", 0, 4, 0, 100), SpokenWord("two", 5, 8, 100, 200), SpokenWord("three.", 9, 15, 260, 400))
TEXT = "One, two three. "


def test_heard_text_ends_with_the_last_word_of_which_half_was_heard() -> None:
    assert heard_text(TEXT, WORDS, 0, 400) == ""
    assert heard_text(TEXT, WORDS, 149, 400) == "One,"
    assert heard_text(TEXT, WORDS, 150, 400) == "One, two"
    assert heard_text(TEXT, WORDS, 329, 400) == "One, two"
    assert heard_text(TEXT, WORDS, 400, 400) == TEXT


@given(st.integers(0, 400), st.integers(0, 400))
def test_more_audio_heard_is_never_less_text(one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert heard_text(TEXT, WORDS, more, 400).startswith(heard_text(TEXT, WORDS, less, 400))
    assert len(heard_words(WORDS, less)) <= len(heard_words(WORDS, more))
