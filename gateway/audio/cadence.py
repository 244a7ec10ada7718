"""How long to wait for audio before the microphone counts as silent. Pure: amounts of audio in, seconds out.

Time is measured by the amount of audio, not by when it arrives. A recorder that sends slices of a second sends nothing
for a second between them, and a stalled network delivers everything late. Silence inserted in such a gap would split a
word. So the wait is the length of the client's slices plus LATEST_S.
"""

from __future__ import annotations

from collections import deque

LATEST_S = 2.2  # covers a network stall of two seconds and the delay of a busy client
ASSUMED_SLICE_S = 2.0  # until the client's own slices are known
SLICES = 25  # the longest of the last 25 slices counts


class Cadence:
    """Learns how much audio one client sends at once."""

    def __init__(self) -> None:
        self._slices_s: deque[float] = deque([ASSUMED_SLICE_S] * SLICES, maxlen=SLICES)
        self._current_s = 0.0

    def begin_slice(self) -> None:
        """Bytes have come. The next `heard` says how much audio they contained."""
        self._slices_s.append(self._current_s)
        self._current_s = 0.0

    def heard(self, seconds: float) -> None:
        """The latest bytes contained this much audio."""
        self._current_s += seconds

    @property
    def patience_s(self) -> float:
        """How long after the latest bytes more bytes of the same sound may still come."""
        return LATEST_S + max(self._current_s, *self._slices_s)
