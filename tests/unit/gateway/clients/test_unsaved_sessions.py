"""Sessions that could not be written are written once the store can be reached again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from prometheus_client import REGISTRY

from common.errors import UnavailableError
from gateway.clients import unsaved_sessions
from gateway.clients.unsaved_sessions import SAVE_AGAIN_S, UnsavedSessions
from gateway.history import LearnerTurn, SessionState, Turn
from gateway.ports import SessionTakenError

pytestmark = pytest.mark.looptime


def turn(number: int) -> Turn:
    return LearnerTurn(turn_id=str(number), text="Good morning", started_s=0.5)


@dataclass
class Session:
    """An UnsavedSession with one turn."""

    state: SessionState
    resume_token: str = "token"
    turns: list[Turn] = field(default_factory=lambda: [turn(0)])
    is_erased: bool = False
    became: str = ""

    @classmethod
    def named(cls, session_id: str) -> Session:
        return cls(SessionState(session_id=session_id, created_at=1.0))

    async def check_erased(self) -> bool:
        return self.is_erased

    def mark_saved(self) -> None:
        self.became = "saved"

    def mark_taken(self) -> None:
        self.became = "taken"


@dataclass
class Redis:
    """Takes what is written, or fails with `error`. busy_s: how long a write takes."""

    error: Exception | None = None
    busy_s: float = 0.0
    written: list[tuple[str, int]] = field(default_factory=list)  # session's id, number of turns

    async def restore(self, state: SessionState, resume_token: str, turns: Sequence[Turn]) -> None:
        await asyncio.sleep(self.busy_s)
        if self.error:
            raise self.error
        self.written.append((state.session_id, len(turns)))


def waiting() -> float | None:
    return REGISTRY.get_sample_value("aitalk_gateway_unsaved_sessions")


async def saved_for(seconds: float, unsaved: UnsavedSessions) -> None:
    saving = asyncio.create_task(unsaved.keep_saving())
    await asyncio.sleep(seconds)
    saving.cancel()


async def test_sessions_are_written_when_the_store_is_back_and_only_once() -> None:
    redis, sessions = Redis(UnavailableError("away")), [Session.named("a"), Session.named("b")]
    unsaved = UnsavedSessions(redis.restore)
    for session in sessions:
        unsaved.add(session)
    await saved_for(3 * SAVE_AGAIN_S, unsaved)
    assert (redis.written, waiting()) == ([], 2)
    redis.error = None
    await saved_for(3 * SAVE_AGAIN_S, unsaved)
    assert redis.written == [("a", 1), ("b", 1)]
    assert [session.became for session in sessions] == ["saved", "saved"]
    assert waiting() == 0


async def test_a_turn_that_comes_while_a_session_is_written_is_written_too() -> None:
    redis, session = Redis(busy_s=0.2), Session.named("a")
    unsaved = UnsavedSessions(redis.restore)
    unsaved.add(session)
    saving = asyncio.create_task(saved_for(3 * SAVE_AGAIN_S, unsaved))
    await asyncio.sleep(SAVE_AGAIN_S + 0.1)
    session.turns.append(turn(1))
    await saving
    assert redis.written == [("a", 1), ("a", 2)]


async def test_a_session_that_is_resumed_here_while_it_is_written_waits_for_its_own_write() -> None:
    redis, old, resumed = Redis(SessionTakenError("taken"), busy_s=0.2), Session.named("a"), Session.named("a")
    unsaved = UnsavedSessions(redis.restore)
    unsaved.add(old)
    saving = asyncio.create_task(unsaved.save("a"))
    await asyncio.sleep(0.1)
    unsaved.add(resumed)
    await saving
    assert (old.became, waiting()) == ("taken", 1)
    redis.error = None
    assert await unsaved.save("a")
    assert (resumed.became, redis.written) == ("saved", [("a", 1)])


async def test_a_session_is_written_by_one_at_a_time() -> None:
    """Otherwise a slow write of earlier turns could replace what a later one has written."""
    redis, session = Redis(busy_s=0.3), Session.named("a")
    unsaved = UnsavedSessions(redis.restore)
    unsaved.add(session)
    slow = asyncio.create_task(unsaved.save("a"))
    await asyncio.sleep(0.1)
    session.turns.append(turn(1))
    redis.busy_s = 0.0
    assert await unsaved.save("a")
    assert await slow
    assert redis.written == [("a", 1), ("a", 2)]


async def test_a_session_that_is_taken_or_erased_is_not_written() -> None:
    taken, erased, left = Session.named("taken"), Session.named("erased"), Session.named("left")
    erased.is_erased = True
    redis = Redis(SessionTakenError("taken"))
    unsaved = UnsavedSessions(redis.restore)
    for session in (taken, erased, left):
        unsaved.add(session)
    unsaved.drop("left")
    await saved_for(2 * SAVE_AGAIN_S, unsaved)
    assert [session.became for session in (taken, erased, left)] == ["taken", "saved", ""]
    assert (redis.written, waiting()) == ([], 0)


async def test_no_more_than_a_limit_are_kept_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsaved_sessions, "MAX_UNSAVED", 2)
    redis = Redis()
    unsaved = UnsavedSessions(redis.restore)
    for name in "abc":
        unsaved.add(Session.named(name))
    await saved_for(2 * SAVE_AGAIN_S, unsaved)
    assert [name for name, _ in redis.written] == ["b", "c"]


async def test_a_session_can_be_written_at_once() -> None:
    redis = Redis()
    unsaved = UnsavedSessions(redis.restore)
    unsaved.add(Session.named("a"))
    assert await unsaved.save("a")
    assert await unsaved.save("a")
    assert redis.written == [("a", 1)]
    redis.error = UnavailableError("away")
    unsaved.add(Session.named("b"))
    assert not await unsaved.save("b")
