"""Behind a proxy, the gateway may have a path, such as /talk/. Either the proxy removes the path,
or ROOT_PATH names it.

Sources: the issues webssh 88 (nginx), kubecost 636 and redpanda-data/console 107 (Traefik) on GitHub. The pages of
these projects requested files at the root of the host.
"""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from gateway.http_api.routes import WEB
from tests.support.gateway import TestGateway
from tests.support.learner import a_learner


def test_nothing_that_the_page_asks_for_is_at_the_root_of_the_host() -> None:
    page = (WEB / "index.html").read_text()
    assert re.findall(r"""(?:src|href)=["']/[^"']*""", page) == []
    scripts: list[Path] = [*WEB.glob("*.js"), *WEB.glob("view/**/*.js")]
    assert len(scripts) > 20
    for script in scripts:
        assert not re.search(r"""(?:fetch|ask|URL)\(['"`]/""", script.read_text()), script.name


@pytest.mark.parametrize("path", ["", "/talk"])
async def test_the_gateway_answers_with_and_without_its_path(path: str) -> None:
    token = "a-token-of-16-letters"
    gateway = TestGateway()
    async with (
        gateway.running(root_path="/talk", auth_tokens=token),
        httpx.AsyncClient(trust_env=False, timeout=60) as http,
    ):

        async def get(name: str, **headers: str) -> httpx.Response:
            return await http.get(gateway.http + path + name, headers=headers)

        assert "static/app.js" in (await get("/")).text
        assert [(await get(name)).status_code for name in ("/static/app.js", "/health", "/voices")] == [200, 200, 401]
        for name in ("/voices", "/v1/models"):
            assert (await get(name, authorization=f"Bearer {token}")).status_code == 200
        assert (await get("/v1/models")).json()["error"]["type"]  # in OpenAI's shape


async def test_the_path_without_its_slash_leads_to_the_page() -> None:
    async with (
        TestGateway().running(root_path="/talk") as gateway,
        httpx.AsyncClient(trust_env=False, timeout=60) as http,
    ):
        answer = await http.get(f"{gateway.http}/talk")
        assert (answer.status_code, answer.headers["location"]) == (307, "/talk/")
        assert (await http.get(f"{gateway.http}/talkative")).status_code == 404


async def test_a_conversation_under_a_path() -> None:
    async with TestGateway().running(root_path="/talk") as gateway:
        async with a_learner(gateway.ws.replace("/ws/", "/talk/ws/")) as learner:
            await learner.send(type="text", text="Hello")
            text, audio, _ = await learner.hear_reply(after=len(learner.messages))
            assert (text, bool(audio)) == ("Hello there, my friend.", True)
        async with connect(gateway.ws.replace("/ws/conversation", "/talk/v1/realtime"), proxy=None) as socket:
            assert "session.created" in str(await socket.recv())
