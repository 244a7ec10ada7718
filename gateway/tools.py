"""The tools that the language model may call, its calls, and the interface of what runs them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from common.errors import InvalidInputError
from common.tools import TOOL_NAME

ToolMode = Literal["auto", "none", "required"]

MAX_TOOLS_CHARS = 64_000


class Tool(BaseModel):
    """A function that the model may call. parameters: a JSON Schema of its arguments, which are a JSON object."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(pattern=TOOL_NAME)
    description: str = Field("", max_length=4096)
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})


class ToolChoice(BaseModel):
    """Whether the model calls tools. required: it must call at least one. name: the only tool that it may call; empty:
    any tool."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    mode: ToolMode = "auto"
    name: str = ""


AUTO = ToolChoice()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A complete call. arguments: JSON text that the model wrote."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class CallPiece:
    """The next piece of a call. Only the first piece has the id and the name.

    index: the number of the call in its reply, from 0. arguments: a piece of JSON text; the pieces of a call are
    joined.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The tools of one request, and how the model may use them. parallel: whether one reply may contain several calls;
    None: the model server decides."""

    tools: tuple[Tool, ...] = ()
    choice: ToolChoice = AUTO
    parallel: bool | None = None


NO_TOOLS = ToolUse()


def check_tools(tools: Sequence[Tool], choice: ToolChoice) -> None:
    """Raises InvalidInputError if the tools are too large or wrong, or if the choice doesn't fit them."""
    names = [tool.name for tool in tools]
    if len(set(names)) < len(names):
        raise InvalidInputError("`tools`: two of them have the same name")
    for tool in tools:
        if not _is_json(tool.parameters):
            raise InvalidInputError(f"`tools`: {tool.name} has a number in its parameters that is not finite")
    if sum(len(tool.model_dump_json()) for tool in tools) > MAX_TOOLS_CHARS:
        raise InvalidInputError(
            f"`tools`: they are longer than {MAX_TOOLS_CHARS} characters of JSON; shorten their descriptions"
        )
    if choice.mode == "required" and not tools:
        raise InvalidInputError("`tool_choice`: a call is required, but there are no tools")
    if choice.name and choice.name not in names:
        raise InvalidInputError(f"`tool_choice`: there is no tool {choice.name!r}")


def _is_json(parameters: dict[str, Any]) -> bool:
    """Whether a model server can read the parameters. Python also reads NaN and Infinity, which are not JSON."""
    try:
        json.dumps(parameters, allow_nan=False)
    except ValueError:
        return False
    return True


def whole_calls(pieces: Iterable[CallPiece]) -> list[ToolCall]:
    """The complete calls that these pieces make up."""
    calls: list[ToolCall] = []
    for piece in pieces:
        if piece.index == len(calls):
            calls.append(ToolCall(piece.id, piece.name, piece.arguments))
        elif piece.index < len(calls):
            known = calls[piece.index]
            calls[piece.index] = ToolCall(known.id, known.name, known.arguments + piece.arguments)
    return calls


class ToolRunner(Protocol):
    """Runs tools for the partner."""

    @property
    def tools(self) -> Sequence[Tool]:
        """The tools that it offers at present."""
        ...

    def runs(self, name: str) -> bool:
        """Whether it runs the tool of this name."""
        ...

    async def run(self, call: ToolCall) -> str:
        """The result for the model, or a text that says why there is none. Cancelling `run` abandons the call."""
        ...


class NoTools:
    """A ToolRunner without tools."""

    tools: Sequence[Tool] = ()

    def runs(self, name: str) -> bool:
        """Never."""
        del name
        return False

    async def run(self, call: ToolCall) -> str:
        """There is nothing to run."""
        return f"There is no tool {call.name}."
