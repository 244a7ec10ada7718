"""The record of one conversation: its state and turns, in memory and in the session store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from common.errors import ServiceError, UnavailableError
from gateway.history import SessionState, Turn
from gateway.outbox import Outbox
from gateway.ports import SessionStore, SessionTakenError


class ConversationRecord:
    """What is kept of a conversation.

    If the store can't be reached, the learner is warned and the conversation goes on.
    All methods that write raise SessionTakenError when a newer connection has taken the session over.
    """

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
        """Seconds since the conversation began, the time between two connections included."""
        return round(max(0.0, self._wall_clock() - self.state.created_at), 3)

    async def create(self, resume_token: str) -> None:
        """Store the session, so that `resume_token` can resume it."""
        await self._write(self._store.create(self.state, resume_token))

    async def resume(self, session_id: str, resume_token: str, owner: str) -> None:
        """Become the record of an earlier session, which `owner`, a gateway, serves from now on.

        Raises what SessionStore.resume raises; this record is then unchanged.
        """
        fresh = self.state.session_id
        self.state, self.turns = await self._store.resume(session_id, resume_token, owner)
        await self._write(self._store.delete(fresh))

    async def remember(self, turn: Turn) -> None:
        """Add a turn to the history."""
        self.turns.append(turn)
        await self._write(self._store.append(self.state, turn))

    async def change(self, **changes: object) -> None:
        """Change fields of the state, e.g. `level`."""
        if changes:
            self.state = SessionState.model_validate(self.state.model_dump() | changes)
            await self._write(self._store.save(self.state))

    async def _write(self, write: Awaitable[None]) -> None:
        """Write to the store. Warns the learner once while the store can't be reached. Raises SessionTakenError."""
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
