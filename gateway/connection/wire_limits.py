"""What a WebSocket may send besides whole messages, which `admission.limits` counts. Pure.

A client could keep the gateway busy with control frames, and fill its memory with messages that never end.
"""

from __future__ import annotations

from collections.abc import Callable

from common.bucket import Bucket

CONTROL_FRAMES_PER_S = 20.0  # on average; ten times as many may come at once
MAX_FRAGMENTS = 1000  # of one message, after the first
MAX_UNFINISHED_S = 30.0  # from the first byte of a message to its last


class WireLimits:
    """The limits of one connection. Each method returns why the connection must end, or an empty string. now: a clock
    in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._control = Bucket(CONTROL_FRAMES_PER_S, now)
        self._fragments = 0
        self._unfinished_since_s: float | None = None

    def control_frame(self) -> str:
        """A ping or a pong has come."""
        return "" if self._control.take(1) else f"more than {CONTROL_FRAMES_PER_S:g} control frames a second"

    def fragment(self, *, is_last: bool) -> str:
        """A further part of a message has come."""
        self._fragments = 0 if is_last else self._fragments + 1
        return "" if self._fragments <= MAX_FRAGMENTS else f"a message of more than {MAX_FRAGMENTS} fragments"

    def read(self, *, is_unfinished: bool, begins: bool) -> str:
        """Bytes have come. is_unfinished: the last message among them is incomplete. begins: that message
        also begins among them, so all earlier messages are complete.

        Over a slow network, read after read may end within a message, although each message is complete soon after.
        `begins` tells these messages from a single endless one.
        """
        if not is_unfinished:
            self._unfinished_since_s = None
        elif begins or self._unfinished_since_s is None:
            self._unfinished_since_s = self._now()
        elif self._now() - self._unfinished_since_s > MAX_UNFINISHED_S:
            return f"a message that took longer than {MAX_UNFINISHED_S:.0f} s"
        return ""
