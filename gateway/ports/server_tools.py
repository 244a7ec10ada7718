"""The port to tools that the gateway itself calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.tools import Tool


class ServerTools(Protocol):
    """The tools of the servers that the operator has named."""

    @property
    def tools(self) -> Sequence[Tool]:
        """The tools that can be called now."""
        ...

    def needs_confirmation(self, name: str) -> bool:
        """Whether the learner has to allow each call of this tool."""
        ...

    async def call(self, name: str, arguments: Mapping[str, object]) -> tuple[str, str]:
        """Call the tool. Returns the outcome (ok, error, timeout) and the result for the model. Raises nothing."""
        ...


class NoServerTools:
    """There are no servers with tools."""

    tools: Sequence[Tool] = ()

    def needs_confirmation(self, name: str) -> bool:
        """There is no such tool."""
        del name
        return False

    async def call(self, name: str, arguments: Mapping[str, object]) -> tuple[str, str]:
        """There is no such tool."""
        del arguments
        return "error", f"Error: there is no tool {name}."
