"""Whose work this is: the session and the turn, for log lines. They follow the tasks of a session by themselves, and
the calls to the model servers as W3C baggage (`common.tracing`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class WorkIds:
    """Shared by all tasks of a session: a session that is carried on gets its old id back, and all of them see it."""

    session_id: str = ""
    turn_id: str = ""


_NOBODY = WorkIds()
_current: ContextVar[WorkIds] = ContextVar("work_ids", default=_NOBODY)


@contextmanager
def working_on(ids: WorkIds) -> Iterator[WorkIds]:
    """What is done in the block, and by the tasks started in it, is done for `ids`."""
    token = _current.set(ids)
    try:
        yield ids
    finally:
        _current.reset(token)


def current_ids() -> WorkIds:
    """Empty ids where nobody's work is done: at the start, for one."""
    return _current.get()


def session_renamed(session_id: str) -> None:
    """The session whose work this is goes by another id from now on."""
    if (ids := _current.get()) is not _NOBODY:
        ids.session_id = session_id
