"""The official client of the Realtime API. Every event that it receives is checked against the types of its package."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, get_args

from openai import AsyncOpenAI, BaseModel
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent

from tests.support.audio import cut

Event = dict[str, Any]

SERVER_EVENTS: dict[str, type[BaseModel]] = {
    get_args(event.model_fields["type"].annotation)[0]: event for event in get_args(get_args(RealtimeServerEvent)[0])
}
# OpenAI's server sends these fields, too. The package lacks them, because its type of a session is that of a request.
MORE = {"session.id", "session.object"}


def unknown_fields(found: object, path: str = "") -> set[str]:
    """The paths of the fields that the package's types don't have."""
    if isinstance(found, list | tuple):
        return {field for one in found for field in unknown_fields(one, path)}
    if not isinstance(found, BaseModel):
        return set()
    extra = {f"{path}{name}" for name in found.model_extra or {}}
    return extra.union(*(unknown_fields(getattr(found, name), f"{path}{name}.") for name in type(found).model_fields))


class RealtimeClient:
    """One connection. `events` holds the received events, in order."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.events: list[Event] = []
        self.closed: tuple[int, str] | None = None
        self._changed = asyncio.Event()

    async def read(self) -> None:
        """Collect events until the connection closes."""
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                self._take(json.loads(await self.connection.recv_bytes()))
        except ConnectionClosed as closed:
            self.closed = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
        self._changed.set()

    def _take(self, event: Event) -> None:
        parsed = SERVER_EVENTS[event["type"]].model_validate(event)
        assert unknown_fields(parsed) <= MORE, event
        self.events.append(event)
        self._changed.set()

    async def wait_for(
        self, kind: str, *, after: int = 0, timeout_s: float = 30.0, where: Callable[[Event], bool] = lambda _: True
    ) -> Event:
        """Wait for an event of type `kind`, at index `after` or later, that satisfies `where`."""
        async with asyncio.timeout(timeout_s):
            while True:
                for event in self.events[after:]:
                    if event["type"] == kind and where(event):
                        return event
                if self.closed is not None:
                    raise AssertionError(f"closed with {self.closed} before {kind!r}; got {self.kinds()}")
                self._changed.clear()
                await self._changed.wait()

    async def hears_soon(self) -> bool:
        """Wait a moment; returns whether any event has come by then."""
        await asyncio.sleep(0.3)
        return bool(self.events)

    async def wait_closed(self, timeout_s: float = 30.0) -> tuple[int, str]:
        """Wait until the connection is closed; returns (code, reason)."""
        async with asyncio.timeout(timeout_s):
            while self.closed is None:
                self._changed.clear()
                await self._changed.wait()
        return self.closed

    async def send(self, kind: str, **event: Any) -> None:
        """Send any event, also one that the package has no type for."""
        await self.connection.send({"type": kind, **event})  # type: ignore[arg-type]

    async def update(self, **session: Any) -> Event:
        """Change the session. Returns the session that the server then reports."""
        after = len(self.events)
        wanted: Any = {"type": "realtime", **session}
        await self.connection.session.update(session=wanted)
        return dict((await self.wait_for("session.updated", after=after))["session"])

    async def say(self, audio: bytes, *, chunk_bytes: int = 4_800, pause_s: float = 0.0) -> None:
        """Append audio, with a pause of pause_s after each chunk."""
        for chunk in cut(audio, chunk_bytes):
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(chunk).decode())
            if pause_s:
                await asyncio.sleep(pause_s)

    async def error_for(self, kind: str, **event: Any) -> Event:
        """Send an event that is wrong. Returns the `error` that the server answers."""
        event_id = f"event-{len(self.events)}"
        await self.send(kind, event_id=event_id, **event)
        answer = await self.wait_for("error", where=lambda one: one["error"]["event_id"] == event_id)
        return dict(answer["error"])

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    def audio(self) -> bytes:
        """All audio that was received."""
        return b"".join(base64.b64decode(event["delta"]) for event in self.of("response.output_audio.delta"))


@asynccontextmanager
async def realtime(
    http: str, *, api_key: str = "none", model: str | None = "gpt-realtime", **query: str
) -> AsyncIterator[RealtimeClient]:
    """The official client, unchanged, connected to the gateway at `http`."""
    openai = AsyncOpenAI(base_url=f"{http}/v1", api_key=api_key, max_retries=0)
    named = {"model": model} if model else {}
    async with openai, openai.realtime.connect(**named, extra_query=query) as connection, asyncio.TaskGroup() as tasks:  # type: ignore[arg-type]
        client = RealtimeClient(connection)
        reading = tasks.create_task(client.read())
        yield client
        reading.cancel()
