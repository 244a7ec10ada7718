"""The ports to the store, and its errors.

All methods of the store raise UnavailableError when it can't be reached, but for `save_later`, `save_now`, `resume_key`
and `problem`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from common.errors import InvalidInputError, ServiceError, UnavailableError
from gateway.history import SessionState, Turn


class UnsavedSession(Protocol):
    """A session that could not be written, with its current values."""

    resume_token: str
    state: SessionState
    turns: list[Turn]

    async def check_erased(self) -> bool:
        """Whether the session must not be written, because its learner has erased their data. Raises
        UnavailableError."""
        ...

    def mark_saved(self) -> None:
        """Called when the whole session has been written."""
        ...

    def mark_taken(self) -> None:
        """Called if the session was not written, because a newer connection has taken it over."""
        ...


class SessionStore(Protocol):
    """Keeps sessions.

    `save`, `append` and `rewrite` raise SessionTakenError when a newer connection has taken the session over.
    """

    async def create(self, state: SessionState, resume_token: str) -> None:
        """Keep a new session."""
        ...

    async def resume(self, session_id: str, resume_token: str, owner: str) -> tuple[SessionState, list[Turn]]:
        """Take the session over for the gateway `owner`. Raises SessionUnknownError, WrongTokenError."""
        ...

    async def knows(self, session_id: str, resume_token: str) -> bool:
        """Whether `resume` would succeed. Changes nothing."""
        ...

    async def save(self, state: SessionState) -> None:
        """Replace the session's state."""
        ...

    async def append(self, state: SessionState, turn: Turn, *, at: int) -> None:
        """Add a turn to the session, or replace one. at: its place. Raises SessionLostError if earlier turns are
        missing."""
        ...

    async def rewrite(self, state: SessionState, turns: Sequence[Turn]) -> None:
        """Replace all turns of the session."""
        ...

    async def restore(self, state: SessionState, resume_token: str, turns: Sequence[Turn]) -> None:
        """Write the whole session, whatever the store holds of it."""
        ...

    def save_later(self, session: UnsavedSession) -> None:
        """Write the whole session as soon as the store can be reached, even if its conversation is over by then."""
        ...

    async def save_now(self, session_id: str) -> None:
        """Write the session now if `save_later` has yet to write it. If the store can't be reached, it stays so."""
        ...

    async def leave(self, session_id: str) -> None:
        """The learner has left a session without a turn. It need not be kept for long."""
        ...

    async def resume_key(self) -> bytes:
        """The secret key from which resume tokens are made for clients that don't keep them. All gateways have the same
        key."""
        ...

    async def delete(self, session_id: str) -> None:
        """Forget the session."""
        ...

    async def problem(self) -> str:
        """Why nothing can be stored now, and what to do; empty if the store works."""
        ...


class ClientSecrets(Protocol):
    """Keeps the short-lived keys that clients ask for."""

    async def keep_client_secret(self, client: str, secret: str, document: str, ttl_s: int) -> bool:
        """Store the document of a client's short-lived key. False: the client's keys hold too much already."""
        ...

    async def client_secret(self, secret: str) -> str | None:
        """The document of this key; None if there is no such key, or it has expired."""
        ...


class UsualPauses(Protocol):
    """Keeps how long each learner usually pauses."""

    async def usual_pause_ms(self, learner: str) -> int:
        """How long this learner usually paused in earlier conversations; 0 if unknown."""
        ...

    async def keep_usual_pause(self, learner: str, usual_pause_ms: int) -> None:
        """Keep the usual pause for the learner's next conversation."""
        ...


class Store(SessionStore, ClientSecrets, UsualPauses, Protocol):
    """Everything that a gateway keeps, but for the learners' records."""


class SessionLostError(UnavailableError):
    """The store answers, but has lost the session or some of its turns."""


class SessionUnknownError(InvalidInputError):
    """There is no such session: it never existed, has expired, or was ended."""

    code = "session_unknown"


class WrongTokenError(InvalidInputError):
    """The resume token is not this session's."""

    code = "wrong_resume_token"


class SessionTakenError(ServiceError):
    """A newer connection has taken the session over."""

    code = "session_taken_over"
