"""One reply's text: it goes to the synthesis as it is written, and to the learner once the reply is released."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from common.errors import ServiceError
from gateway.notices import CallWritten
from gateway.outbox import Outbox
from gateway.ports import TtsStream
from gateway.protocol import AiText
from gateway.reply.stages import Stages
from gateway.tools import CallPiece


class ReplyText:
    """The text of one reply, with the calls that end it. `now` is a steady clock in seconds.

    written: the text so far. has_begun: set once some of it is written. released: set when it may go to the learner.
    """

    def __init__(
        self, turn_id: str, released: asyncio.Event, *, stages: Stages, outbox: Outbox, now: Callable[[], float]
    ) -> None:
        self.written = ""
        self.has_begun = asyncio.Event()
        self._turn_id = turn_id
        self._released = released
        self._stages = stages
        self._outbox = outbox
        self._now = now
        self._sent = 0  # characters
        self._calls: list[CallPiece] = []  # pieces of calls that were not sent yet

    @property
    def sent(self) -> str:
        """The part that was sent to the learner."""
        return self.written[: self._sent]

    async def write(
        self, pieces: AsyncGenerator[str | CallPiece, None], stream: TtsStream | None = None
    ) -> ServiceError | None:
        """Take all `pieces` that the model writes: give their text to `stream` at once, and send them to the learner
        once the reply is released. Returns the error that ended them early, if any."""
        failure = None
        try:
            async for piece in pieces:
                if isinstance(piece, str):
                    self._stages.mark("first_token", self._now())
                    self.written += piece
                    self.has_begun.set()
                    if stream:
                        await stream.send_text(piece)
                else:
                    self._calls.append(piece)
                await self._send()
        except ServiceError as error:
            failure = error
        if stream:
            await stream.finish()
        return failure

    async def send_once_released(self) -> None:
        """Send what has been written by the time of the release, even if nothing more is written."""
        await self._released.wait()
        await self._send()

    async def _send(self) -> None:
        """Once the reply is released: send what was written and not yet sent."""
        if not self._released.is_set():
            return
        if self._sent < len(self.written):
            piece, self._sent = self.written[self._sent :], len(self.written)
            await self._outbox.send(AiText(text=piece, is_complete=False, turn_id=self._turn_id))
        while self._calls:
            await self._outbox.notify(CallWritten(self._turn_id, self._calls.pop(0)))
