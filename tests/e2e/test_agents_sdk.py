"""OpenAI's JavaScript client `@openai/agents-realtime` runs unchanged in Node and talks with the whole mesh.

In `tests/browser/test_agents_sdk.py`, the client holds the first of these conversations in Chromium.
"""

from __future__ import annotations

from tests.e2e.test_realtime import INTERRUPTION, LINE, pcm
from tests.support.agents_sdk import in_node
from tests.support.mesh import Mesh
from tests.support.transcription import word_error_rate


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


async def test_the_client_runs_a_tool_and_the_partner_answers(mesh: Mesh) -> None:
    seen = await in_node(mesh, "callTool")
    assert len(seen["calls"]) == 1
    assert isinstance(seen["calls"][0]["day"], str)
    assert (seen["call"]["name"], seen["call"]["output"]) == ("opening_hours", "It is closed on Mondays.")
    assert seen["answer"]
    assert seen["errors"] == []


async def test_a_transcription_session_has_no_replies(mesh: Mesh) -> None:
    seen = await in_node(mesh, "transcribe", pcm(LINE))
    assert word_error_rate([LINE], [seen["transcript"]]) <= 0.1
    assert (seen["responses"], seen["errors"]) == (0, [])
