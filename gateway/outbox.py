"""The queue of messages, notices and audio for a client. It is small and keeps the order. The connection empties it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import anyio

from common.errors import ServiceError
from gateway import metrics
from gateway.notices import Notice
from gateway.protocol import AnyServerMessage, ErrorMessage

logger = logging.getLogger(__name__)

# Small, so that an interruption does not wait behind audio that is no longer needed.
CAPACITY = 8


class Outbox:
    """`send` waits when the learner's connection is slow. Iterate over the outbox, once, to take the messages out.

    with_notices: the iteration also gives notices. on_sent: called with each message after it is queued.
    """

    def __init__(self, *, with_notices: bool = False) -> None:
        self._with_notices = with_notices
        self.on_sent: Callable[[AnyServerMessage | Notice | bytes], None] = lambda _: None
        self._sending, self._receiving = anyio.create_memory_object_stream[AnyServerMessage | Notice | bytes](CAPACITY)

    async def notify(self, notice: Notice) -> None:
        """Queue a notice, if notices are wanted."""
        if self._with_notices:
            await self.send(notice)

    async def send(self, message: AnyServerMessage | Notice | bytes) -> None:
        """Queue a message or a piece of audio. Has no effect after `close`."""
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            try:
                self._sending.send_nowait(message)  # a stream's `send` waits for the event loop even if there is room
            except anyio.WouldBlock:
                await self._sending.send(message)
            self.on_sent(message)

    async def report(self, error: ServiceError, *, is_in_notice: bool = False) -> None:
        """Tell the learner of an error; the session goes on.

        is_in_notice: a notice contains this error, too, so a client that gets notices gets no message.
        """
        metrics.ERRORS.labels(error.code).inc()
        logger.info("error %s sent to a learner", error.code)
        if is_in_notice and self._with_notices:
            return
        await self.send(ErrorMessage(message=error.message, code=error.code, retryable=error.retryable))

    def close(self) -> None:
        """Take no more messages. The iteration ends once the waiting messages have been taken."""
        self._sending.close()

    async def __aiter__(self) -> AsyncIterator[AnyServerMessage | Notice | bytes]:
        async with self._receiving:
            with suppress(anyio.EndOfStream):
                while True:
                    try:
                        message = self._receiving.receive_nowait()  # `receive` waits for the event loop, too
                    except anyio.WouldBlock:
                        message = await self._receiving.receive()
                    yield message
