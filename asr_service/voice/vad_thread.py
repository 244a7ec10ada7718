"""The thread in which the voice detection of all streams runs. One call handles the audio of several streams.

Switching to the thread and back takes as long as the network itself, so audio that arrives within a few milliseconds is
gathered first. A single stream doesn't wait. With few other streams the wait is short, because their audio seldom
arrives in time.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from weakref import WeakSet

from asr_service.voice.vad import Vad, VadStream, Windows

GATHER_S = 0.008
"""The longest time that audio waits for other streams' audio: a quarter of a window."""
_GATHER_EACH_S = 0.00025  # each other stream adds this to the wait


@dataclass(frozen=True, slots=True)
class _Job:
    stream: VadStream
    pcm: bytes
    last: bool
    heard: asyncio.Future[Windows]


class VadThread:
    """Runs `vad` for all streams of one event loop. threads: a pool with one worker."""

    def __init__(self, vad: Vad, threads: ThreadPoolExecutor) -> None:
        self._vad = vad
        self._threads = threads
        self._streams: WeakSet[VadStream] = WeakSet()
        self._waiting: list[_Job] = []
        self._running = False
        self._timer: asyncio.TimerHandle | None = None  # fires when the gathered audio must wait no longer

    def open(self, sample_rate_hz: int) -> VadStream:
        """Begin a stream of PCM at that rate."""
        stream = VadStream(self._vad, sample_rate_hz)
        self._streams.add(stream)
        return stream

    async def hear(self, stream: VadStream, pcm: bytes, *, last: bool = False) -> Windows:
        """The windows that `pcm` completes, each with the probability of a voice. last: no more audio will come."""
        heard: asyncio.Future[Windows] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Job(stream, pcm, last, heard))
        if len(self._waiting) == 1:
            self._gather()
        return await heard

    def _gather(self) -> None:
        others = len(self._streams) - 1
        if others > 0:
            wait_s = min(GATHER_S, others * _GATHER_EACH_S)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._run)
        else:
            self._run()

    def _run(self) -> None:
        self._timer = None
        if self._running:  # _tell runs them when the present run is done
            return
        jobs, self._waiting, self._running = self._waiting, [], True
        running = asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: [job.stream.hear(job.pcm, last=job.last) for job in jobs]
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
