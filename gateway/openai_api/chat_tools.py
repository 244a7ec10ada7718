"""The tools in the body of a chat completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from common.tools import TOOL_NAME
from gateway.openai_api.answers import ParameterError
from gateway.tools import Tool, ToolCall, ToolChoice, ToolMode, ToolUse

Name = Annotated[str, Field(pattern=TOOL_NAME)]


class Function(BaseModel):
    """A function. Its `strict` has no effect: the model server decides how closely it keeps to the schema."""

    name: Name
    description: Annotated[str, Field(max_length=4096)] | None = None
    parameters: dict[str, Any] | None = None


class FunctionTool(BaseModel):
    """A tool; only functions are supported."""

    type: Literal["function"]
    function: Function

    def as_tool(self) -> Tool:
        """The tool for `llm_service`."""
        function = self.function
        given = {"parameters": function.parameters} if function.parameters else {}
        return Tool(name=function.name, description=function.description or "", **given)


class FunctionName(BaseModel):
    """The name of a function."""

    name: Name


class NamedChoice(BaseModel):
    """The one tool that the model must call."""

    type: Literal["function"]
    function: FunctionName


class CalledArguments(BaseModel):
    """A function that was called. arguments: JSON text."""

    name: Name
    arguments: str = ""


class CalledFunction(BaseModel):
    """A call that the assistant has made."""

    id: Annotated[str, Field(min_length=1, max_length=256)]
    type: Literal["function"] = "function"
    function: CalledArguments

    def as_call(self) -> ToolCall:
        """The call for `llm_service`."""
        return ToolCall(self.id, self.function.name, self.function.arguments)


def tool_use(tools: Sequence[FunctionTool], choice: ToolMode | NamedChoice | None, *, parallel: bool | None) -> ToolUse:
    """The tools and how to use them. Raises ParameterError if two tools have the same name, if the choice names an
    unknown tool, or if it requires a call although there are no tools."""
    named = choice.function.name if isinstance(choice, NamedChoice) else ""
    mode: ToolMode = "required" if isinstance(choice, NamedChoice) else choice or "auto"
    names = [tool.function.name for tool in tools]
    if len(set(names)) < len(names):
        raise ParameterError("`tools`: two of them have the same name", "tools")
    if mode == "required" and not tools:
        raise ParameterError("`tool_choice`: a call is required, but there are no `tools`", "tool_choice")
    if named and named not in names:
        raise ParameterError(f"`tool_choice`: there is no tool {named!r} in `tools`", "tool_choice")
    return ToolUse(tuple(tool.as_tool() for tool in tools), ToolChoice(mode=mode, name=named), parallel)
