"""Finds out whether one model server can call tools, when the first request with tools comes."""

from __future__ import annotations

import asyncio
import logging
import re

from common.errors import EngineError, InvalidInputError
from llm_service.engine import GenerationRequest, Message
from llm_service.metrics import BACKEND_HABITS
from llm_service.openai_api.dialect import Dialect
from llm_service.openai_api.negotiation import Ask
from llm_service.tools import Tool, ToolChoice

logger = logging.getLogger(__name__)

_TOOL = Tool(
    "get_time",
    "The time of day in a city.",
    '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}',
)
_QUESTION = GenerationRequest(
    (Message("user", "What time is it in Paris? Use the tool get_time."),),
    max_tokens=32,
    temperature=0.0,
    tools=(_TOOL,),
    tool_choice=ToolChoice("required", "get_time"),
)
_REFUSAL = re.compile(r"tool[ _-]?choice|support.{0,20}tools?\b|tools? .{0,20}support|--jinja", re.IGNORECASE)
"""vLLM without a parser refuses only `auto`, which _QUESTION does not use: '"auto" tool choice requires
--enable-auto-tool-choice and --tool-call-parser to be set'. llama.cpp ignores tools if the model's chat template has no
place for them."""
_TOLD = {
    "refuses_tools": "refuses tools; they are described in words, and calls are read from the text",
    "ignores_tools": "ignores tools; they are described in words, and calls are read from the text",
}


class ToolSupport:
    """Finds out once whether one server can call tools. The methods take `server`, its name in logs and metrics."""

    def __init__(self) -> None:
        self._calls: bool | None = None  # None: unknown
        self._asking = asyncio.Lock()
        self._habit = ""

    async def calls(self, ask: Ask, dialect: Dialect, server: str) -> bool:
        """Whether the server can call tools. Raises ServiceError if that can't be found out now."""
        async with self._asking:
            if self._calls is None:
                habit = await _habit_of(ask, dialect)
                self._calls = not habit
                self._note(habit, server)
            return self._calls

    def note_refusal(self, error: InvalidInputError, server: str) -> bool:
        """Returns whether the error shows that the server can't call tools. If so, the server gets no more tools."""
        if not self._calls or not _REFUSAL.search(error.message):
            return False
        self._calls = False
        self._note("refuses_tools", server)
        return True

    def forget(self) -> None:
        """Forget the result, because the server may serve another model now."""
        self._calls = None

    def _note(self, habit: str, server: str) -> None:
        if self._habit:
            BACKEND_HABITS.labels(server, self._habit).set(0)
        self._habit = habit
        if habit:
            logger.warning("the model server %s", _TOLD[habit])
            BACKEND_HABITS.labels(server, habit).set(1)


async def _habit_of(ask: Ask, dialect: Dialect) -> str:
    """What the server does instead of calling the tool; empty if it calls the tool."""
    try:
        answer = await ask(_QUESTION, dialect)
    except (InvalidInputError, EngineError):
        return "refuses_tools"
    return "" if answer.calls_tools else "ignores_tools"
