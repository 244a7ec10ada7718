"""Steps of tests of the Realtime API, for the official client on scripted model servers."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.fakes import FakeLlm, FakeTts
from tests.support.gateway import TestGateway
from tests.support.realtime import Event, RealtimeClient

TOKEN = "one-token-of-the-two"
SECOND = 24_000 * 2  # bytes of PCM
BY_HAND: dict[str, Any] = {"audio": {"input": {"turn_detection": None, "transcription": {}}}}
TRANSCRIBED: dict[str, Any] = {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}
REPLY = "Hello there, my friend."


def a_gateway(**parts: Any) -> TestGateway:
    """A gateway whose replies come at once and whose speech is short."""
    return TestGateway(llm=FakeLlm(first_s=0, word_s=0), tts=FakeTts(word_s=0.1, delay_s=0), **parts)


async def write(client: RealtimeClient, text: str, **item: Any) -> str:
    """Add the learner's words as an item; returns its id."""
    after = len(client.events)
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **item}
    await client.send("conversation.item.create", item=message)
    return str((await client.wait_for("conversation.item.done", after=after))["item"]["id"])


async def respond(client: RealtimeClient, **response: Any) -> Event:
    """Ask for a response; returns it when it is done."""
    after = len(client.events)
    await client.send("response.create", response=response)
    return dict((await client.wait_for("response.done", after=after))["response"])


async def retrieve(client: RealtimeClient, item_id: str) -> Event:
    """Ask for an item; returns it as the gateway has it."""
    after = len(client.events)
    await client.connection.conversation.item.retrieve(item_id=item_id)
    return dict((await client.wait_for("conversation.item.retrieved", after=after))["item"])


def turns(gateway: TestGateway) -> list[str]:
    """The turns in the history of the newest session."""
    return [turn.text for turn in list(gateway.store.sessions.values())[-1][2]]


async def until_kept(gateway: TestGateway, *texts: str) -> None:
    """Wait until the history begins with these turns; fails if that takes long. A response enters the history when it
    has been heard."""
    for _ in range(100):
        if turns(gateway)[: len(texts)] == list(texts):
            return
        await asyncio.sleep(0.05)
    assert turns(gateway)[: len(texts)] == list(texts)


def message_item(role: str, text: str, **more: str) -> dict[str, Any]:
    """A message as an item; `role` is that of the API: user, assistant or system."""
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **more}


def session_id_of(client: RealtimeClient) -> str:
    """The id of the session, without the prefix of the API."""
    return str(client.of("session.created")[0]["session"]["id"]).removeprefix("sess_")
