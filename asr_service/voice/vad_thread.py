"""The thread in which all streams' voice detection runs: it is gone to once for what several bring within a moment.

The way there and back takes as long as the network itself. A stream alone doesn't wait for company, and with few others
it waits only a little: they seldom come in time.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from weakref import WeakSet

from asr_service.voice.vad import Vad, VadStream, Windows

GATHER_S = 0.008
"""For so long a window waits for those of other streams, at most. It is a quarter of a window."""
_GATHER_EACH_S = 0.00025  # of it for each other stream


@dataclass(frozen=True, slots=True)
class _Job:
    ear: VadStream
    pcm: bytes
    last: bool
    heard: asyncio.Future[Windows]


class VadThread:
    """For all streams of one event loop."""

    def __init__(self, vad: Vad, threads: ThreadPoolExecutor) -> None:
        self._vad = vad
        self._threads = threads  # with one worker
        self._ears: WeakSet[VadStream] = WeakSet()
        self._waiting: list[_Job] = []
        self._running = False
        self._timer: asyncio.TimerHandle | None = None  # runs out when those that wait have waited long enough

    def open(self, sample_rate_hz: int) -> VadStream:
        """The ear of a new stream of PCM at that rate."""
        ear = VadStream(self._vad, sample_rate_hz)
        self._ears.add(ear)
        return ear

    async def hear(self, ear: VadStream, pcm: bytes, *, last: bool = False) -> Windows:
        """The windows that `pcm` completes, each with its probability of speech; `last`: no more will come."""
        heard: asyncio.Future[Windows] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Job(ear, pcm, last, heard))
        if len(self._waiting) == 1:
            self._gather()
        return await heard

    def _gather(self) -> None:
        others = len(self._ears) - 1
        if others > 0:
            wait_s = min(GATHER_S, others * _GATHER_EACH_S)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._run)
        else:
            self._run()

    def _run(self) -> None:
        self._timer = None
        if self._running:  # then they go as soon as it is done
            return
        jobs, self._waiting, self._running = self._waiting, [], True
        running = asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: [job.ear.hear(job.pcm, last=job.last) for job in jobs]
        )
        running.add_done_callback(lambda done: self._tell(jobs, done))

    def _tell(self, jobs: list[_Job], done: asyncio.Future[list[Windows]]) -> None:
        self._running = False
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        results = [] if error else done.result()
        for index, job in enumerate(jobs):
            if job.heard.done():  # its stream was cancelled
                continue
            if error:
                job.heard.set_exception(error)
            else:
                job.heard.set_result(results[index])
        if self._waiting and self._timer is None:
            self._run()
