"""The state machine that finds turns, on scripted and on random probabilities of speech."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asr_service.turn_taking.decisions import (
    DecisionOrQuestion,
    EagerEndOfTurn,
    EndOfTurn,
    EndReason,
    SpeechStarted,
    TurnResumed,
)
from asr_service.turn_taking.endpointing import Endpointing
from common.errors import InvalidInputError
from tests.support.endpointing import ASKING, BETWEEN, RATE, SETTINGS, SILENCE, VOICE, WINDOW, at, machine, runs, told


def decide(*runs: tuple[float, int], settings: Endpointing = SETTINGS, finish: bool = True) -> list[DecisionOrQuestion]:
    """The decisions for runs of windows: (probability, number of windows)."""
    endpointer = machine(settings)
    decisions: list[DecisionOrQuestion] = [
        d for probability, windows in runs for _ in range(windows) for d in endpointer.hear(probability)
    ]
    return told([*decisions, *(endpointer.finish() if finish else [])])


def test_a_turn_that_ends_in_silence() -> None:
    assert decide((SILENCE, 5), (VOICE, 20), (SILENCE, 30)) == [
        SpeechStarted(at(5)),
        EagerEndOfTurn(at(25), 0.5),
        EndOfTurn(at(25), EndReason.SILENCE),
    ]


def test_a_pause_that_is_no_end() -> None:
    assert decide((VOICE, 20), (SILENCE, 15), (VOICE, 10), (SILENCE, 30)) == [
        SpeechStarted(at(0)),
        EagerEndOfTurn(at(20), 0.5),
        TurnResumed(at(35)),
        EagerEndOfTurn(at(45), 0.5),
        EndOfTurn(at(45), EndReason.SILENCE),
    ]


def test_a_short_pause_is_nothing() -> None:
    assert decide((VOICE, 20), (SILENCE, 9), (VOICE, 10), finish=False) == [SpeechStarted(at(0))]


@pytest.mark.parametrize("windows", [1, 2])
def test_a_click_is_no_speech(windows: int) -> None:
    assert decide((SILENCE, 5), (VOICE, windows), (SILENCE, 30)) == []


def test_a_click_in_the_pause_does_not_resume() -> None:
    ended = EndOfTurn(at(20), EndReason.SILENCE)
    assert decide((VOICE, 20), (SILENCE, 15), (VOICE, 2), (SILENCE, 10))[1:] == [EagerEndOfTurn(at(20), 0.5), ended]


def test_a_voice_that_begins_just_before_the_end_is_heard_out() -> None:
    assert TurnResumed(at(39)) in decide((VOICE, 20), (SILENCE, 19), (VOICE, 10))
    assert EndOfTurn(at(20), EndReason.SILENCE) in decide(
        (VOICE, 20), (SILENCE, 19), (VOICE, 2), (SILENCE, 1), finish=False
    )


def test_a_sound_between_voice_and_silence_changes_nothing() -> None:
    assert decide((BETWEEN, 50)) == []
    assert decide((VOICE, 20), (BETWEEN, 50), finish=False) == [SpeechStarted(at(0))]
    assert decide((VOICE, 20), (SILENCE, 1), (BETWEEN, 25))[-1] == EndOfTurn(at(20), EndReason.SILENCE)


def test_a_voice_that_never_stops_is_cut_and_goes_on_in_a_new_turn() -> None:
    first, end, second = decide((VOICE, 300), finish=False)
    assert (first, end) == (SpeechStarted(at(0)), EndOfTurn(at(200), EndReason.MAX_LENGTH))
    assert second == SpeechStarted(at(200))


def test_the_longest_turn_counts_pauses_too() -> None:
    patient = Endpointing(eager_silence_ms=320, end_silence_ms=60_000, max_turn_ms=6_400)
    assert decide((VOICE, 20), (SILENCE, 300), settings=patient)[1:] == [
        EagerEndOfTurn(at(20), 320 / 60_000),
        EndOfTurn(at(20), EndReason.MAX_LENGTH),
    ]


def test_finish_closes_the_open_turn_only() -> None:
    assert decide((VOICE, 20))[-1] == EndOfTurn(at(20), EndReason.FINISHED)
    assert decide((VOICE, 20), (SILENCE, 12))[1:] == [
        EagerEndOfTurn(at(20), 0.5),
        EndOfTurn(at(20), EndReason.FINISHED),
    ]
    assert decide((SILENCE, 20)) == []


def test_new_settings_count_from_the_next_pause() -> None:
    endpointer = machine()
    quick = Endpointing(eager_silence_ms=64, end_silence_ms=96, max_turn_ms=6_400)
    for probability in [VOICE] * 20 + [SILENCE] * 5:
        endpointer.hear(probability)
    endpointer.reconfigure(quick)
    assert told([d for _ in range(15) for d in endpointer.hear(SILENCE)]) == [
        EagerEndOfTurn(at(20), 0.5),
        EndOfTurn(at(20), EndReason.SILENCE),
    ]
    later = told([d for p in [VOICE] * 5 + [SILENCE] * 3 for d in endpointer.hear(p)])
    assert later == [SpeechStarted(at(40)), EagerEndOfTurn(at(45), 64 / 96), EndOfTurn(at(45), EndReason.SILENCE)]


def test_eager_and_end_may_be_the_same_moment() -> None:
    same = Endpointing(eager_silence_ms=320, end_silence_ms=320, max_turn_ms=6_400)
    assert decide((VOICE, 20), (SILENCE, 10), settings=same, finish=False) == [
        SpeechStarted(at(0)),
        EagerEndOfTurn(at(20), 1.0),
        EndOfTurn(at(20), EndReason.SILENCE),
    ]


# --- any probabilities --------------------------------------------------------------------------

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
            case EagerEndOfTurn():
                assert open_turn
                assert not eager
                eager = True
            case TurnResumed():
                assert open_turn
                assert eager
                eager = False
            case EndOfTurn(_, reason):
                assert open_turn
                assert eager or reason is not EndReason.SILENCE
                open_turn = False
    assert not open_turn


@given(runs, settings_of)
@example([(VOICE, 37), (SILENCE, 29), (VOICE, 4)], Endpointing(129, 929, 2177))  # the voice goes on as the turn ends
def test_times_never_go_back_and_no_turn_is_too_long(script: list[tuple[float, int]], settings: Endpointing) -> None:
    times: list[int] = []
    begun = 0
    for decision in decide(*script, settings=settings):
        match decision:
            case SpeechStarted(start):
                begun = start
                times.append(start)
            case TurnResumed(start):
                times.append(start)
            case EagerEndOfTurn(end, probability):
                assert 0 < probability <= 1
                times.append(end)
            case EndOfTurn(end):
                times.append(end)
                # A turn may be two windows too long. It ends with the window in which it gets too long. But if that
                # window resumes the turn, TurnResumed comes first, and the turn ends one window later.
                assert end - begun <= settings.max_turn_ms * RATE // 1000 + 2 * WINDOW
    assert times == sorted(times)


@given(runs)
def test_turns_do_not_overlap(script: list[tuple[float, int]]) -> None:
    ends = [d for d in decide(*script) if isinstance(d, SpeechStarted | EndOfTurn)]
    for earlier, later in pairwise(ends):
        if isinstance(earlier, EndOfTurn) and isinstance(later, SpeechStarted):
            assert earlier.end <= later.start


# --- settings -----------------------------------------------------------------------------------


def test_zero_means_the_default() -> None:
    assert SETTINGS.overridden(eager_silence_ms=0, end_silence_ms=0, max_turn_ms=0) == SETTINGS
    assert SETTINGS.overridden(eager_silence_ms=1, end_silence_ms=2, max_turn_ms=500) == Endpointing(1, 2, 500)
    given = SETTINGS.overridden(min_silence_ms=400, max_silence_ms=500, patience=2.0, usual_pause_ms=300)
    assert (given.min_silence_ms, given.max_silence_ms, given.patience, given.usual_pause_ms) == (400, 500, 2.0, 300)


def test_a_short_silence_also_replaces_a_longer_eager_one_of_the_service() -> None:
    assert SETTINGS.overridden(end_silence_ms=200) == replace(SETTINGS, eager_silence_ms=200, end_silence_ms=200)
    assert SETTINGS.overridden(end_silence_ms=400) == replace(SETTINGS, end_silence_ms=400)


@pytest.mark.parametrize(
    "wrong",
    [(700, 0, 0), (5, 4, 0), (-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, 0, 499), (0, 0, 600_001)],
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
