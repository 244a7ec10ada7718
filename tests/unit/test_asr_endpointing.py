"""The machine that finds turns, on scripted and on random probabilities of speech."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_service.endpointing import (
    Assess,
    Decision,
    EagerEnd,
    Ended,
    Endpointer,
    EndReason,
    Paused,
    Resumed,
    SpeechStarted,
    Unpaused,
)
from asr_service.patience import Endpointing
from common.errors import InvalidInputError

WINDOW, RATE = 512, 16_000  # 32 ms
# The fixed silence first; what is asked of the turn model comes below.
SETTINGS = Endpointing(eager_silence_ms=320, end_silence_ms=640, max_turn_ms=6_400)  # 10, 20 and 200 windows
VOICE, SILENCE, BETWEEN = 0.9, 0.1, 0.4


def machine(settings: Endpointing = SETTINGS) -> Endpointer:
    return Endpointer(settings, window=WINDOW, rate_hz=RATE)


def decide(*runs: tuple[float, int], settings: Endpointing = SETTINGS, finish: bool = True) -> list[Decision]:
    """What is told of runs of (probability, number of windows)."""
    endpointer = machine(settings)
    decisions = [d for probability, windows in runs for _ in range(windows) for d in endpointer.hear(probability)]
    return told(decisions + (endpointer.finish() if finish else []))


def told(decisions: list[Decision]) -> list[Decision]:
    return [d for d in decisions if not isinstance(d, Paused | Unpaused)]


def at(window: int) -> int:
    return window * WINDOW


def test_a_turn_that_ends_in_silence() -> None:
    assert decide((SILENCE, 5), (VOICE, 20), (SILENCE, 30)) == [
        SpeechStarted(at(5)),
        EagerEnd(at(25), 0.5),
        Ended(at(25), EndReason.SILENCE),
    ]


def test_a_pause_that_is_no_end() -> None:
    assert decide((VOICE, 20), (SILENCE, 15), (VOICE, 10), (SILENCE, 30)) == [
        SpeechStarted(at(0)),
        EagerEnd(at(20), 0.5),
        Resumed(at(35)),
        EagerEnd(at(45), 0.5),
        Ended(at(45), EndReason.SILENCE),
    ]


def test_a_short_pause_is_nothing() -> None:
    assert decide((VOICE, 20), (SILENCE, 9), (VOICE, 10), finish=False) == [SpeechStarted(at(0))]


@pytest.mark.parametrize("windows", [1, 2])
def test_a_click_is_no_speech(windows: int) -> None:
    assert decide((SILENCE, 5), (VOICE, windows), (SILENCE, 30)) == []


def test_a_click_in_the_pause_does_not_resume() -> None:
    ended = Ended(at(20), EndReason.SILENCE)
    assert decide((VOICE, 20), (SILENCE, 15), (VOICE, 2), (SILENCE, 10))[1:] == [EagerEnd(at(20), 0.5), ended]


def test_a_voice_that_begins_just_before_the_end_is_heard_out() -> None:
    assert Resumed(at(39)) in decide((VOICE, 20), (SILENCE, 19), (VOICE, 10))
    assert Ended(at(20), EndReason.SILENCE) in decide(
        (VOICE, 20), (SILENCE, 19), (VOICE, 2), (SILENCE, 1), finish=False
    )


def test_what_is_neither_voice_nor_silence_changes_nothing() -> None:
    assert decide((BETWEEN, 50)) == []
    assert decide((VOICE, 20), (BETWEEN, 50), finish=False) == [SpeechStarted(at(0))]
    assert decide((VOICE, 20), (SILENCE, 1), (BETWEEN, 25))[-1] == Ended(at(20), EndReason.SILENCE)


def test_a_voice_that_never_stops_is_cut_and_goes_on_in_a_new_turn() -> None:
    first, end, second = decide((VOICE, 300), finish=False)
    assert (first, end) == (SpeechStarted(at(0)), Ended(at(200), EndReason.MAX_LENGTH))
    assert second == SpeechStarted(at(200))


def test_the_longest_turn_counts_pauses_too() -> None:
    patient = Endpointing(eager_silence_ms=320, end_silence_ms=60_000, max_turn_ms=6_400)
    assert decide((VOICE, 20), (SILENCE, 300), settings=patient)[1:] == [
        EagerEnd(at(20), 320 / 60_000),
        Ended(at(20), EndReason.MAX_LENGTH),
    ]


def test_finish_closes_the_open_turn_only() -> None:
    assert decide((VOICE, 20))[-1] == Ended(at(20), EndReason.FINISHED)
    assert decide((VOICE, 20), (SILENCE, 12))[1:] == [EagerEnd(at(20), 0.5), Ended(at(20), EndReason.FINISHED)]
    assert decide((SILENCE, 20)) == []


def test_new_settings_count_from_the_next_pause() -> None:
    endpointer = machine()
    quick = Endpointing(eager_silence_ms=64, end_silence_ms=96, max_turn_ms=6_400)
    for probability in [VOICE] * 20 + [SILENCE] * 5:
        endpointer.hear(probability)
    endpointer.reconfigure(quick)
    assert told([d for _ in range(15) for d in endpointer.hear(SILENCE)]) == [
        EagerEnd(at(20), 0.5),
        Ended(at(20), EndReason.SILENCE),
    ]
    later = told([d for p in [VOICE] * 5 + [SILENCE] * 3 for d in endpointer.hear(p)])
    assert later == [SpeechStarted(at(40)), EagerEnd(at(45), 64 / 96), Ended(at(45), EndReason.SILENCE)]


def test_eager_and_end_may_be_the_same_moment() -> None:
    same = Endpointing(eager_silence_ms=320, end_silence_ms=320, max_turn_ms=6_400)
    assert decide((VOICE, 20), (SILENCE, 10), settings=same, finish=False) == [
        SpeechStarted(at(0)),
        EagerEnd(at(20), 1.0),
        Ended(at(20), EndReason.SILENCE),
    ]


# --- any probabilities --------------------------------------------------------------------------

runs = st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.4, 0.5, 1.0]), st.integers(1, 60)), max_size=30)
settings_of = st.builds(
    lambda eager, more, longest: Endpointing(eager, eager + more, longest),
    st.integers(1, 800),
    st.integers(0, 800),
    st.integers(500, 5_000),
)


@given(runs, settings_of)
def test_every_turn_begins_once_and_ends_once(script: list[tuple[float, int]], settings: Endpointing) -> None:
    open_turn = eager = False
    for decision in decide(*script, settings=settings):
        match decision:
            case SpeechStarted():
                assert not open_turn
                open_turn, eager = True, False
            case EagerEnd():
                assert open_turn
                assert not eager
                eager = True
            case Resumed():
                assert open_turn
                assert eager
                eager = False
            case Ended(_, reason):
                assert open_turn
                assert eager or reason is not EndReason.SILENCE
                open_turn = False
    assert not open_turn


@given(runs, settings_of)
def test_times_never_go_back_and_no_turn_is_too_long(script: list[tuple[float, int]], settings: Endpointing) -> None:
    times: list[int] = []
    begun = 0
    for decision in decide(*script, settings=settings):
        match decision:
            case SpeechStarted(start):
                begun = start
                times.append(start)
            case Resumed(start):
                times.append(start)
            case EagerEnd(end, probability):
                assert 0 < probability <= 1
                times.append(end)
            case Ended(end):
                times.append(end)
                assert end - begun <= settings.max_turn_ms * RATE // 1000 + WINDOW
    assert times == sorted(times)


@given(runs)
def test_turns_do_not_overlap(script: list[tuple[float, int]]) -> None:
    ends = [d for d in decide(*script) if isinstance(d, SpeechStarted | Ended)]
    for earlier, later in pairwise(ends):
        if isinstance(earlier, Ended) and isinstance(later, SpeechStarted):
            assert earlier.end <= later.start


# --- asking how probable it is that the speaker is done --------------------------------------------

ASKING = Endpointing(eager_silence_ms=192, min_silence_ms=256, max_silence_ms=1_600)  # 6, 8 and 50 windows


def ask(
    answers: list[float], *runs: tuple[float, int], settings: Endpointing = ASKING
) -> tuple[list[tuple[int, Decision]], Endpointer]:
    """Decisions with the window after which each was made; the last answer is given again and again."""
    endpointer, found = machine(settings), []
    for probability in [p for p, windows in runs for _ in range(windows)]:
        todo = endpointer.hear(probability)
        while todo:
            decision = todo.pop(0)
            found.append((endpointer.position // WINDOW, decision))
            if isinstance(decision, Assess):
                todo += endpointer.judge(answers.pop(0) if len(answers) > 1 else answers[0])
    return found, endpointer


def test_who_is_surely_done_is_answered_after_the_least_silence() -> None:
    found, _ = ask([1.0], (VOICE, 20), (SILENCE, 30))
    assert found == [
        (3, SpeechStarted(at(0))),
        (23, Paused(at(20))),
        (26, Assess()),
        (26, EagerEnd(at(20), 1.0)),
        (28, Ended(at(20), EndReason.SILENCE)),
    ]


def test_who_is_surely_not_done_is_waited_for_and_asked_about_each_time_the_silence_has_doubled() -> None:
    found, _ = ask([0.0], (VOICE, 20), (SILENCE, 60))
    assert found[2:] == [
        (26, Assess()),
        (32, Assess()),
        (44, Assess()),
        (60, EagerEnd(at(20), 0.0)),  # in time for a reply to be begun
        (68, Assess()),
        (70, Ended(at(20), EndReason.SILENCE)),
    ]


def test_the_answer_may_change_as_the_silence_grows() -> None:
    found, _ = ask([0.1, 1.0], (VOICE, 20), (SILENCE, 60))
    assert found[-3:] == [(32, Assess()), (32, EagerEnd(at(20), 1.0)), (32, Ended(at(20), EndReason.SILENCE))]


def test_the_voice_goes_on_before_anything_was_asked() -> None:
    found, _ = ask([1.0], (VOICE, 20), (SILENCE, 4), (VOICE, 10))
    assert found == [(3, SpeechStarted(at(0))), (23, Paused(at(20))), (25, Unpaused())]


def test_the_voice_goes_on_after_an_unsure_answer_and_the_next_pause_is_asked_about_anew() -> None:
    found, _ = ask([0.0, 0.0, 1.0], (VOICE, 20), (SILENCE, 16), (VOICE, 10), (SILENCE, 10))
    kinds = [type(decision) for _, decision in found]
    assert kinds == [SpeechStarted, Paused, Assess, Assess, Unpaused, Paused, Assess, EagerEnd, Ended]
    assert found[-1] == (54, Ended(at(46), EndReason.SILENCE))


def test_patience_is_a_factor_on_the_wait() -> None:
    for probability in (0.0, 0.4, 1.0):
        once, twice = ASKING.wait_ms(probability), ASKING.overridden(patience=2.0).wait_ms(probability)
        assert twice == pytest.approx(2 * once)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 5_000), st.floats(0.25, 4))
def test_the_surer_the_sooner_and_always_within_bounds(one: float, other: float, pause: float, patience: float) -> None:
    settings = ASKING.overridden(patience=patience)
    less, more = sorted((one, other))
    assert 64 <= settings.wait_ms(more, pause) <= settings.wait_ms(less, pause) <= 10_000


def test_between_sure_and_unsure_there_is_no_wait_that_is_neither_short_nor_long_enough_to_think() -> None:
    settings = Endpointing()
    waits = [settings.wait_ms(percent / 100) for percent in range(101)]
    assert {wait for wait in waits if wait < 1_000} == {settings.min_silence_ms}
    assert waits[0] == settings.max_silence_ms


@given(st.floats(0, 1), st.floats(0, 5_000), st.floats(0.25, 4), st.floats(0.25, 4))
def test_more_patience_never_waits_less(probability: float, pause: float, one: float, other: float) -> None:
    less, more = (ASKING.overridden(patience=patience) for patience in sorted((one, other)))
    assert less.wait_ms(probability, pause) <= more.wait_ms(probability, pause)


def test_a_learner_who_pauses_long_is_waited_for_longer() -> None:
    assert ASKING.wait_ms(0.2, 1_000) > ASKING.wait_ms(0.2) > ASKING.wait_ms(0.2, 300)


def test_pauses_are_learnt_from_and_those_of_an_earlier_session_count() -> None:
    script = [(VOICE, 20), (SILENCE, 30), (VOICE, 20), (SILENCE, 60)]
    _, endpointer = ask([0.0], *script)
    assert endpointer.pauses.statistics.longest_ms == 30 * 32
    _, known = ask([0.0], (VOICE, 20), (SILENCE, 5), settings=ASKING.overridden(usual_pause_ms=700))
    assert known.pauses.statistics.usual_ms == 700


@given(runs, st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_whatever_the_answers_every_turn_begins_once_and_ends_once(
    script: list[tuple[float, int]], answers: list[float]
) -> None:
    found, endpointer = ask(answers, *script)
    open_turn = eager = prepared = False
    for decision in [d for _, d in found] + endpointer.finish():
        match decision:
            case SpeechStarted():
                assert not open_turn
                open_turn, eager, prepared = True, False, False
            case Paused():
                assert open_turn
                assert not prepared
                prepared = True
            case Unpaused():
                assert prepared
                assert not eager
                prepared = False
            case Assess():
                assert prepared
            case EagerEnd(_, probability):
                assert prepared
                assert not eager
                assert 0 <= probability <= 1
                eager = True
            case Resumed():
                assert eager
                eager = prepared = False
            case Ended(_, reason):
                assert open_turn
                assert eager or reason is not EndReason.SILENCE
                open_turn = False
    assert not open_turn


# --- settings -----------------------------------------------------------------------------------


def test_zero_means_the_default() -> None:
    assert SETTINGS.overridden(eager_silence_ms=0, end_silence_ms=0, max_turn_ms=0) == SETTINGS
    assert SETTINGS.overridden(eager_silence_ms=1, end_silence_ms=2, max_turn_ms=500) == Endpointing(1, 2, 500)
    given = SETTINGS.overridden(min_silence_ms=400, max_silence_ms=500, patience=2.0, usual_pause_ms=300)
    assert (given.min_silence_ms, given.max_silence_ms, given.patience, given.usual_pause_ms) == (400, 500, 2.0, 300)


@pytest.mark.parametrize(
    "wrong",
    [(700, 0, 0), (0, 100, 0), (5, 4, 0), (-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, 0, 499), (0, 0, 600_001)],
)
def test_settings_that_make_no_sense(wrong: tuple[int, int, int]) -> None:
    eager, end, longest = wrong
    with pytest.raises(InvalidInputError, match="endpointing"):
        SETTINGS.overridden(eager_silence_ms=eager, end_silence_ms=end, max_turn_ms=longest)


@pytest.mark.parametrize(
    "wrong",
    [
        {"patience": 0.1},
        {"patience": 5.0},
        {"patience": float("nan")},
        {"min_silence_ms": 2_000},
        {"max_silence_ms": 90},
    ],
)
def test_waits_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match="endpointing"):
        ASKING.overridden(**wrong)  # type: ignore[arg-type]
