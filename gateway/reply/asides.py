"""Asides: replies that a client requests outside the conversation. The model writes them, but they are not spoken."""

from __future__ import annotations

import asyncio
import secrets

from gateway.notices import ReplyBegan, ReplyEnded
from gateway.outbox import Outbox
from gateway.reply.maker import ReplyMaker
from gateway.reply.request import ReplyRequest


class Asides:
    """The asides of one conversation. Each runs in its own task, so that none delays the conversation."""

    def __init__(self, maker: ReplyMaker, outbox: Outbox, tasks: asyncio.TaskGroup) -> None:
        self._maker = maker
        self._outbox = outbox
        self._tasks = tasks
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def begin(self, request: ReplyRequest) -> None:
        """Have the model write the reply."""
        task = self._tasks.create_task(self._make(request))
        self._under_way[request.id] = task
        task.add_done_callback(lambda _: self._under_way.pop(request.id, None))

    def cancel(self, request_id: str) -> None:
        """End the aside. Has no effect if it is over."""
        if task := self._under_way.get(request_id):
            task.cancel()

    def close(self) -> None:
        """End all asides, because the conversation is over."""
        for task in list(self._under_way.values()):
            task.cancel()

    async def _make(self, request: ReplyRequest) -> None:
        reply = self._maker.answer(request, f"aside{secrets.token_hex(6)}")
        await self._outbox.notify(ReplyBegan(reply.turn_id, request.id))
        reply.release()
        try:
            await reply.run()
        except asyncio.CancelledError:
            await self._outbox.notify(ReplyEnded(reply.turn_id, "interrupted", reply.text.written))
            raise
        await self._outbox.notify(
            ReplyEnded(reply.turn_id, "failed" if reply.failure else "complete", reply.text.written, reply.failure)
        )
