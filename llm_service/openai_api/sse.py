"""Server-sent events, as streams of chat completions use them (https://html.spec.whatwg.org/multipage/server-sent-events.html).

bytes, cut anywhere ──► lines (LF, CR or CRLF) ──► the `data` of each event
"""

from __future__ import annotations

from collections.abc import Iterator

MAX_EVENT_BYTES = 1024 * 1024  # an event of a chat completion has a few hundred bytes


class SseError(ValueError):
    """The stream does not consist of server-sent events."""


class SseParser:
    """Takes a stream's bytes as they arrive, and gives the data of the events that they complete.

    As the standard requires, it drops fields other than `data`, comments, and an event that is incomplete at the end of
    the stream.
    """

    def __init__(self) -> None:
        self._line = bytearray()  # the incomplete line
        self._data: list[str] = []  # the data of the incomplete event
        self._size = 0  # bytes held in both
        self._after_cr = False  # a CR ended the last line: an LF now belongs to it
        self._first_line = True

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The data of each event that `chunk` completes. Raises SseError if an event exceeds MAX_EVENT_BYTES."""
        for piece in chunk.splitlines(keepends=True):
            if self._after_cr and piece == b"\n":
                self._after_cr = False
                continue
            self._after_cr = piece.endswith(b"\r")
            self._size += len(piece)
            if self._size > MAX_EVENT_BYTES:
                raise SseError(f"an event of more than {MAX_EVENT_BYTES} bytes")
            self._line += piece.rstrip(b"\r\n")
            if piece.endswith((b"\r", b"\n")):
                yield from self._end_line()

    def _end_line(self) -> Iterator[str]:
        line = self._line.decode("utf-8", errors="replace")
        self._line.clear()
        if self._first_line:
            line = line.removeprefix("\ufeff")
            self._first_line = False
        if not line:
            if self._data:
                yield "\n".join(self._data)
            self._data.clear()
            self._size = 0
            return
        field, _, value = line.partition(":")
        if field == "data":
            self._data.append(value.removeprefix(" "))
        elif not self._data:
            self._size = 0  # comments may go on for hours
