"""Paces synthesis, so that speech is not made long before the client needs it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from common.pcm import BYTES_PER_SAMPLE
from tts_service.speech.synthesis import SpeechChunk
from tts_service.speech.worker import Worker


class Pacer:
    """Paces the synthesis of one reply by how much its client has taken.

    `make` runs the synthesis of a piece. Call `taken` when gRPC has sent a chunk; gRPC sends as far as the client's
    flow-control window allows.

    The next piece is begun when the speech that waits to be sent is no longer than the time that the last piece took to
    make. So a fast engine makes nothing in advance, and a slow one has its next sentence ready in time.
    """

    def __init__(self, worker: Worker, sample_rate_hz: int) -> None:
        self._worker = worker
        self._per_s = sample_rate_hz * BYTES_PER_SAMPLE
        self._waiting_s = 0.0
        self._took_s = 0.0
        self._taken = asyncio.Event()
        # When the sent speech will have been played, if the client plays it at once; in time.monotonic().
        self._runs_out_s: float | None = None

    async def make(self, call: Callable[[], list[SpeechChunk] | None]) -> list[SpeechChunk] | None:
        """Wait until the next piece is due, then run `call` in the worker and return its result.

        If several replies wait, the one whose client will run out of speech first goes first.
        """
        while self._waiting_s > self._took_s:
            self._taken.clear()
            await self._taken.wait()
        began_s = time.monotonic()
        piece = await self._worker.run(call, due_s=self._runs_out_s)
        if seconds := self._seconds(piece or ()):
            self._took_s = time.monotonic() - began_s
            self._waiting_s += seconds
        return piece

    def taken(self, chunk: SpeechChunk) -> None:
        """Note that a chunk is on its way to the client."""
        if seconds := self._seconds([chunk]):
            now_s = time.monotonic()
            self._runs_out_s = max(self._runs_out_s or now_s, now_s) + seconds
            self._waiting_s -= seconds
            self._taken.set()

    def _seconds(self, chunks: Iterable[SpeechChunk]) -> float:
        return sum(len(chunk.pcm) for chunk in chunks) / self._per_s
