"""How long may audio be awaited before the microphone counts as silent? Pure: amounts of audio in, seconds out.

Time is what the audio says, not when it arrived. A recorder that sends slices of a second is silent for a second
between them, and a network that stalls brings everything afterwards. Silence that is put in meanwhile would stand in
the middle of a word. So the next audio is awaited for as long as the client's slices are, and LATEST_S besides.
"""

from __future__ import annotations

from collections import deque

LATEST_S = 2.2  # a stall of two seconds, and what a busy client adds
ASSUMED_SLICE_S = 2.0  # until the client's own slices are known
SLICES = 25  # the longest of so many counts


class Cadence:
    """Learns how much audio one client sends at once."""

    def __init__(self) -> None:
        self._slices_s: deque[float] = deque([ASSUMED_SLICE_S] * SLICES, maxlen=SLICES)
        self._current_s = 0.0

    def begin_slice(self) -> None:
        """Bytes have come; what is `heard` from now on was in them."""
        self._slices_s.append(self._current_s)
        self._current_s = 0.0

    def heard(self, seconds: float) -> None:
        """So much audio was in the bytes that came last."""
        self._current_s += seconds

    @property
    def patience_s(self) -> float:
        """How long after the last bytes more may still come that belong to the same sound."""
        return LATEST_S + max(self._current_s, *self._slices_s)
