"""What a connection's messages and its end mean for the conversation."""

from __future__ import annotations

import json

import pytest
from aitalk.client.errors import BusyError, ConversationOverError, RefusedError, UnauthorizedError
from aitalk.client.events import (
    AiText,
    Analysis,
    Connected,
    Error,
    Queued,
    Reconnect,
    Resumed,
    SpeechStarted,
    Transcript,
)
from aitalk.client.link import GIVE_UP_AFTER, Link, Over, Phase, Retry
from aitalk.client.options import Options, SessionKey

KEY = SessionKey("one", "secret")


def a_link(key: SessionKey | None = None) -> Link:
    return Link("http://gateway", Options(level="beginner"), key, with_token=False)


def a_ready_link() -> Link:
    link = a_link()
    link.received(Connected("one", "secret"))
    return link


def test_a_new_conversation_is_ready_when_it_is_connected() -> None:
    link = a_link()
    (start,) = link.received(Connected("one", "secret"))
    assert json.loads(start) == {
        "type": "start",
        "audio": {"encoding": "pcm_s16le", "sample_rate": 16000},
        "level": "beginner",
    }
    assert link.ready
    assert link.key == KEY


def test_after_a_break_the_conversation_is_resumed() -> None:
    link = a_ready_link()
    assert isinstance(link.lost(0, ""), Retry)
    (start,) = link.received(Connected("another", "other"))
    assert json.loads(start).items() >= {"session_id": "one", "resume_token": "secret"}.items()
    assert link.phase is Phase.RESUMING
    assert link.received(Resumed("one", 4, "beginner")) == []
    assert link.ready
    assert link.key == KEY


def test_a_conversation_to_resume_asks_for_its_seat_while_it_is_queued() -> None:
    link = a_link(KEY)
    assert len(link.received(Queued(3, 20, "place"))) == 1
    assert link.query == {"place": "place"}
    assert link.received(Connected("another", "other")) == []  # nothing to send, because `start` is sent only once
    assert link.query == {}
    link.received(Resumed("one", 4, "beginner"))
    assert link.ready


def test_a_move_waits_as_told() -> None:
    link = a_ready_link()
    link.received(Reconnect("update", 700))
    assert not link.ready
    assert link.lost(1012, "") == Retry(0.7)


def test_waits_get_longer_and_end() -> None:
    link = a_ready_link()
    waits = []
    for _ in range(GIVE_UP_AFTER):
        outcome = link.lost(0, "")
        assert isinstance(outcome, Retry)
        waits.append(outcome.seconds)
    assert waits[0] < 0.7
    assert 6 <= waits[-1] <= 10
    with pytest.raises(ConversationOverError, match="can't be reached any more"):
        link.lost(0, "")


def test_a_successful_attempt_starts_the_waits_anew() -> None:
    link = a_ready_link()
    for _ in range(3 * GIVE_UP_AFTER):
        assert isinstance(link.lost(0, ""), Retry)
        link.received(Connected("another", "other"))
        link.received(Resumed("one", 4, "beginner"))


def test_a_typed_turn_without_an_answer_is_sent_again() -> None:
    link = a_ready_link()
    link.unanswered = "Hello?"
    link.lost(0, "")
    link.received(Connected("another", "other"))
    (again,) = link.received(Resumed("one", 4, "beginner"))
    assert json.loads(again) == {"type": "text", "text": "Hello?"}
    link.received(AiText("Hi", is_complete=False, turn_id="a"))
    assert link.unanswered is None


def test_an_end_that_may_not_have_arrived_is_sent_again() -> None:
    link = a_ready_link()
    link.ending = True
    link.lost(0, "")
    link.received(Connected("another", "other"))
    (again,) = link.received(Resumed("one", 4, "beginner"))
    assert json.loads(again) == {"type": "end_conversation"}


def test_the_analysis_ends_it() -> None:
    link = a_ready_link()
    link.received(Analysis({}))
    assert link.lost(1000, "") == Over()


def test_hearing_begins_and_ends_with_the_learners_turn() -> None:
    link = a_ready_link()
    link.received(SpeechStarted())
    assert link.hearing
    link.received(Transcript("Hello", is_final=False))
    assert link.hearing
    link.received(Transcript("Hello", is_final=True))
    assert not link.hearing


def test_a_wrong_token_says_what_to_do() -> None:
    with pytest.raises(UnauthorizedError, match="AITALK_TOKEN"):
        a_link().received(Error("no token", "unauthorized", retryable=False))


def test_a_session_that_is_gone_is_not_tried_again() -> None:
    link = a_link(KEY)
    link.received(Connected("another", "other"))
    with pytest.raises(RefusedError, match=r"can't be resumed: it has expired\. Begin a new one") as caught:
        link.received(Error("it has expired", "session_unknown", retryable=False))
    assert caught.value.code == "session_unknown"


def test_a_store_that_is_away_is_tried_again() -> None:
    link = a_link(KEY)
    link.received(Connected("another", "other"))
    link.received(Error("Redis is away", "unavailable", retryable=True))
    assert link.resume_failed
    assert isinstance(link.lost(1000 if link.ending else 0, ""), Retry)


@pytest.mark.parametrize(("code", "said"), [(4409, "newer connection"), (4408, "long time"), (1008, "too much")])
def test_some_closes_are_final(code: int, said: str) -> None:
    link = a_ready_link()
    link.received(Error("too much", "too_much", retryable=True))
    with pytest.raises(ConversationOverError, match=said) as caught:
        link.lost(code, "")
    assert caught.value.code == code


def test_no_free_seat_is_an_error_of_its_own() -> None:
    link = a_link()
    link.received(Error("20 learners wait", "busy", retryable=True))
    with pytest.raises(BusyError, match="20 learners wait"):
        link.lost(1013, "")
