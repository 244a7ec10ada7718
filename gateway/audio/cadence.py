"""How long to wait for audio before the microphone counts as silent. Pure: amounts of audio in, seconds out.

Once the microphone counts as silent, silence is added to the learner's open turn, so that it can end. But a recorder
that sends slices of a second sends nothing for a second between them, and a stalled network delivers everything late.
Silence added in such a gap would split a word. So the wait is the longest recent slice of the client, plus LATEST_S. A
slice's length is the amount of audio in it; when it arrived does not count.
"""

from __future__ import annotations

from collections import deque

LATEST_S = 2.2  # covers a network stall of two seconds and the delay of a busy client
ASSUMED_SLICE_S = 2.0  # the length that counts for each slice before the client's first
SLICES = 25  # the longest of the last 25 slices counts


class Cadence:
    """Learns how much audio one client sends at once."""

    def __init__(self) -> None:
        self._slices_s: deque[float] = deque([ASSUMED_SLICE_S] * SLICES, maxlen=SLICES)
        self._current_s = 0.0

    def begin_slice(self) -> None:
        """Bytes have come: a slice begins. The following calls of `heard` say how much audio it contains."""
        self._slices_s.append(self._current_s)
        self._current_s = 0.0

    def heard(self, seconds: float) -> None:
        """The present slice contains this much more audio."""
        self._current_s += seconds

    @property
    def patience_s(self) -> float:
        """How much time may pass after the latest bytes before the same sound goes on in further bytes."""
        return LATEST_S + max(self._current_s, *self._slices_s)
