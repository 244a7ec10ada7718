"""OpenAI's JavaScript client `@openai/agents-realtime`, unchanged, talks with the whole mesh in Node.

`tests/browser/test_agents_sdk.py` runs the same conversation in Chromium.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from tests.e2e.test_realtime import INTERRUPTION, LINE, pcm
from tests.support.agents_sdk import AGENTS_SDK, client_key, node
from tests.support.mesh import Mesh
from tests.support.transcription import word_error_rate

WITHIN_S = 100.0


async def in_node(mesh: Mesh, conversation: str, *speech: bytes) -> dict[str, Any]:
    """What a conversation of `tests/agents_sdk/conversations.mjs` saw."""
    request = {
        "conversation": conversation,
        "url": f"ws://127.0.0.1:{mesh.port}/v1/realtime",
        "apiKey": await client_key(mesh),
        "speech": [base64.b64encode(one).decode() for one in speech],
    }
    process = await asyncio.create_subprocess_exec(
        node(), "run.mjs", cwd=AGENTS_SDK, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            out, _ = await process.communicate(json.dumps(request).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, "see the standard error of Node"
    seen: dict[str, Any] = json.loads(out)
    return seen


async def test_a_spoken_turn_an_interruption_an_error_and_the_same_session_again(mesh: Mesh) -> None:
    seen = await in_node(mesh, "talk", pcm(LINE), pcm(INTERRUPTION, silence_s=0.5))
    assert word_error_rate([LINE], [seen["said"]["text"]]) <= 0.1
    assert seen["said"]["role"] == "user"
    assert seen["isInterrupted"]
    assert seen["replyAsWritten"].startswith(seen["reply"]["text"])
    assert len(seen["reply"]["text"]) < len(seen["replyAsWritten"])
    assert (seen["error"]["code"], seen["error"]["event_id"]) == ("item_retrieve_invalid_item_id", "wrong")
    assert [len(errors) for errors in seen["errors"]] == [1, 0]
    assert seen["isSameSession"]
    assert seen["kept"] == seen["said"]["text"]
    assert seen["answerStatus"] == "completed"
    assert seen["answer"]["text"]


async def test_a_transcription_session_has_no_replies(mesh: Mesh) -> None:
    seen = await in_node(mesh, "transcribe", pcm(LINE))
    assert word_error_rate([LINE], [seen["transcript"]]) <= 0.1
    assert (seen["responses"], seen["errors"]) == (0, [])
