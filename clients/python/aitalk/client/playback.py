"""What the speaker plays and how much of it has been heard. Pure; a lock lets the sound card's thread take audio.

buffer.push(audio)          pieces of the partner's speech, as they come
buffer.take(480)            the next 480 samples for the sound card; silence if there are none
buffer.heard()              (turn, milliseconds heard), for `report_playback`
buffer.flush()              silence now; the rest of the latest turn is dropped, even if more arrives
"""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from aitalk.client.events import Audio

SAMPLE_BYTES = 2
DUCKED = 0.15  # of the full volume


class Heard(NamedTuple):
    """How much of a turn's audio has been heard."""

    turn_id: str
    played_ms: float


@dataclass(slots=True)
class _Piece:
    turn_id: str
    rate_hz: int
    pcm: memoryview


class PlaybackBuffer:
    """The partner's audio between the network and the speaker. latency_s: from `take` to the ear."""

    def __init__(self, latency_s: float = 0.0) -> None:
        self.latency_s = latency_s
        self._lock = Lock()
        self._pieces: deque[_Piece] = deque()
        self._turn = ""
        self._rate_hz = 0
        self._taken = 0  # samples of this turn
        self._dropped = ""  # the turn that was flushed
        self._ducked = False

    def push(self, audio: Audio) -> None:
        """Add a piece. A piece of a flushed turn is dropped."""
        with self._lock:
            if audio.turn_id != self._dropped:
                self._pieces.append(_Piece(audio.turn_id, audio.sample_rate, memoryview(audio.pcm)))

    def duck(self, softly: bool) -> None:
        """Play softly while the learner makes a sound, which may be no more than a "mhm"; or at full volume again."""
        self._ducked = softly

    def flush(self) -> None:
        """Drop all audio in the buffer, and the pieces of the latest turn that are still to come."""
        with self._lock:
            self._dropped = self._pieces[-1].turn_id if self._pieces else self._turn
            self._pieces.clear()

    def take(self, samples: int) -> bytes:
        """Exactly this many samples, with silence where there is no audio."""
        out = bytearray()
        with self._lock:
            while self._pieces and len(out) < samples * SAMPLE_BYTES:
                out += self._part(self._pieces[0], samples * SAMPLE_BYTES - len(out))
        quiet = _scaled(out, DUCKED) if self._ducked and out else bytes(out)
        return quiet + bytes(samples * SAMPLE_BYTES - len(quiet))

    def _part(self, piece: _Piece, size: int) -> memoryview:
        """Up to `size` bytes of the first piece. A piece that is used up leaves the queue."""
        if piece.turn_id != self._turn:
            self._turn, self._rate_hz, self._taken = piece.turn_id, piece.rate_hz, 0
        part, piece.pcm = piece.pcm[:size], piece.pcm[size:]
        self._taken += len(part) // SAMPLE_BYTES
        if not piece.pcm:
            self._pieces.popleft()
        return part

    @property
    def empty(self) -> bool:
        """Whether everything has been taken."""
        return not self._pieces

    def heard(self) -> Heard | None:
        """How much of the current turn the learner has heard; None: nothing was played yet.

        Once the buffer is empty, everything that was taken counts as heard. Otherwise the last `latency_s` would never
        count, because nothing more is taken.
        """
        with self._lock:
            if not self._rate_hz:
                return None
            played_s = self._taken / self._rate_hz
            return Heard(self._turn, 1000 * max(0.0, played_s if self.empty else played_s - self.latency_s))


def _scaled(pcm: bytearray, factor: float) -> bytes:
    return array("h", (int(sample * factor) for sample in memoryview(pcm).cast("h"))).tobytes()


def level(pcm: bytes) -> float:
    """The loudness of 16-bit PCM, 0 to 1: its root mean square."""
    samples = memoryview(pcm).cast("h")
    return float((sum(s * s for s in samples) / len(samples)) ** 0.5 / 0x8000) if samples else 0.0
