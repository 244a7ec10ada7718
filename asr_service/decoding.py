"""The threads in which the model runs: never the event loop, never more decodes at once than it was given workers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from asr_service.audio import ENGINE_RATE_HZ, Audio
from asr_service.engine import AsrEngine, DecodeOptions, Quality, Transcript
from asr_service.metrics import DECODE_SECONDS, REAL_TIME_FACTOR

T = TypeVar("T")


class Decoder:
    """Runs an engine for all streams of one event loop; `workers` decodes at once, the others wait in order."""

    def __init__(self, engine: AsrEngine, workers: int) -> None:
        self.engine = engine
        self._workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="asr-decode")
        self._lock = threading.Lock()
        self._busy = 0

    @property
    def has_idle_worker(self) -> bool:
        """False: a decode started now would wait, or make a more important one wait."""
        return self._busy < self._workers

    async def decode(self, audio: Audio, *, language: str, quality: Quality) -> Transcript:
        """The words of `audio` (float32 mono at 16 kHz). Cancelled, it stops at once if still waiting, else soon."""
        return await self.decode_made(lambda: audio, language=language, quality=quality)

    async def decode_made(self, make_audio: Callable[[], Audio], *, language: str, quality: Quality) -> Transcript:
        """As `decode`, with audio that it takes work to make."""
        cancelled = threading.Event()
        options = DecodeOptions(language, quality, cancelled.is_set)
        try:
            return await self.run(lambda: self._decode(make_audio(), options))
        finally:
            cancelled.set()

    async def run(self, job: Callable[[], T]) -> T:
        """Run any other job of the engine (loading it) in its turn."""
        self._change(+1)
        future = self._threads.submit(job)
        future.add_done_callback(lambda _: self._change(-1))  # when the thread is free, not when nobody waits any more
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        """Wait for the decodes in progress, forget those that wait, release the engine."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self.engine.close()

    def _decode(self, audio: Audio, options: DecodeOptions) -> Transcript:
        began = time.perf_counter()
        transcript = self.engine.transcribe(audio, options)
        seconds = time.perf_counter() - began
        DECODE_SECONDS.labels(options.quality).observe(seconds)
        if options.quality == "final" and len(audio):
            REAL_TIME_FACTOR.observe(seconds * ENGINE_RATE_HZ / len(audio))
        return transcript

    def _change(self, by: int) -> None:
        with self._lock:
            self._busy += by
