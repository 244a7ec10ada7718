"""Runs the model in worker threads, for all streams of one event loop.

    decode() ──▶ queue ──▶ batch ──▶ a worker thread: engine ──▶ results, or the error, to the callers

`decode_queue` decides the order. If every worker is busy when a turn is to be decoded, running partials are told to
stop. An engine that can stop in the middle does so, and the partial ends as cancelled. With any other engine, the turn
waits until the running decode is over. Only decoding runs in the threads. Everything else runs in the event loop, so no
lock is needed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from asr_service.audio import ENGINE_RATE_HZ, Audio
from asr_service.engine import AsrEngine, DecodeOptions, Quality, Transcript, transcribe_all
from asr_service.metrics import BACKLOG, BATCH_SIZE, DECODE_SECONDS, PREEMPTED, QUEUE_SECONDS, REAL_TIME_FACTOR
from asr_service.recognition.decode_queue import DecodeQueue, Urgency

T = TypeVar("T")

BATCH_ON_GPU = 8
"""A GPU takes hardly longer for this many decodes than for one. A CPU gains nothing from batches."""


@dataclass(eq=False)
class _Job:
    """One decode. `stop` is set when nobody waits for it any more, or when it must make room for a turn."""

    make_audio: Callable[[], Audio]
    options: DecodeOptions
    urgency: Urgency
    result: asyncio.Future[Transcript]
    since: float = field(default_factory=time.perf_counter)
    stop: bool = False
    was_told: bool = False

    def tell_stop(self) -> bool:
        """Tell the engine whether to stop; if so, note it in `was_told`. The engine calls this in its thread."""
        self.was_told = self.was_told or self.stop
        return self.stop


class Decoder:
    """Runs an engine for all streams of one event loop.

    It decodes up to `workers` batches at once, each of at most `max_batch` decodes. If `max_batch` is 0, the engine's
    device decides.
    """

    def __init__(self, engine: AsrEngine, workers: int, max_batch: int = 1) -> None:
        self.engine = engine
        self._workers = workers
        self._max_batch = max_batch
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="asr-decode")
        self._queue: DecodeQueue[_Job] = DecodeQueue()
        self._running: set[tuple[_Job, ...]] = set()
        self._others = 0  # jobs of run() in progress
        self._closed = False

    @property
    def has_idle_worker(self) -> bool:
        """Whether a decode that is requested now would run at once."""
        return len(self._running) + self._others + len(self._queue) < self._workers

    @property
    def takes_partials(self) -> bool:
        """Whether there is room for one more partial. The busier the model, the fewer partials it gets."""
        if self._max_batch <= 1:
            return self.has_idle_worker
        partials = self._queue.count(Urgency.PARTIAL)
        return len(self._queue) == partials < self._max_batch

    async def load(self) -> None:
        """Load the engine in a worker thread. Raises what the engine raises."""
        await self.run(self.engine.load)
        if self._max_batch == 0:
            self._max_batch = BATCH_ON_GPU if self.engine.describe().device.startswith("cuda") else 1

    async def decode(self, audio: Audio, *, language: str, quality: Quality) -> Transcript:
        """The words of `audio` (float32 mono at 16 kHz).

        If the caller is cancelled, the decode leaves the queue, or stops as soon as the engine can. If a partial had to
        make room for a turn, this raises CancelledError, so call it in a task of its own.
        """
        urgency = Urgency.TURN if quality == "final" else Urgency.PARTIAL
        return await self._decode_soon(lambda: audio, DecodeOptions(language, quality), urgency)

    async def decode_recording(
        self,
        make_audio: Callable[[], Audio],
        *,
        language: str,
        translate: bool = False,
        context: str = "",
        is_short: bool = False,
    ) -> Transcript:
        """The words of a whole recording, in English if `translate`. Turns and captions go first.

        make_audio: makes the audio, in the worker thread. context: the words before it. is_short: the model hears all
        of it at once, so it may be in a batch. Raises InvalidInputError if the model can't translate.
        """
        options = DecodeOptions(language, "final", translate=translate, context=context)
        # If the model refuses to translate, its whole batch fails.
        urgency = Urgency.PIECE if is_short and not translate else Urgency.RECORDING
        return await self._decode_soon(make_audio, options, urgency)

    async def decode_verbatim(self, audio: Audio, *, language: str, prompt: str) -> Transcript:
        """The words of a turn once more, in the style of `prompt`. Everything else goes first."""
        options = DecodeOptions(language, "final", prompt=prompt)
        return await self._decode_soon(lambda: audio, options, Urgency.VERBATIM)

    async def run(self, job: Callable[[], T]) -> T:
        """Run another job of the engine, such as loading, in a worker thread."""
        self._others += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, job)
        future.add_done_callback(self._other_done)  # called when the thread is free, even if the caller has left
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Wait for the decodes in progress, drop those that are queued, release the engine."""
        self._closed = True
        while waiting := self._queue.next_batch(1):
            waiting[0].result.cancel()
        if self._others:  # the engine is loading: this makes it stop
            self.engine.close()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self.engine.close()

    # --- in the event loop ----------------------------------------------------------------------

    def _other_done(self, done: asyncio.Future[Any]) -> None:
        if not done.cancelled():
            done.exception()  # retrieved here, because the caller may be gone and asyncio would complain
        self._others -= 1
        if not self._closed:
            self._start()

    async def _decode_soon(
        self, make_audio: Callable[[], Audio], options: DecodeOptions, urgency: Urgency
    ) -> Transcript:
        result: asyncio.Future[Transcript] = asyncio.get_running_loop().create_future()
        job = _Job(make_audio, options, urgency, result)
        self._queue.add(job, urgency)
        self._start()
        if urgency is Urgency.TURN and self._queue.count(urgency):
            self._make_room()
        try:
            return await result
        finally:
            job.stop = True
            self._queue.discard(job)
            BACKLOG.set(len(self._queue))

    def _start(self) -> None:
        while len(self._running) + self._others < self._workers and (
            jobs := self._queue.next_batch(max(1, self._max_batch))
        ):
            batch = tuple(jobs)
            self._running.add(batch)
            working = asyncio.get_running_loop().run_in_executor(self._threads, self._decode, batch)
            working.add_done_callback(partial(self._tell, batch))
        BACKLOG.set(len(self._queue))

    def _make_room(self) -> None:
        for batch in self._running:
            if batch[0].urgency is Urgency.PARTIAL:
                for job in batch:
                    job.stop = True

    def _tell(self, batch: tuple[_Job, ...], done: asyncio.Future[list[Transcript]]) -> None:
        self._running.discard(batch)
        if not self._closed:
            self._start()
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        transcripts = [] if error else done.result()
        for index, job in enumerate(batch):
            if job.result.done():  # its caller was cancelled
                continue
            if error:
                job.result.set_exception(error)
            elif job.was_told:
                PREEMPTED.inc()
                job.result.cancel()
            else:
                job.result.set_result(transcripts[index])

    # --- in a worker thread ---------------------------------------------------------------------

    def _decode(self, batch: tuple[_Job, ...]) -> list[Transcript]:
        began = time.perf_counter()
        kind = "verbatim" if batch[0].urgency is Urgency.VERBATIM else batch[0].options.quality
        for job in batch:
            QUEUE_SECONDS.labels(kind).observe(began - job.since)
        BATCH_SIZE.labels(kind).observe(len(batch))
        requests = [(job.make_audio(), replace(job.options, is_cancelled=job.tell_stop)) for job in batch]
        transcripts = transcribe_all(self.engine, requests)
        seconds = time.perf_counter() - began
        DECODE_SECONDS.labels(kind).observe(seconds)
        samples = sum(len(audio) for audio, _ in requests)
        if kind == "final" and samples:
            REAL_TIME_FACTOR.observe(seconds * ENGINE_RATE_HZ / samples)
        return transcripts
