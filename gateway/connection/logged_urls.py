"""Keeps the queries of URLs out of the log.

uvicorn logs the whole URL of every WebSocket, and with DEBUG that of every request. A query may hold what nobody else
should have: the ticket for a place in the queue, or a token that a client put there by mistake.
"""

from __future__ import annotations

import logging

_LOGGERS = ("uvicorn.error", "uvicorn.access")


class _NoQueries(logging.Filter):
    """Cuts paths in the arguments of a record at their `?`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Called by the logger. Lets every record through."""
        if isinstance(record.args, tuple):
            record.args = tuple(map(_without_query, record.args))
        return True


def _without_query(argument: object) -> object:
    is_url = isinstance(argument, str) and argument.startswith("/") and "?" in argument
    return f"{str(argument).partition('?')[0]}?…" if is_url else argument


_NO_QUERIES = _NoQueries()


def hide_queries() -> None:
    """From now on, uvicorn's log lines have URLs without their queries."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_NO_QUERIES)
