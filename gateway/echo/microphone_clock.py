"""When the learner's microphone recorded a sample, by the gateway's clock. Pure.

Audio may come late but never early. So the sample that came with the least delay shows when all the others were
recorded.
"""

from __future__ import annotations

from collections import deque

_REMEMBER_S = 3.0  # older observations are forgotten, so a microphone that was off for longer starts anew
_TOLERANCE_S = 0.02


class MicrophoneClock:
    """Follows one stream at `sample_rate_hz`."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self._samples = 0
        # Pairs: when audio came, and when the stream would have begun if that audio had come without delay.
        self._begins: deque[tuple[float, float]] = deque()
        self._began_s: float | None = None

    def add(self, samples: int, now_s: float) -> int:
        """Note that these samples have come now. Returns when the first of them was recorded, in samples of the
        gateway's clock.

        The times of successive calls follow each other without a gap, except where the clock is found to be wrong by
        more than 20 ms.
        """
        first = self._samples
        self._samples += samples
        began_s = now_s - self._samples / self._rate_hz
        while self._begins and (self._begins[-1][1] >= began_s):
            self._begins.pop()
        self._begins.append((now_s, began_s))
        while self._begins[0][0] < now_s - _REMEMBER_S:
            self._begins.popleft()
        least_s = self._begins[0][1]
        if self._began_s is None or abs(least_s - self._began_s) > _TOLERANCE_S:
            self._began_s = least_s
        return round(self._began_s * self._rate_hz) + first
