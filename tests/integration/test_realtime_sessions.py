"""How sessions of the Realtime API begin, resume and end: tokens, short-lived keys, refusals."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import httpx
import openai
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.learner import at_the_door
from tests.support.realtime import realtime
from tests.support.realtime_steps import (
    REPLY,
    TOKEN,
    a_gateway,
    respond,
    retrieve,
    session_id_of,
    until_kept,
    write,
)

# --- who may connect


async def test_a_key_or_a_token_is_needed() -> None:
    async with a_gateway().running(auth_tokens=TOKEN) as gateway:
        async with realtime(gateway.http, api_key=TOKEN) as client:
            await client.wait_for("session.created")
        for wrong in ("not-one-of-the-tokens", "ek_not-a-key"):
            with pytest.raises(InvalidStatus) as refused:
                async with realtime(gateway.http, api_key=wrong):
                    pass
            assert refused.value.response.status_code == 401
            assert b"invalid_api_key" in (refused.value.response.body or b"")


async def test_a_short_lived_key_brings_the_settings_of_its_sessions() -> None:
    gateway = a_gateway()
    async with (
        gateway.running(auth_tokens=TOKEN),
        openai.AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key=TOKEN, max_retries=0) as server,
    ):
        created = await server.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={"type": "realtime", "instructions": "Be brief."},
        )
        assert created.value.startswith("ek_")
        assert created.session.type == "realtime"
        with pytest.raises(openai.BadRequestError) as wrong:
            await server.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": 1})
        assert wrong.value.param == "expires_after.seconds"
        unknown_field: Any = {"type": "realtime", "volume": 1}
        with pytest.raises(openai.BadRequestError) as unknown:
            await server.realtime.client_secrets.create(session=unknown_field)
        assert (unknown.value.code, unknown.value.param) == ("unknown_parameter", "session.volume")
        async with realtime(gateway.http, api_key=created.value) as client:
            assert (await client.wait_for("session.created"))["session"]["instructions"] == "Be brief."
        offers: Any = ["realtime", f"openai-insecure-api-key.{created.value}"]
        async with connect(f"ws://127.0.0.1:{gateway.port}/v1/realtime", subprotocols=offers) as browser:
            assert browser.subprotocol == "realtime"
            assert "Be brief." in str(await browser.recv())
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {created.value}"}) as with_key:
            assert (await with_key.post(f"{gateway.http}/v1/realtime/client_secrets")).status_code == 401


async def test_the_keys_of_a_client_are_small_and_limited() -> None:
    gateway = a_gateway()
    gateway.store.most_secrets = 1
    async with gateway.running(), httpx.AsyncClient(base_url=f"{gateway.http}/v1/realtime") as http:

        async def ask(**session: Any) -> httpx.Response:
            return await http.post("/client_secrets", json={"session": {"type": "realtime", **session}})

        for field, value in (
            ("model", "m" * 1000),
            ("audio", {"output": {"voice": {"id": "v" * 1000}}}),
            ("audio", {"input": {"transcription": {"prompt": "p" * 20_000}}}),
        ):
            assert (await ask(**{field: value})).status_code == 400, field
        assert (await ask(tracing={"metadata": "x" * 500_000}, instructions="Be brief.")).status_code == 200
        (kept,) = gateway.store.client_secrets.values()
        assert json.loads(kept)["session"] == {"instructions": "Be brief."}
        refused = await ask()
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")


async def test_a_page_of_another_origin_and_a_sip_call_are_refused() -> None:
    async with a_gateway().running() as gateway:
        url = f"ws://127.0.0.1:{gateway.port}/v1/realtime"
        for status, query, headers in ((403, "", {"Origin": "https://evil.example"}), (400, "?call_id=rtc_1", {})):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(url + query, additional_headers=headers):
                    pass
            assert refused.value.response.status_code == status


async def test_a_session_is_resumed_by_its_id_and_only_by_its_client() -> None:
    gateway = a_gateway()
    async with gateway.running(auth_tokens=f"{TOKEN},another-token-here"):
        async with realtime(gateway.http, api_key=TOKEN) as client:
            item_id = await write(client, "good morning", id="mine")
            await respond(client)
            await until_kept(gateway, "good morning", REPLY)
            session_id = session_id_of(client)
        async with realtime(gateway.http, api_key="another-token-here", session_id=f"sess_{session_id}") as stranger:
            error = await stranger.wait_for("error")
            assert error["error"]["code"] == "wrong_resume_token"
            assert stranger.kinds()[0] == "session.created"
            assert session_id_of(stranger) != session_id
        async with realtime(gateway.http, api_key=TOKEN, session_id=f"sess_{session_id}") as again:
            await again.wait_for("session.created")
            assert session_id_of(again) == session_id
            assert (await retrieve(again, item_id))["content"][0]["text"] == "good morning"
            await write(again, "and you?")
            await respond(again)
    assert [message.content for message in gateway.llm.asked[1][-3:]] == ["good morning", REPLY, "and you?"]


async def test_who_knows_a_sessions_id_and_its_client_can_not_compute_the_resume_token() -> None:
    client_name = "ip:127.0.0.1"  # logs may contain it, as they contain the session's id
    guesses = [
        hashlib.sha256(f"aitalk realtime {client_name}".encode()).hexdigest(),
        hmac.digest(b"", client_name.encode(), "sha256").hex(),
    ]
    async with a_gateway().running() as gateway:
        async with realtime(gateway.http) as client:
            await client.wait_for("session.created")
            session_id = session_id_of(client)
        for guess in guesses:
            async with at_the_door(gateway.ws) as stranger:
                await stranger.send(type="start", session_id=session_id, resume_token=guess)
                assert (await stranger.wait_for("error"))["code"] == "wrong_resume_token"
            url = f"ws://127.0.0.1:{gateway.port}/v1/realtime?session_id={session_id}&resume_token={guess}"
            async with connect(url, additional_headers={"X-Forwarded-For": "203.0.113.7"}) as elsewhere:
                told = [json.loads(await elsewhere.recv()) for _ in range(2)]
                assert "wrong_resume_token" in [one.get("error", {}).get("code") for one in told]


async def test_a_gateway_that_ends_says_so() -> None:
    async with a_gateway().running(gateway_drain_timeout_s=5) as gateway, realtime(gateway.http) as client:
        await client.wait_for("session.created")
        gateway.draining.begin()
        assert (await client.wait_for("error"))["error"]["code"] == "reconnect"
        assert (await client.wait_closed())[0] == 1012
