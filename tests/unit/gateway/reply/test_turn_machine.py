"""The turn machine: a cancelled reply never speaks again, and LearnerInterrupts always leads back to Listening."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.reply.turn_machine import (
    Begin,
    Cancel,
    Continue,
    Cut,
    Decision,
    Event,
    Held,
    Hush,
    Hushed,
    LearnerBargesIn,
    LearnerEnds,
    LearnerInterrupts,
    LearnerPauses,
    LearnerSpeaks,
    LearnerTypes,
    Listening,
    PartnerBegins,
    Release,
    ReplyEnds,
    Say,
    Speaking,
    TurnLost,
    TurnMachine,
    Unhush,
)


def machine() -> TurnMachine:
    ids = count(1)
    return TurnMachine(lambda: f"t{next(ids)}")


def test_a_turn_is_prepared_in_the_pause_and_released_at_its_end() -> None:
    turns = machine()
    assert turns.on(LearnerSpeaks()) == []
    assert turns.on(LearnerPauses("hello")) == [Begin("t1", "hello")]
    assert turns.on(LearnerEnds("hello")) == [Release("t1")]
    assert turns.state == Speaking("t1")
    assert turns.on(ReplyEnds("t1")) == []
    assert isinstance(turns.state, Listening)


def test_a_learner_who_goes_on_is_not_answered_too_early() -> None:
    turns = machine()
    turns.on(LearnerPauses("I think"))
    assert turns.on(LearnerSpeaks()) == [Cancel("t1", released=False)]
    assert turns.on(LearnerPauses("I think so")) == [Begin("t2", "I think so")]


def test_speech_over_the_partner_interrupts() -> None:
    turns = machine()
    turns.on(LearnerTypes("hi"))
    assert turns.on(LearnerSpeaks()) == [Hush("t1")]
    assert turns.on(LearnerBargesIn()) == [Cancel("t1", released=True)]
    assert turns.on(LearnerPauses("stop")) == [Begin("t2", "stop")]


def test_words_over_the_partner_interrupt_even_if_the_voice_does_not_last() -> None:
    turns = machine()
    turns.on(LearnerTypes("hi"))
    turns.on(LearnerSpeaks())
    assert turns.on(LearnerPauses("stop")) == [Cancel("t1", released=True), Begin("t2", "stop")]


def test_a_sound_hushes_the_partner_and_no_more() -> None:
    turns = machine()
    turns.on(LearnerTypes("hi"))
    turns.on(LearnerSpeaks())
    assert turns.on(LearnerPauses("mhm", is_sound=True)) == [Unhush("t1")]
    assert turns.on(LearnerEnds("mhm", is_sound=True)) == []
    assert turns.state == Speaking("t1")


def test_a_noise_that_has_cut_the_partner_off_lets_it_go_on() -> None:
    turns = machine()
    turns.on(LearnerTypes("hi"))
    turns.on(LearnerSpeaks())
    turns.on(LearnerBargesIn())
    assert turns.on(LearnerEnds("")) == [Continue("t2", "t1"), Release("t2")]
    assert turns.state == Speaking("t2")


@pytest.mark.parametrize("noise", [LearnerEnds(""), LearnerEnds("mhm", is_sound=True)])
def test_a_noise_after_which_nothing_is_left_to_say_is_followed_by_nothing(noise: LearnerEnds) -> None:
    turns = machine()
    turns.on(LearnerTypes("hi"))
    turns.on(LearnerSpeaks())
    turns.on(LearnerBargesIn())
    assert turns.on(ReplyEnds("t1")) == []
    assert turns.on(noise) == []
    assert turns.state == Listening()


def test_a_turn_that_is_lost_takes_the_held_reply_with_it() -> None:
    turns = machine()
    turns.on(LearnerPauses("hello"))
    assert turns.on(TurnLost()) == [Cancel("t1", released=False)]
    assert turns.state == Listening()


def test_a_turn_that_is_lost_leaves_a_reply_that_is_out_alone() -> None:
    turns = machine()
    turns.on(LearnerTypes("hi"))
    assert turns.on(TurnLost()) == []
    assert turns.state == Speaking("t1")


def test_a_turn_that_is_lost_lets_a_reply_that_it_has_hushed_go_on() -> None:
    turns = machine()
    turns.on(LearnerTypes("hi"))
    turns.on(LearnerSpeaks())
    assert turns.on(TurnLost()) == [Unhush("t1")]
    assert turns.state == Speaking("t1")


def test_the_partner_begins_when_nobody_else_has_the_floor() -> None:
    turns = machine()
    assert turns.on(PartnerBegins("Good morning!")) == [Say("t1", "Good morning!"), Release("t1")]
    assert turns.on(PartnerBegins("Good morning!")) == []
    assert turns.on(LearnerSpeaks(over_partner=False)) == [Hush("t1")]
    assert turns.on(LearnerPauses("hi")) == [Cancel("t1", released=True), Begin("t2", "hi")]
    assert turns.on(PartnerBegins("Good morning!")) == []


def test_a_partner_who_begins_without_a_text_asks_the_model() -> None:
    assert machine().on(PartnerBegins("")) == [Begin("t1", ""), Release("t1")]


def test_an_offer_ends_with_the_learners_first_sound_before_it_is_heard_and_is_a_reply_like_any_other_afterwards() -> (
    None
):
    turns = machine()
    turns.on(PartnerBegins("Take your time.", is_offer=True))
    assert turns.on(LearnerSpeaks(over_partner=False)) == [Cancel("t1", released=True)]
    assert turns.state == Listening()
    turns.on(PartnerBegins("Take your time.", is_offer=True))
    assert turns.on(LearnerSpeaks()) == [Hush("t2")]
    assert turns.on(LearnerPauses("mhm", is_sound=True)) == [Unhush("t2")]


def test_a_typed_turn_interrupts_and_is_answered_at_once() -> None:
    turns = machine()
    turns.on(LearnerTypes("hi"))
    assert turns.on(LearnerTypes("no, wait")) == [
        Cancel("t1", released=True),
        Begin("t2", "no, wait"),
        Release("t2"),
    ]


def test_a_turn_that_ends_without_a_pause_is_answered() -> None:
    assert machine().on(LearnerEnds("so long")) == [Begin("t1", "so long"), Release("t1")]


def test_a_cough_is_not_answered() -> None:
    turns = machine()
    turns.on(LearnerSpeaks())
    assert turns.on(LearnerPauses("")) == []
    assert turns.on(LearnerEnds("")) == []
    assert turns.state == Listening()


def test_a_final_text_that_differs_from_the_eager_one_is_the_one_answered() -> None:
    turns = machine()
    turns.on(LearnerPauses("hell"))
    assert turns.on(LearnerEnds("hello")) == [Cancel("t1", released=False), Begin("t2", "hello"), Release("t2")]


def test_the_end_of_a_reply_that_is_no_longer_under_way_means_nothing() -> None:
    turns = machine()
    turns.on(LearnerTypes("hi"))
    assert turns.on(ReplyEnds("t0")) == []
    assert turns.state == Speaking("t1")


texts = st.sampled_from(["", "yes", "no", "well then"])
events = st.one_of(
    st.builds(LearnerSpeaks, st.booleans()),
    st.builds(PartnerBegins, texts, st.booleans()),
    st.just(LearnerBargesIn()),
    st.just(LearnerInterrupts()),
    st.just(TurnLost()),
    st.builds(LearnerPauses, texts, st.booleans()),
    st.builds(LearnerEnds, texts, st.booleans()),
    texts.filter(bool).map(LearnerTypes),
    st.integers(0, 20).map(lambda n: ReplyEnds(f"t{n}")),
)


@given(st.lists(events, max_size=40))
def test_whatever_happens_no_cancelled_reply_is_released_and_one_at_most_is_under_way(happening: list[Event]) -> None:
    turns = machine()
    started: list[str] = []
    over: set[str] = set()
    for event in happening:
        if isinstance(event, ReplyEnds):
            over.add(event.turn_id)
        for decision in turns.on(event):
            _check(decision, started, over)
        under_way = [turn_id for turn_id in started if turn_id not in over]
        match turns.state:
            case Held(turn_id) | Speaking(turn_id) | Hushed(turn_id):
                assert under_way == [turn_id]
            case Listening() | Cut():
                assert under_way == []
    turns.on(LearnerInterrupts())
    assert turns.state == Listening()


def _check(decision: Decision, started: list[str], over: set[str]) -> None:
    match decision:
        case Begin(turn_id) | Say(turn_id) | Continue(turn_id):
            assert turn_id not in started
            started.append(turn_id)
            over.discard(turn_id)
        case Release(turn_id) | Hush(turn_id) | Unhush(turn_id):
            assert turn_id == started[-1]
            assert turn_id not in over
        case Cancel(turn_id):
            assert turn_id in started
            assert turn_id not in over
            over.add(turn_id)
