"""The ids of the session and the turn that the current task works for, for log lines.

All tasks of a session inherit these ids. Calls to the model servers carry them as W3C baggage (`common.tracing`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class WorkIds:
    """Shared by all tasks of a session, so all of them see it when a resumed session gets its old id back."""

    session_id: str = ""
    turn_id: str = ""


_NOBODY = WorkIds()
_current: ContextVar[WorkIds] = ContextVar("work_ids", default=_NOBODY)


@contextmanager
def working_on(ids: WorkIds) -> Iterator[WorkIds]:
    """Within the block, the current task and the tasks that it starts work for `ids`."""
    token = _current.set(ids)
    try:
        yield ids
    finally:
        _current.reset(token)


def current_ids() -> WorkIds:
    """The ids that the current task works for. They are empty if it works for no session, for example during the
    start."""
    return _current.get()


def session_renamed(session_id: str) -> None:
    """Give the current session another id."""
    if (ids := _current.get()) is not _NOBODY:
        ids.session_id = session_id
