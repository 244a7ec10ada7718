"""The record of one conversation: its state and turns, in memory and in the session store."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from common.bucket import Bucket
from common.errors import InvalidInputError, ServiceError, UnavailableError
from gateway.history import LearnerTurn, SessionState, Turn, check_room, length_of
from gateway.outbox import Outbox
from gateway.ports import SessionLostError, SessionStore, SessionTakenError

logger = logging.getLogger(__name__)

SAVED_WITHIN_S = 2.0
"""If a write takes the store longer than this, the store counts as unavailable, because a reply must not wait for it.
"""

REWRITTEN_PER_S = 500_000
"""Inserting a turn before others, or deleting one, writes the whole conversation. If that would be more than this many
characters per second, the conversation is written about once a second instead."""
TURN_CHARS = 200
"""About how many characters a turn takes in the store beside its text."""


class ConversationRecord:
    """The state and the turns of one conversation. Writes each change to the session store, too.

    If the store can't be reached, the learner is warned and the conversation goes on. All of it is then written later.
    All methods that write raise SessionTakenError when a newer connection has taken the session over.
    """

    def __init__(
        self,
        state: SessionState,
        store: SessionStore,
        outbox: Outbox,
        *,
        wall_clock: Callable[[], float] = time.time,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = state
        self.turns: list[Turn] = []
        self._store = store
        self._outbox = outbox
        self._wall_clock = wall_clock
        self._now = now
        self._began_s = self._beginning_s()
        self._rewriting = Bucket(REWRITTEN_PER_S, now)
        self.resume_token = ""
        self._is_unsaved = self._is_taken = self._is_erased = False
        self.is_wanted: Callable[[], Awaitable[bool]] | None = None
        """Called before a session that the store lacks is written. Returns False if the learner has erased it."""
        self.on_said: Callable[[], Awaitable[None]] | None = None
        """Called when a turn of the learner has been written, and before a session with such a turn is written whole:
        an erasure finds the session only as long as the learner's record is kept."""

    def elapsed_s(self) -> float:
        """Seconds since the conversation began, including the time between two connections."""
        return round(self._now() - self._began_s, 3)

    def _beginning_s(self) -> float:
        """When the conversation began, on the clock `now`, which nobody sets.

        Another gateway may have begun it, so its age comes from the wall clock. If that clock was set back meanwhile,
        the age is at least the time of the last turn.
        """
        last_s = max((turn.started_s for turn in self.turns), default=0.0)
        return self._now() - max(last_s, self._wall_clock() - self.state.created_at)

    async def create(self, resume_token: str) -> None:
        """Store the session under this `resume_token`, with which it can be resumed."""
        self.resume_token = resume_token
        await self._write(lambda: self._store.create(self.state, resume_token))

    async def resume(self, session_id: str, resume_token: str, owner: str) -> None:
        """Become the record of an earlier session. From now on the gateway `owner` serves that session.

        Raises what SessionStore.resume raises; this record is then unchanged.
        """
        fresh = self.state.session_id
        self.state, self.turns = await self._store.resume(session_id, resume_token, owner)
        self.resume_token, self._is_unsaved = resume_token, False
        self._began_s = self._beginning_s()
        with suppress(ServiceError):  # if this fails, the store soon drops the fresh session anyway
            await self._store.delete(fresh)

    def check_room(self) -> None:
        """Raises InvalidInputError if the conversation is full."""
        check_room(map(length_of, self.turns))

    async def remember(self, turn: Turn, place: int | None = None) -> None:
        """Add a turn to the history. place: its index, if other turns were added before it was complete."""
        at = len(self.turns) if place is None else min(place, len(self.turns))
        self.turns.insert(at, turn)
        if at < len(self.turns) - 1:
            await self._rewrite(at, 1)
        else:
            await self._write(lambda: self._store.append(self.state, turn, at=at))
        if self.on_said and isinstance(turn, LearnerTurn) and not self._is_unsaved:
            await self.on_said()

    async def insert(self, turn: Turn, *, after: str | None) -> None:
        """Add a turn after the one with the id `after`; None: before all others. Raises InvalidInputError."""
        at = 0 if after is None else self._place(after) + 1
        self.turns.insert(at, turn)
        await self._rewrite(at, 1)

    async def forget(self, turn_id: str) -> None:
        """Remove a turn. Raises InvalidInputError if there is none with this id."""
        at = self._place(turn_id)
        del self.turns[at]
        await self._rewrite(at, -1)

    async def replace(self, turn: Turn) -> None:
        """Replace the turn that has the same id as `turn`. Raises InvalidInputError if there is none."""
        at = self._place(turn.turn_id)
        self.turns[at] = turn
        await self._write(lambda: self._store.append(self.state, turn, at=at))

    async def change(self, **changes: object) -> None:
        """Change fields of the state, e.g. `level`."""
        if changes:
            self.state = SessionState.model_validate(self.state.model_dump() | changes)
            await self._write(lambda: self._store.save(self.state))

    def _place(self, turn_id: str) -> int:
        for at, turn in enumerate(self.turns):
            if turn.turn_id == turn_id:
                return at
        raise InvalidInputError("there is no such turn in this conversation; it was deleted, or nothing was said in it")

    async def _rewrite(self, at: int, more: int) -> None:
        """Store all turns again, after `more` turns were inserted at the index `at`. `more` is negative if turns were
        removed. Turns that prompts leave out stay left out.

        A client could make each of its messages cost as much as the whole conversation. So a conversation that
        changes too often is written like an unsaved one: all changes together, a moment later.
        """
        memory = self.state.memory
        counts = {"left_out": memory.left_out, "summarised": memory.summarised}
        moved = {name: count + more if at < count else count for name, count in counts.items()}
        if moved != counts:
            await self.change(memory=memory.model_copy(update=moved))
        size = sum(map(length_of, self.turns)) + TURN_CHARS * len(self.turns)
        if self._rewriting.left >= size and self._rewriting.take(size):
            await self._write(lambda: self._store.rewrite(self.state, self.turns))
        else:
            await self._write(self._save_later)

    async def save(self) -> None:
        """Write now what was to be written a moment later, because another gateway may soon go on with the session.

        What can't be written within SAVED_WITHIN_S is still written later.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(SAVED_WITHIN_S):
                if self._is_unsaved:
                    await self._store.save_now(self.state.session_id)
                else:
                    await self._report_said()  # it may have failed after the last turn

    async def leave(self) -> None:
        """The learner has gone and will probably not come back. A session without a turn is not kept."""
        if not self.turns:
            with suppress(ServiceError):
                await self._store.leave(self.state.session_id)

    async def check_erased(self) -> bool:
        """Ask whether the learner has erased the session, which the store lacks. If so, nothing more is written;
        otherwise the session is about to be written."""
        self._is_erased = self._is_erased or (self.is_wanted is not None and not await self.is_wanted())
        if not self._is_erased:
            await self._report_said()
        return self._is_erased

    async def _report_said(self) -> None:
        if self.on_said and any(isinstance(turn, LearnerTurn) for turn in self.turns):
            await self.on_said()

    def mark_saved(self) -> None:
        """The store has now written the whole session."""
        self._is_unsaved = False

    def mark_taken(self) -> None:
        """The store has found that a newer connection has taken the session over."""
        self._is_taken = True

    async def _write(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write to the store. Warns the learner once while that is impossible. Raises SessionTakenError."""
        if self._is_taken:
            raise SessionTakenError("this conversation goes on over a newer connection; this one is closed")
        if self._is_erased or self._is_unsaved:
            return  # an unsaved session is written whole later
        try:
            async with asyncio.timeout(SAVED_WITHIN_S):
                try:
                    await write()
                except SessionLostError:
                    if not await self.check_erased():
                        await self._store.restore(self.state, self.resume_token, self.turns)
        except SessionTakenError:
            raise
        except (ServiceError, TimeoutError) as error:
            why = error.message if isinstance(error, ServiceError) else f"no answer within {SAVED_WITHIN_S:g} s"
            logger.warning("session %s can't be saved now: %s", self.state.session_id, why)
            await self._save_later()
            await self._outbox.report(
                UnavailableError(
                    "the conversation goes on but can't be saved now; it will be saved as soon as that is possible",
                    code="not_saved",
                )
            )

    async def _save_later(self) -> None:
        self._is_unsaved = True
        self._store.save_later(self)
