"""OpenAI's JavaScript client `@openai/agents-realtime` runs unchanged in Chromium and talks with the whole mesh.

In `tests/e2e/test_agents_sdk.py`, the client holds the same conversation in Node.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page, Route

from tests.browser.conftest import Console, OpenPage
from tests.support.agents_sdk import AGENTS_SDK, client_key
from tests.support.audio import resampled, wav
from tests.support.mesh import Mesh
from tests.support.transcription import word_error_rate
from tests.support.voices import say

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

LINE = "Yesterday I went to the market with my sister and we bought fresh vegetables."
RATE_HZ = 48_000
TALK = "async ([url, key]) => (await import('/agents_sdk/browser.mjs')).talkWith(url, key)"


@pytest.fixture(scope="module")
def microphone_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sentence, then a silence longer than the test, because Chromium plays the file in a loop."""
    path = tmp_path_factory.mktemp("microphone") / "sentence.wav"
    path.write_bytes(wav(np.concatenate([resampled(*say(LINE), RATE_HZ), np.zeros(120 * RATE_HZ, np.int16)]), RATE_HZ))
    return path


async def serve_sdk(page: Page) -> None:
    """Serve the client's files under the gateway's own address."""

    async def fulfil(route: Route) -> None:
        path = AGENTS_SDK / route.request.url.partition("/agents_sdk/")[2]
        await route.fulfill(path=path, content_type="text/javascript")

    await page.route("**/agents_sdk/**", fulfil)


async def test_a_spoken_turn_an_interruption_an_error_and_the_same_session_again(
    open_page: OpenPage, mesh: Mesh, console: Console
) -> None:
    console.allowed.append("item_retrieve_invalid_item_id")  # the client logs the error that the test provokes
    page = await open_page(f"{mesh.http}/health")
    await serve_sdk(page)
    url = f"ws://127.0.0.1:{mesh.port}/v1/realtime"
    seen: dict[str, Any] = await page.evaluate(TALK, [url, await client_key(mesh)])
    assert word_error_rate([LINE], [seen["said"]["text"]]) <= 0.1
    assert seen["isInterrupted"]
    assert seen["replyAsWritten"].startswith(seen["reply"]["text"])
    assert (seen["error"]["code"], seen["error"]["event_id"]) == ("item_retrieve_invalid_item_id", "wrong")
    assert [len(errors) for errors in seen["errors"]] == [1, 0]
    assert seen["isSameSession"]
    assert seen["kept"] == seen["said"]["text"]
    assert seen["answer"]["text"]
