"""When a learner's voice has lasted long enough to interrupt the partner."""

from __future__ import annotations

import pytest

from gateway.conversation.lasting_voice import LastingVoice


@pytest.fixture
def voice() -> LastingVoice:
    return LastingVoice(enough=1000, longest_gap=300)


def test_a_voice_has_lasted_once(voice: LastingVoice) -> None:
    voice.begin(500)
    assert not voice.tell(1499)
    assert voice.tell(1500)
    assert not voice.tell(1600)


def test_short_gaps_are_left_out_and_do_not_start_the_length_anew(voice: LastingVoice) -> None:
    voice.begin(0)
    voice.pause(400)
    assert not voice.tell(2000)  # a pause doesn't count
    voice.go_on(700)
    voice.pause(1200)
    voice.go_on(1300)
    assert voice.due == 1400  # 400, 500 and 100 samples of voice
    assert voice.tell(1400)


def test_a_long_gap_and_a_turn_that_seemed_over_start_the_length_anew(voice: LastingVoice) -> None:
    voice.begin(0)
    voice.pause(900)
    voice.go_on(1201)
    assert voice.due == 2201
    voice.pause(2100)
    voice.end()
    voice.go_on(2200)
    assert voice.due == 3200


def test_a_voice_that_has_lasted_and_goes_on_after_a_gap_lasts_anew(voice: LastingVoice) -> None:
    voice.begin(0)
    assert voice.tell(1000)
    voice.pause(1100)
    voice.go_on(1200)
    assert voice.due == 2200
