"""Notices when recognition takes no audio. gRPC accepts two seconds of audio before a write has to wait, so this is
noticed two seconds late."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from common.errors import DeadlineError
from gateway import metrics

# After SLOW_S the learner is told. After STALL_S the stream is given up.
SLOW_S = 1.5
STALL_S = 5.0


class StallWatch:
    """Watches the messages to one stream; `run` it as a task.

    tell: called when a message takes longer than SLOW_S. It returns False if the learner already knows that recognition
    has failed. Then the stream is given up at once: otherwise the blocked write would keep the gateway from reading the
    learner's audio.
    """

    def __init__(self, tell: Callable[[DeadlineError], Awaitable[bool]]) -> None:
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._is_slow, self._is_taken = asyncio.Event(), asyncio.Event()
        self._began_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A message is being sent, or the stream is being opened."""
        self.end()
        self._is_taken.clear()
        self._began_s = self._loop.time()
        # One timer, which is nearly always cancelled, costs less than a task that polls the clock.
        self._timer = self._loop.call_later(SLOW_S, self._is_slow.set)

    def end(self) -> None:
        """The message was taken."""
        self._is_taken.set()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    async def run(self) -> None:
        """Watch until cancelled. Raises DeadlineError to give the stream up."""
        try:
            while True:
                await self._is_slow.wait()
                self._is_slow.clear()
                if not self._is_taken.is_set():
                    await self._wait_for_slow_message()
        finally:
            self.end()

    async def _wait_for_slow_message(self) -> None:
        try:
            async with asyncio.timeout_at(self._began_s + STALL_S):
                error = DeadlineError(
                    "speech recognition is slow at the moment; what you say is kept, so please wait", code="slow"
                )
                if await self._tell(error):
                    metrics.SLOW_REPLIES.labels("recognition").inc()
                    await self._is_taken.wait()
                    return
        except TimeoutError:
            pass
        raise DeadlineError("ASR: the service has taken no audio for some seconds; go on speaking")
