"""A session store in memory, in place of Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from common.errors import UnavailableError
from gateway.history import SessionState, Turn
from gateway.ports import (
    SessionLostError,
    SessionTakenError,
    SessionUnknownError,
    UnsavedSession,
    WrongTokenError,
)


@dataclass
class MemoryStore:
    """A `Store` in dictionaries. Set `away` to make it unreachable, or `hangs` to make `create` and `append` wait for
    ever."""

    sessions: dict[str, tuple[SessionState, str, list[Turn]]] = field(default_factory=dict)
    usual_pauses_ms: dict[str, int] = field(default_factory=dict)  # learner → milliseconds
    client_secrets: dict[str, str] = field(default_factory=dict)
    most_secrets: int = 1000
    left: list[str] = field(default_factory=list)  # sessions that expire soon
    away: bool = False
    hangs: bool = False
    unsaved: list[UnsavedSession] = field(default_factory=list)

    async def create(self, state: SessionState, resume_token: str) -> None:
        self._check()
        await self._answers()
        self.sessions[state.session_id] = (state, resume_token, [])

    async def resume(self, session_id: str, resume_token: str, owner: str) -> tuple[SessionState, list[Turn]]:
        self._check()
        if session_id not in self.sessions:
            raise SessionUnknownError("there is no such session")
        state, token, turns = self.sessions[session_id]
        if token != resume_token:
            raise WrongTokenError("wrong")
        state = state.model_copy(update={"epoch": state.epoch + 1, "owner": owner})
        self.sessions[session_id] = (state, token, turns)
        return state, list(turns)

    async def knows(self, session_id: str, resume_token: str) -> bool:
        self._check()
        return session_id in self.sessions and self.sessions[session_id][1] == resume_token

    async def save(self, state: SessionState) -> None:
        _, token, turns = self._own(state)
        self.sessions[state.session_id] = (state, token, turns)

    async def append(self, state: SessionState, turn: Turn, *, at: int) -> None:
        await self._answers()
        turns = self._own(state)[2]
        if at > len(turns):
            raise SessionLostError("turns are missing")
        turns[at : at + 1] = [turn]

    async def restore(self, state: SessionState, resume_token: str, turns: Sequence[Turn]) -> None:
        self._check()
        self.sessions[state.session_id] = (state, resume_token, list(turns))

    def save_later(self, session: UnsavedSession) -> None:
        self.unsaved.append(session)

    async def save_unsaved(self) -> None:
        """Save the sessions in `unsaved`, as the real store does once Redis can be reached."""
        for session in list(self.unsaved):
            await self.save_now(session.state.session_id)

    async def save_now(self, session_id: str) -> None:
        for session in [one for one in self.unsaved if one.state.session_id == session_id and not self.away]:
            self.unsaved.remove(session)
            await self.restore(session.state, session.resume_token, session.turns)
            session.mark_saved()

    async def leave(self, session_id: str) -> None:
        self._check()
        self.left.append(session_id)

    async def problem(self) -> str:
        return "is away" if self.away else ""

    async def rewrite(self, state: SessionState, turns: Sequence[Turn]) -> None:
        self._own(state)[2][:] = turns

    async def delete(self, session_id: str) -> None:
        self._check()
        self.sessions.pop(session_id, None)

    async def resume_key(self) -> bytes:
        return b"known to the store only"

    async def keep_client_secret(self, client: str, secret: str, document: str, ttl_s: int) -> bool:
        self._check()
        if len(self.client_secrets) >= self.most_secrets:
            return False
        self.client_secrets[secret] = document
        return True

    async def client_secret(self, secret: str) -> str | None:
        self._check()
        return self.client_secrets.get(secret)

    async def usual_pause_ms(self, learner: str) -> int:
        self._check()
        return self.usual_pauses_ms.get(learner, 0)

    async def keep_usual_pause(self, learner: str, usual_pause_ms: int) -> None:
        self._check()
        self.usual_pauses_ms[learner] = usual_pause_ms

    def _own(self, state: SessionState) -> tuple[SessionState, str, list[Turn]]:
        self._check()
        kept = self.sessions[state.session_id]
        if kept[0].epoch != state.epoch:
            raise SessionTakenError("taken")
        return kept

    async def _answers(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()

    def _check(self) -> None:
        if self.away:
            raise UnavailableError("Redis: away")
