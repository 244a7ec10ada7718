"""A conversation over connections that come and go."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from aitalk.client import AsyncConversation, BusyError, Conversation, ConversationOverError, ServerAwayError
from aitalk.client import link as waits
from aitalk.client.errors import UnauthorizedError
from aitalk.client.events import (
    AiAudioStart,
    Analysis,
    Audio,
    Connected,
    ConnectionLost,
    Event,
    Queued,
    Reconnect,
    Resumed,
)

from tests.unit.clients.gateway_stub import Visit, a_gateway

pytestmark = pytest.mark.timeout(20)


async def until(conversation: AsyncConversation, kind: type[Event]) -> Event:
    while not isinstance(event := await conversation.next_event(timeout_s=10), kind):
        assert event is not None
    return event


async def finish(visit: Visit) -> None:
    """Answer `end_conversation` and close."""
    while (await visit.receive()) != {"type": "end_conversation"}:
        pass
    await visit.send("analysis", data={"version": 1})
    await visit.socket.close(1000)


async def test_a_conversation_from_start_to_analysis() -> None:
    async def script(visit: Visit) -> None:
        assert visit.token == "Bearer me"
        await visit.connected()
        assert (await visit.receive())["type"] == "start"
        assert await visit.receive() == b"\1\2"
        await visit.send("ai_audio_start", sample_rate=24000, turn_id="a")
        await visit.socket.send(b"\3\4")
        await finish(visit)

    async with a_gateway(script) as url, AsyncConversation(url, token="me") as conversation:
        await conversation.send_audio(b"\1\2")
        assert await until(conversation, Audio) == Audio("a", 24_000, b"\3\4")
        await conversation.end()
        assert [event async for event in conversation] == [Analysis({"version": 1})]
        with pytest.raises(ConversationOverError, match="begin a new one"):
            await conversation.send_text("Still there?")


async def test_a_broken_connection_is_resumed_with_the_audio_of_that_time() -> None:
    cut = asyncio.Event()

    async def first(visit: Visit) -> None:
        await visit.connected()
        await visit.receive()
        await visit.send("speech_started")
        await visit.receive()
        visit.cut()

    async def second(visit: Visit) -> None:
        await visit.connected("two")
        start = await visit.receive()
        assert (start["session_id"], start["resume_token"]) == ("one", "token of one")
        await cut.wait()
        await visit.send("resumed", session_id="one", turns=2, level="beginner")
        assert [await visit.receive() for _ in range(2)] == [b"22", b"33"]
        assert await visit.receive() == {"type": "text", "text": "Hello?"}
        await finish(visit)

    async with a_gateway(first, second) as url, AsyncConversation(url) as conversation:
        await until(conversation, Connected)
        await conversation.next_event(timeout_s=10)  # speech_started: b"11" is heard, so it isn't sent again
        await conversation.send_audio(b"11")
        await until(conversation, ConnectionLost)
        await conversation.send_audio(b"22")
        await conversation.send_audio(b"33")
        typed = asyncio.create_task(conversation.send_text("Hello?"))
        cut.set()
        assert await until(conversation, Resumed) == Resumed("one", 2, "beginner")
        await typed
        await conversation.end()
        await until(conversation, Analysis)


async def test_it_moves_to_another_gateway_as_told() -> None:
    async def first(visit: Visit) -> None:
        await visit.connected()
        await visit.receive()
        assert await visit.receive() == b"11"
        await visit.send("reconnect", reason="update", delay_ms=5)
        await visit.socket.close(1012)

    async def second(visit: Visit) -> None:
        await visit.connected("two")
        await visit.receive()
        await visit.send("resumed", session_id="one", turns=0, level="beginner")
        assert await visit.receive() == b"11"  # sent again, because it may have come too late
        await finish(visit)

    async with a_gateway(first, second) as url, AsyncConversation(url) as conversation:
        await conversation.send_audio(b"11")
        assert await until(conversation, Reconnect)
        lost = await until(conversation, ConnectionLost)
        assert isinstance(lost, ConnectionLost)
        assert lost.retry_s == 0.005
        await until(conversation, Resumed)
        await conversation.end()
        await until(conversation, Analysis)


async def test_a_place_in_the_queue_is_kept() -> None:
    async def first(visit: Visit) -> None:
        await visit.send("queued", position=2, estimate_s=5, place="my place")
        visit.cut()

    async def second(visit: Visit) -> None:
        assert visit.path.endswith("?place=my+place")
        await visit.connected()
        await finish(visit)

    async with a_gateway(first, second) as url, AsyncConversation(url) as conversation:
        assert await conversation.next_event() == Queued(2, 5, "my place")
        await until(conversation, Connected)
        await conversation.end()
        await until(conversation, Analysis)


async def test_a_gateway_that_does_not_come_back_ends_the_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "FIRST_WAIT_S", 0.001)
    for longest in ("SHORT_WAIT_S", "LONGEST_WAIT_S"):
        monkeypatch.setattr(waits, longest, 0.002)

    async def script(visit: Visit) -> None:
        await visit.connected()
        await visit.receive()
        visit.cut()

    async with a_gateway(script) as url:
        conversation = await AsyncConversation(url).__aenter__()
    with pytest.raises(ConversationOverError, match="can't be reached any more"):
        async for _ in conversation:
            pass
    with pytest.raises(ConversationOverError):
        await conversation.send_text("Hello?")
    await conversation.__aexit__(None, None, None)


@pytest.fixture
def unused_port() -> Iterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def test_nothing_at_the_address(unused_port: int) -> None:
    with pytest.raises(ServerAwayError, match=r"no answer from http://127.*Is AI-Talk running there"):
        async with AsyncConversation(f"127.0.0.1:{unused_port}"):
            pass


@pytest.mark.parametrize("url", ["ftp://there", "http://", "nonsense://x"])
async def test_no_address(url: str) -> None:
    with pytest.raises(ServerAwayError, match="no address of a gateway"):
        AsyncConversation(url)


async def test_something_else_at_the_address() -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServerAwayError, match="HTTP status 404"):
            async with AsyncConversation(f"http://127.0.0.1:{port}"):
                pass


async def test_a_wrong_token_and_a_full_house() -> None:
    async def unauthorized(visit: Visit) -> None:
        await visit.send("error", message="a token is required", code="unauthorized", retryable=False)
        await visit.socket.close(1008)

    async def full(visit: Visit) -> None:
        await visit.send("error", message="too many wait", code="busy", retryable=True)
        await visit.socket.close(1013)

    async with a_gateway(unauthorized, full) as url:
        with pytest.raises(UnauthorizedError, match="does not accept this token"):
            async with AsyncConversation(url, token="wrong"):
                pass
        with pytest.raises(BusyError, match="too many wait"):
            async with AsyncConversation(url):
                pass


async def test_the_blocking_conversation_does_the_same() -> None:
    async def script(visit: Visit) -> None:
        await visit.connected()
        await visit.receive()
        assert await visit.receive() == {"type": "text", "text": "Hi"}
        await visit.send("ai_audio_start", sample_rate=8000, turn_id="a")
        assert await visit.receive() == {"type": "playback", "turn_id": "a", "played_ms": 20}
        result = {"type": "tool_result", "call_id": "c", "output": "sunny", "confirmed": False}
        assert await visit.receive() == result
        await finish(visit)

    def talk(url: str) -> list[Event]:
        with Conversation(url) as conversation:
            assert conversation.key
            conversation.send_text("Hi")
            events = [event for _ in range(2) if (event := conversation.next_event(timeout_s=5))]
            conversation.report_playback("a", 20)
            conversation.send_tool_result("c", "sunny")
            conversation.end()
            return [*events, *conversation]

    async with a_gateway(script) as url:
        events = await asyncio.to_thread(talk, url)
    assert events == [Connected("one", "token of one"), AiAudioStart(8000, "a"), Analysis({"version": 1})]


def test_the_blocking_conversation_raises_the_same_errors(unused_port: int) -> None:
    with pytest.raises(ServerAwayError), Conversation(f"127.0.0.1:{unused_port}"):
        pass
