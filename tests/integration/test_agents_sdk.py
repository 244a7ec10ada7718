"""OpenAI's JavaScript client on a gateway with scripted models: a tool, a change of the history, the docs' example."""

from __future__ import annotations

import asyncio
import re

from gateway.ports import ChatMessage
from gateway.tools import CallPiece, ToolCall, ToolChoice
from tests.support.agents_sdk import AGENTS_SDK, in_node, node
from tests.support.conversation import one_turn
from tests.support.mesh import ROOT
from tests.support.realtime_steps import SECOND, a_gateway

REPLY = "Hello there, my friend."


async def test_the_client_runs_a_tool_and_the_partner_answers() -> None:
    gateway = a_gateway()
    gateway.llm.first_replies = [(CallPiece(0, "c1", "opening_hours", '{"day":'), CallPiece(0, "", "", ' "Monday"}'))]
    async with gateway.running():
        seen = await in_node(gateway, "callTool")
    assert seen["calls"] == [{"day": "Monday"}]
    call = (seen["call"]["name"], seen["call"]["status"], seen["call"]["output"])
    assert call == ("opening_hours", "completed", "It is closed on Mondays.")
    assert (seen["answer"], seen["errors"]) == (REPLY, [])
    choices = [use.choice for use in gateway.llm.tools]
    assert choices == [ToolChoice(mode="required", name="opening_hours"), ToolChoice(mode="none")]
    assert gateway.llm.asked[1][-3:] == [
        ChatMessage("user", "Is the museum open on Monday?"),
        ChatMessage("assistant", "", (ToolCall("c1", "opening_hours", '{"day": "Monday"}'),)),
        ChatMessage("tool", "It is closed on Mondays.", tool_call_id="c1"),
    ]


async def test_the_application_changes_what_was_said() -> None:
    gateway = a_gateway()
    gateway.asr.script = one_turn()
    async with gateway.running():
        seen = await in_node(gateway, "changeHistory", bytes(2 * SECOND))
    assert (seen["added"], seen["errors"]) == ([["user", "Changed."], ["assistant", "Changed."]], [])


async def test_the_example_of_the_page_works_as_printed() -> None:
    page = (ROOT / "docs" / "realtime.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```js\n(.*?)```", page, re.DOTALL)
    async with a_gateway().running() as gateway:
        code = code.replace("ws://localhost:8000", f"ws://127.0.0.1:{gateway.port}")
        process = await asyncio.create_subprocess_exec(
            *(node(), "--input-type=module", "--eval", code), cwd=AGENTS_SDK, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
    assert (process.returncode, out.decode()) == (0, REPLY)
