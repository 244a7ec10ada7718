"""The record of one conversation: its state and turns, in memory and in the session store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from common.errors import ServiceError, UnavailableError
from gateway.history import SessionState, Turn
from gateway.outbox import Outbox
from gateway.ports import SessionStore, SessionTakenError


class ConversationRecord:
    """What is kept of a conversation. A store that is away costs a warning, not the conversation."""

    def __init__(
        self, state: SessionState, store: SessionStore, outbox: Outbox, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self.state = state
        self.turns: list[Turn] = []
        self._store = store
        self._outbox = outbox
        self._wall_clock = wall_clock
        self._saved = True

    def elapsed_s(self) -> float:
        """Seconds since the conversation began; it goes on counting through a reconnect."""
        return round(max(0.0, self._wall_clock() - self.state.created_at), 3)

    async def create(self, resume_token: str) -> None:
        await self._write(self._store.create(self.state, resume_token))

    async def resume(self, session_id: str, resume_token: str, owner: str) -> None:
        """Become the record of that session. Raises what SessionStore.resume raises; this record is then unchanged."""
        fresh = self.state.session_id
        self.state, self.turns = await self._store.resume(session_id, resume_token, owner)
        await self._write(self._store.delete(fresh))

    async def remember(self, turn: Turn) -> None:
        self.turns.append(turn)
        await self._write(self._store.append(self.state, turn))

    async def change(self, **changes: object) -> None:
        """Change fields of the state, e.g. `level`."""
        if changes:
            self.state = SessionState.model_validate(self.state.model_dump() | changes)
            await self._write(self._store.save(self.state))

    async def _write(self, write: Awaitable[None]) -> None:
        """Warns once when the store is lost. Raises SessionTakenError."""
        try:
            await write
        except SessionTakenError:
            raise
        except ServiceError as error:
            if self._saved:
                self._saved = False
                await self._outbox.report(
                    UnavailableError(
                        f"the conversation goes on but is not being saved ({error.message})", code="not_saved"
                    )
                )
        else:
            self._saved = True
