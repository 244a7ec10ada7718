"""Seats and the queue for them, as clients of the WebSocket and of OpenAI's APIs meet them. The gateways share a real
Valkey."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import Any

import openai
import pytest

from tests.support.gateway import FakeServices, TestGateway
from tests.support.learner import Learner, Message, at_the_door
from tests.support.openai_api import connected
from tests.support.realtime import realtime


@pytest.fixture
def url(empty_valkey_url: str) -> str:
    return empty_valkey_url


async def place(learner: Learner, position: int) -> Message:
    return await learner.wait_for("queued", where=lambda message: message["position"] == position)


# --- over our WebSocket


async def test_learners_are_told_their_place_and_let_in_by_turn(url: str) -> None:
    gateway = TestGateway(redis_url=url)
    async with gateway.running(admission_max_sessions=1, admission_queue_max=2), at_the_door(gateway.ws) as first:
        await first.wait_for("connected")
        async with at_the_door(gateway.ws) as second:
            assert (await place(second, 1))["estimate_s"] > 0
            async with at_the_door(gateway.ws) as third:
                await place(third, 2)
                await third.send(type="ping")
                await third.wait_for("pong")
                async with at_the_door(gateway.ws) as fourth:
                    error = await fourth.wait_for("error")
                    assert (error["code"], error["retryable"]) == ("busy", True)
                    assert (await fourth.wait_closed())[0] == 1013
                await second.send(type="text", text="said while waiting")
                await first.send(type="end_conversation")
                await second.wait_for("connected")
                await place(third, 1)
                assert (await second.hear_reply())[0] == "Hello there, my friend."
                assert "connected" not in third.kinds()


async def test_a_learner_who_waits_too_long_is_told_to_come_back(url: str) -> None:
    gateway = TestGateway(redis_url=url)
    async with (
        gateway.running(admission_max_sessions=1, admission_max_wait_s=0.3),
        at_the_door(gateway.ws) as first,
    ):
        await first.wait_for("connected")
        async with at_the_door(gateway.ws) as second:
            assert (await second.wait_for("error"))["code"] == "busy"
            assert (await second.wait_closed())[0] == 1013
            assert second.kinds() == ["queued", "error"]


async def test_a_learner_who_resumes_goes_before_the_queue(url: str) -> None:
    gateway, other = TestGateway(redis_url=url), TestGateway(redis_url=url)
    other.store = gateway.store
    async with gateway.running(admission_max_sessions=1), other.running(admission_max_sessions=1):
        async with at_the_door(gateway.ws) as first:
            connected = await first.wait_for("connected")
            kept = {name: connected[name] for name in ("session_id", "resume_token")}
            first.socket.transport.abort()
        async with at_the_door(gateway.ws) as stranger, at_the_door(other.ws) as back:
            await place(stranger, 1)
            await back.wait_for("queued")
            await back.socket.send(json.dumps({"type": "start", **kept | {"resume_token": "guessed"}}))
            await back.send(type="ping")
            await back.wait_for("pong")
            assert "connected" not in back.kinds()
            await back.socket.send(json.dumps({"type": "start", **kept}))
            await back.wait_for("connected")
            assert "connected" not in stranger.kinds()


async def test_waiting_learners_keep_their_place_when_their_gateway_ends(url: str) -> None:
    ending, other = TestGateway(redis_url=url), TestGateway(redis_url=url)
    limits = {"admission_max_sessions": 1, "admission_queue_max": 2}
    async with other.running(**limits), at_the_door(other.ws) as first:
        await first.wait_for("connected")
        async with AsyncExitStack() as later:
            async with ending.running(**limits), at_the_door(ending.ws) as waiting:
                ticket = (await place(waiting, 1))["place"]
                stranger = await later.enter_async_context(at_the_door(other.ws))
                await place(stranger, 2)
                ending.draining.begin()
                await waiting.wait_for("reconnect")
                assert (await waiting.wait_closed())[0] == 1012
            async with at_the_door(f"{other.ws}?place={ticket}") as back:
                await place(back, 1)
                await first.send(type="end_conversation")
                await back.wait_for("connected")
                await place(stranger, 1)
                assert "connected" not in stranger.kinds()


async def test_a_resumed_session_has_one_seat_not_two(url: str) -> None:
    gateway = TestGateway(redis_url=url)
    async with gateway.running(admission_max_sessions=2), at_the_door(gateway.ws) as first:
        connected = await first.wait_for("connected")
        first.socket.transport.abort()
        async with at_the_door(gateway.ws) as back:
            await back.wait_for("connected")
            await back.send(type="start", session_id=connected["session_id"], resume_token=connected["resume_token"])
            await back.wait_for("resumed")
            async with at_the_door(gateway.ws) as stranger:
                await stranger.wait_for("connected")
                async with at_the_door(gateway.ws) as late:
                    await place(late, 1)


class Sixteen(FakeServices):
    """As many slots as the bundled models have."""

    async def slots(self) -> dict[str, int | None]:
        return dict.fromkeys(("asr", "llm", "tts"), 16)


async def test_with_the_default_settings_one_address_gets_no_further_seat_while_another_waits(url: str) -> None:
    gateway = TestGateway(redis_url=url, services=Sixteen())
    async with gateway.running(), AsyncExitStack() as doors:

        async def from_address(address: str, hears: str) -> Learner:
            learner = await doors.enter_async_context(at_the_door(gateway.ws, **{"X-Forwarded-For": address}))
            await learner.wait_for(hears)
            return learner

        seated = [await from_address("192.0.2.1", "connected") for _ in range(16)]
        waiting = await from_address("192.0.2.1", "queued")
        learner = await from_address("192.0.2.2", "queued")
        await place(learner, 1)
        await place(waiting, 2)
        await seated[0].send(type="end_conversation")
        await learner.wait_for("connected")
        assert "connected" not in waiting.kinds()


# --- over OpenAI's APIs


async def test_over_the_realtime_api_one_waits_as_well_and_carries_on_before_others(url: str) -> None:
    async with (
        TestGateway(redis_url=url).running(admission_max_sessions=1, admission_max_wait_s=5) as gateway,
        realtime(gateway.http) as first,
    ):
        session_id = (await first.wait_for("session.created"))["session"]["id"]
        async with realtime(gateway.http) as stranger:
            assert not await stranger.hears_soon()
            await first.connection.close()
            async with realtime(gateway.http, session_id=session_id) as back:
                assert (await back.wait_for("session.created"))["session"]["id"] == session_id
            assert (await stranger.wait_for("error", timeout_s=10))["error"]["code"] == "rate_limit_exceeded"
            assert (await stranger.wait_closed())[0] == 1013


async def test_a_request_holds_a_seat_while_it_is_answered_and_waits_for_one_before(url: str) -> None:
    gateway = TestGateway(redis_url=url)
    limits = {"admission_max_sessions": 1, "admission_max_wait_s": 2.0}
    asked: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]}
    async with connected(gateway, **limits) as client:
        gateway.services.chat.reply, gateway.services.chat.piece_s = ("word ",) * 1000, 0.05
        stream = await client.chat.completions.create(**asked, stream=True)
        async with at_the_door(gateway.ws) as learner:
            await place(learner, 1)  # the learner waits until the request gives its seat back
            async with at_the_door(gateway.ws, **{"X-Forwarded-For": "192.0.2.2"}) as other:
                await place(other, 1)  # the learner's client already has the request's seat
                await place(learner, 2)
            gateway.services.chat.reply = ("Hello.",)
            with pytest.raises(openai.RateLimitError) as caught:
                await client.chat.completions.create(**asked)
            assert int(caught.value.response.headers["retry-after"]) >= 1
        await stream.close()
        assert (await client.chat.completions.create(**asked)).choices[0].message.content == "Hello."
