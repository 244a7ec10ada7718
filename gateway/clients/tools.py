"""Tools and their calls as messages of aitalk.llm.v1."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from aitalk.llm.v1 import llm_pb2

from gateway.tools import CallPiece, ToolCall, ToolMode, ToolUse

_MODES: dict[ToolMode, llm_pb2.ToolChoiceMode.ValueType] = {
    "auto": llm_pb2.TOOL_CHOICE_MODE_AUTO,
    "none": llm_pb2.TOOL_CHOICE_MODE_NONE,
    "required": llm_pb2.TOOL_CHOICE_MODE_REQUIRED,
}


def tools_to_proto(use: ToolUse) -> dict[str, Any]:
    """The fields of a request that describe tools; empty without tools."""
    if not use.tools:
        return {}
    return {
        "tools": [
            llm_pb2.Tool(name=tool.name, description=tool.description, parameters=json.dumps(tool.parameters))
            for tool in use.tools
        ],
        "tool_choice": llm_pb2.ToolChoice(mode=_MODES[use.choice.mode], name=use.choice.name),
        "parallel_tool_calls": use.parallel,
    }


def calls_to_proto(calls: Iterable[ToolCall]) -> list[llm_pb2.ToolCall]:
    """The calls in a message."""
    return [llm_pb2.ToolCall(id=call.id, name=call.name, arguments=call.arguments) for call in calls]


def piece_of(delta: llm_pb2.ToolCallDelta) -> CallPiece:
    """The piece of a call in a response."""
    return CallPiece(delta.index, delta.id, delta.name, delta.arguments)
