"""The state machine that finds turns, when it asks for the probability that the speaker is done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_service.turn_taking.decisions import (
    Assess,
    DecisionOrQuestion,
    EagerEndOfTurn,
    EndOfTurn,
    EndReason,
    SpeechStarted,
    TurnResumed,
    VoiceContinued,
    VoicePaused,
)
from asr_service.turn_taking.endpointer import Endpointer
from asr_service.turn_taking.endpointing import Endpointing
from tests.support.endpointing import ASKING, SILENCE, VOICE, WINDOW, at, machine, runs


def ask(
    answers: list[float], *runs: tuple[float, int], settings: Endpointing = ASKING, guess: float | None = None
) -> tuple[list[tuple[int, DecisionOrQuestion]], Endpointer]:
    """The decisions, each with the window after which it was made. Each question gets the next answer; when the answers
    run out, the last one is repeated. guess: the probability from the words alone, which comes before each answer."""
    endpointer, found = machine(settings), []
    for probability in [p for p, windows in runs for _ in range(windows)]:
        todo = endpointer.hear(probability)
        while todo:
            decision = todo.pop(0)
            found.append((endpointer.position // WINDOW, decision))
            if isinstance(decision, Assess):
                todo += [] if guess is None else endpointer.suppose(guess)
                todo += endpointer.judge(answers.pop(0) if len(answers) > 1 else answers[0])
    return found, endpointer


def test_a_certain_end_needs_only_the_shortest_silence() -> None:
    found, _ = ask([1.0], (VOICE, 20), (SILENCE, 30))
    assert found == [
        (3, SpeechStarted(at(0))),
        (22, VoicePaused(at(20))),
        (26, Assess()),
        (26, EagerEndOfTurn(at(20), 1.0)),
        (28, EndOfTurn(at(20), EndReason.SILENCE)),
    ]


def test_an_unlikely_end_waits_longest_and_is_judged_again_whenever_the_silence_has_doubled() -> None:
    found, _ = ask([0.0], (VOICE, 20), (SILENCE, 60))
    assert found[2:] == [
        (26, Assess()),
        (32, Assess()),
        (44, Assess()),
        (60, EagerEndOfTurn(at(20), 0.0)),  # early enough to begin a reply
        (68, Assess()),
        (70, EndOfTurn(at(20), EndReason.SILENCE)),
    ]


def test_a_first_guess_may_call_the_turn_probably_over_but_the_answer_ends_it() -> None:
    found, _ = ask([0.0], (VOICE, 20), (SILENCE, 60), guess=0.9)
    assert [when for when, decision in found if isinstance(decision, EagerEndOfTurn | EndOfTurn)] == [26, 70]
    found, _ = ask([1.0], (VOICE, 20), (SILENCE, 60), guess=0.1)
    assert [decision.probability for _, decision in found if isinstance(decision, EagerEndOfTurn)] == [1.0]


def test_the_answer_may_change_as_the_silence_grows() -> None:
    found, _ = ask([0.1, 1.0], (VOICE, 20), (SILENCE, 60))
    assert found[-3:] == [(32, Assess()), (32, EagerEndOfTurn(at(20), 1.0)), (32, EndOfTurn(at(20), EndReason.SILENCE))]


def test_the_voice_goes_on_before_anything_was_asked() -> None:
    found, _ = ask([1.0], (VOICE, 20), (SILENCE, 4), (VOICE, 10))
    assert found == [(3, SpeechStarted(at(0))), (22, VoicePaused(at(20))), (25, VoiceContinued())]


def test_the_voice_goes_on_after_an_unsure_answer_and_the_next_pause_is_asked_about_anew() -> None:
    found, _ = ask([0.0, 0.0, 1.0], (VOICE, 20), (SILENCE, 16), (VOICE, 10), (SILENCE, 10))
    kinds = [type(decision) for _, decision in found]
    assert kinds == [
        SpeechStarted,
        VoicePaused,
        Assess,
        Assess,
        VoiceContinued,
        VoicePaused,
        Assess,
        EagerEndOfTurn,
        EndOfTurn,
    ]
    assert found[-1] == (54, EndOfTurn(at(46), EndReason.SILENCE))


def test_patience_is_a_factor_on_the_wait() -> None:
    for probability in (0.0, 0.4, 1.0):
        once, twice = ASKING.wait_ms(probability), ASKING.overridden(patience=2.0).wait_ms(probability)
        assert twice == pytest.approx(2 * once)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 5_000), st.floats(0.25, 4))
def test_the_surer_the_sooner_and_always_within_bounds(one: float, other: float, pause: float, patience: float) -> None:
    settings = ASKING.overridden(patience=patience)
    less, more = sorted((one, other))
    assert 64 <= settings.wait_ms(more, pause) <= settings.wait_ms(less, pause) <= 10_000


def test_the_wait_is_short_or_as_long_as_a_reply_takes_to_begin_or_long_enough_to_think() -> None:
    settings = Endpointing()
    waits = [settings.wait_ms(percent / 100) for percent in range(101)]
    assert {wait for wait in waits if wait < 1_000} == {settings.min_silence_ms, 480}
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


@given(runs, st.lists(st.floats(0, 1), min_size=1, max_size=20), st.none() | st.floats(0, 1))
def test_whatever_the_answers_every_turn_begins_once_and_ends_once(
    script: list[tuple[float, int]], answers: list[float], guess: float | None
) -> None:
    found, endpointer = ask(answers, *script, guess=guess)
    open_turn = eager = prepared = False
    for decision in [d for _, d in found] + endpointer.finish():
        match decision:
            case SpeechStarted():
                assert not open_turn
                open_turn, eager, prepared = True, False, False
            case VoicePaused():
                assert open_turn
                assert not prepared
                prepared = True
            case VoiceContinued():
                assert prepared
                assert not eager
                prepared = False
            case Assess():
                assert prepared
            case EagerEndOfTurn(_, probability):
                assert prepared
                assert not eager
                assert 0 <= probability <= 1
                eager = True
            case TurnResumed():
                assert eager
                eager = prepared = False
            case EndOfTurn(_, reason):
                assert open_turn
                assert eager or reason is not EndReason.SILENCE
                open_turn = False
    assert not open_turn
