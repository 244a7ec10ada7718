"""Which slot of llama.cpp gets which request."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest

from llm_service.engine import GenerationRequest, Message
from llm_service.openai_api.openai_engine import OpenAiEngine
from llm_service.openai_api.slots import Slots, is_of_one_conversation

OPENING = (Message("system", "Be kind."), Message("user", "I like music."), Message("assistant", "Who sings best?"))


def prompt(*said: str) -> tuple[Message, ...]:
    """A prompt with the beginning that all conversations share, and then turns of learner and partner, alternating."""
    turns = (Message("assistant" if number % 2 else "user", text) for number, text in enumerate(said))
    return (*OPENING, *turns)


LONG = prompt("a", "A", "b", "B", "c", "C", "d")


@pytest.mark.parametrize(
    ("held", "asked", "is_own"),
    [
        (LONG, (*LONG, Message("assistant", "D"), Message("user", "e")), True),
        (LONG, prompt("a", "A", "b", "B", "c", "C", "d, I mean f"), True),  # more words of the same turn
        (LONG, (*LONG, Message("assistant", "D —"), Message("user", "(interrupting you) e")), True),
        (LONG, prompt("b", "B", "c", "C", "d", "D", "e"), True),  # without the oldest turns
        (LONG, prompt("c", "C", "d"), True),
        (LONG, prompt("k"), False),
        (LONG, prompt("k", "K", "l"), False),
        (prompt("a"), LONG, False),
        ((), LONG, False),
        ((), OPENING, False),
    ],
)
def test_a_conversation_knows_its_slot_by_what_was_said(
    held: tuple[Message, ...], asked: tuple[Message, ...], is_own: bool
) -> None:
    assert is_of_one_conversation(held, asked) is is_own


async def slots_of(slots: Slots, *prompts: tuple[Message, ...]) -> list[int]:
    """The slots for prompts that come one after the other."""
    taken = []
    for asked in prompts:
        async with slots.take(asked) as slot:
            taken.append(slot["id_slot"])
    return taken


@pytest.mark.parametrize(
    ("then", "moves"),
    [
        ((*LONG, Message("assistant", "D"), Message("user", "e")), False),
        (prompt("c", "C", "d"), True),
        (prompt("k"), False),
        ((*OPENING[:1], Message("user", "a"), Message("user", "d")), False),
    ],
)
async def test_only_a_shortened_prompt_has_its_turns_moved(then: tuple[Message, ...], moves: bool) -> None:
    slots = Slots(1)
    async with slots.take(LONG):
        pass
    async with slots.take(then) as slot:
        assert (slot["n_cache_reuse"] > 0) is moves


async def test_two_conversations_keep_their_slots_when_they_get_long() -> None:
    other = prompt("k", "K", "l", "L", "m")
    first, second, *later = await slots_of(Slots(4), LONG, other, prompt("b", "B", "c", "C", "d"), other, LONG)
    assert first != second
    assert later == [first, second, first]


async def test_a_new_conversation_gets_the_slot_that_was_unused_the_longest() -> None:
    others = [prompt(f"{name}1", f"{name}2", f"{name}3", f"{name}4", f"{name}5") for name in "klmn"]
    used = await slots_of(Slots(3), *others[:3], others[0], others[3])
    assert sorted(map(str, used[:3])) == ["0", "1", "2"]
    assert used[3:] == [used[0], used[1]]


async def test_a_slot_in_use_goes_to_nobody_else() -> None:
    slots = Slots(2)
    async with AsyncExitStack() as stack:
        taken = [(await stack.enter_async_context(slots.take(LONG)))["id_slot"] for _ in range(2)]
        assert set(taken) == {0, 1}
        third = asyncio.create_task(slots_of(slots, LONG))
        await asyncio.sleep(0)
        assert not third.done()
    assert (await third)[0] in taken


async def test_requests_with_an_adapter_share_the_last_slot_and_no_conversation_gets_it() -> None:
    slots = Slots(2, has_another=True)
    async with AsyncExitStack() as stack:
        slot = await stack.enter_async_context(slots.take(LONG, has_adapter=True))
        assert slot["id_slot"] == 2
        second = asyncio.create_task(stack.enter_async_context(slots.take(OPENING, has_adapter=True)))
        assert {(await stack.enter_async_context(slots.take(LONG)))["id_slot"] for _ in range(2)} == {0, 1}
        assert not second.done()
        second.cancel()


async def test_a_server_that_others_use_too_chooses_itself() -> None:
    async with Slots(0).take(LONG) as slot:
        assert slot == {}


@pytest.mark.parametrize("slots", [2, 0])
async def test_the_request_names_the_slot(slots: int) -> None:
    asked = []

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/models"):
            return httpx.Response(200, json={"data": [{"id": "m", "owned_by": "llamacpp"}]})
        if not request.url.path.endswith("/chat/completions"):
            return httpx.Response(404)
        asked.append(json.loads(request.content).get("id_slot"))
        event = {"choices": [{"delta": {"content": "Good."}, "finish_reason": "stop"}]}
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, text=f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n")

    engine = OpenAiEngine("http://llm/v1", model="m", slots=slots, transport=httpx.MockTransport(answer))
    await engine.warm_up()
    asked.clear()
    for messages in (LONG, prompt("c", "C", "d", "D", "e")):
        async with aclosing(engine.stream(GenerationRequest(messages, 8, 0.0))) as events:
            assert [event async for event in events]
    await engine.close()
    assert len(asked) == 2
    assert asked[0] == asked[1]
    assert (asked[0] is None) == (slots == 0)
