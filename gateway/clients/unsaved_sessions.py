"""Keeps the sessions that could not be written, and writes them once the store can be reached again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakValueDictionary

from common.errors import ServiceError
from gateway import metrics
from gateway.history import SessionState, Turn
from gateway.ports import SessionTakenError, UnsavedSession

logger = logging.getLogger(__name__)

SAVE_AGAIN_S = 1.0
MAX_UNSAVED = 10_000
"""With more sessions, the oldest is dropped."""


class UnsavedSessions:
    """The unsaved sessions of one gateway. restore: writes a whole session, as `SessionStore.restore`."""

    def __init__(self, restore: Callable[[SessionState, str, Sequence[Turn]], Awaitable[None]]) -> None:
        self._restore = restore
        self._sessions: dict[str, UnsavedSession] = {}
        self._saving: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def add(self, session: UnsavedSession) -> None:
        """Have `keep_saving` write the session, in its latest state."""
        self._sessions[session.state.session_id] = session
        if len(self._sessions) > MAX_UNSAVED:
            del self._sessions[next(iter(self._sessions))]
        metrics.UNSAVED_SESSIONS.set(len(self._sessions))

    def drop(self, session_id: str) -> None:
        """The session need not be written any more."""
        self._sessions.pop(session_id, None)
        metrics.UNSAVED_SESSIONS.set(len(self._sessions))

    async def keep_saving(self) -> None:
        """Write the sessions as soon as possible, until cancelled."""
        while True:
            await asyncio.sleep(SAVE_AGAIN_S)
            await self.save_all()

    async def save_all(self) -> None:
        """Write the sessions now, as far as the store can be reached."""
        for session_id in list(self._sessions):
            if not await self.save(session_id):
                break

    async def save(self, session_id: str) -> bool:
        """Write this session if it is unsaved. It stays unsaved if it has changed meanwhile. Returns False if the store
        can't be reached."""
        # one write after the other, because an earlier one could replace what a later one has written
        async with self._saving.setdefault(session_id, asyncio.Lock()):
            session = self._sessions.get(session_id)
            return session is None or await self._save(session_id, session)

    async def _save(self, session_id: str, session: UnsavedSession) -> bool:
        state, turns = session.state, tuple(session.turns)
        try:
            is_erased = await session.check_erased()
            if not is_erased:
                await self._restore(state, session.resume_token, turns)
        except SessionTakenError:
            session.mark_taken()
        except ServiceError:
            return False
        else:
            if not is_erased and (state is not session.state or turns != tuple(session.turns)):
                return True
            session.mark_saved()
            how = "erased by its learner" if is_erased else "saved after all"
            logger.info("session %s is %s, with %d turns", session_id, how, len(turns))
        if self._sessions.get(session_id) is session:  # it may have been resumed here, and be unsaved again
            self.drop(session_id)
        return True
