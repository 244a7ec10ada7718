"""The tools of a request, and the calls that the model makes. The client runs the tools, not this service."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from common.errors import InvalidInputError
from common.tools import MAX_TOOLS, TOOL_NAME


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call.

    parameters: JSON text of a schema of its arguments, which are an object; empty: it has no arguments. Raises
    InvalidInputError if the name or the schema is invalid.
    """

    name: str
    description: str = ""
    parameters: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(TOOL_NAME, self.name):
            raise InvalidInputError("tools: a name has 1 to 64 letters, digits, _ and -")
        self.schema()

    def schema(self) -> dict[str, Any]:
        """The schema of the arguments as an object."""
        try:
            schema = json.loads(self.parameters or '{"type": "object", "properties": {}}')
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"tools: the parameters of {self.name} are not JSON") from error
        if not isinstance(schema, dict):
            raise InvalidInputError(f"tools: the parameters of {self.name} must be a JSON object")
        return schema


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A complete call. arguments: JSON text that the model wrote."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether the model calls tools. required: it must call at least one. name: the only tool that it may call; empty:
    any tool."""

    mode: Literal["auto", "none", "required"] = "auto"
    name: str = ""


AUTO = ToolChoice()
"""The model decides."""


@dataclass(frozen=True, slots=True)
class CallDelta:
    """The next piece of a call. Only the first piece has the id and the name.

    index: counts the calls of a reply from 0. arguments: a piece of JSON text; the pieces of a call are joined.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


def check_choice(tools: tuple[Tool, ...], choice: ToolChoice) -> None:
    """Raises InvalidInputError if the tools are invalid, or if the choice doesn't fit them."""
    names = [tool.name for tool in tools]
    if len(names) > MAX_TOOLS:
        raise InvalidInputError(f"tools: at most {MAX_TOOLS}, not {len(names)}")
    if len(set(names)) < len(names):
        raise InvalidInputError("tools: two of them have the same name")
    if choice.mode == "required" and not tools:
        raise InvalidInputError("tool_choice: a call is required, but there are no tools")
    if choice.name and choice.name not in names:
        raise InvalidInputError(f"tool_choice: there is no tool {choice.name[:64]!r} among the tools")
