"""The tools of a Realtime session or response, as the client sends them and as the conversation takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from common.errors import InvalidInputError
from common.tools import TOOL_NAME
from gateway.realtime.errors import ClientError
from gateway.tools import Tool, ToolChoice, ToolMode, ToolUse, check_tools


class FunctionTool(BaseModel):
    """A function that the client runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["function"]
    name: str = Field(pattern=TOOL_NAME)
    description: str | None = Field(None, max_length=4096)
    parameters: dict[str, Any] | None = None
    strict: bool | None = Field(None, exclude=True)  # some SDKs send it; it has no effect here

    def as_tool(self) -> Tool:
        """The tool for the conversation."""
        given = {"parameters": self.parameters} if self.parameters else {}
        return Tool(name=self.name, description=self.description or "", **given)


class NamedTool(BaseModel):
    """The one tool that the model must call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["function"]
    name: str = Field(pattern=TOOL_NAME)


Choice = ToolMode | NamedTool


def refuse_mcp(given: Mapping[str, Any], param: str) -> None:
    """Raises ClientError if `given` has tools of MCP servers."""
    tools = given.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, Mapping) and tool.get("type") == "mcp":
            raise ClientError(
                "clients can't add MCP servers; only the operator names them",
                code="unsupported_parameter",
                param=f"{param}.tools",
            )


def tool_use(tools: Iterable[FunctionTool], choice: Choice, *, parallel: bool | None, param: str) -> ToolUse:
    """The tools and how to use them. Raises ClientError if they contradict each other. param: the path of the object
    that contains both.

    A call may be required before there are tools, because LiveKit sends the tools in a later update.
    """
    known = tuple(tool.as_tool() for tool in tools)
    if choice == "required" and not known:
        choice = "auto"
    wanted = ToolChoice(mode="required", name=choice.name) if isinstance(choice, NamedTool) else ToolChoice(mode=choice)
    try:
        check_tools(known, wanted)
    except InvalidInputError as error:
        field = "tool_choice" if "tool_choice" in error.message else "tools"
        raise ClientError(error.message, param=f"{param}.{field}") from None
    return ToolUse(known, wanted, parallel)
