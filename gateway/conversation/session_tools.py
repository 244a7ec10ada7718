"""The tools of one conversation: the client's, and those of the operator's MCP servers.

gateway                                       client
tool_call {call_id, name, arguments}   ──▶    runs the tool
                                       ◀──    tool_result {call_id, output}
tool_call {…, confirm: true}           ──▶    asks the learner
                                       ◀──    tool_result {call_id, confirmed}
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence

from common.errors import InvalidInputError
from gateway import metrics
from gateway.conversation.conduct import Conduct
from gateway.history import SessionState
from gateway.outbox import Outbox
from gateway.ports import ServerTools
from gateway.protocol import ToolCallMessage, ToolResult
from gateway.tools import Tool, ToolCall

# What the model is told if there is no result.
NO_ARGUMENTS = "Error: the arguments are not a JSON object."
NO_RESULT = "Error: the tool has not answered in time."
NOT_CONFIRMED = "Error: this was not allowed."


class SessionTools:
    """Runs the calls of tools (a ToolRunner). servers: the operator's MCP servers. timeout_s: how long the client may
    take for a result, or for the learner's confirmation."""

    def __init__(
        self,
        servers: ServerTools,
        outbox: Outbox,
        *,
        state: Callable[[], SessionState],
        conduct: Callable[[], Conduct],
        timeout_s: float,
    ) -> None:
        self._servers = servers
        self._outbox = outbox
        self._state = state
        self._conduct = conduct
        self._timeout_s = timeout_s
        self._waiting: dict[str, asyncio.Future[ToolResult]] = {}
        self._asked: set[str] = set()

    @property
    def tools(self) -> Sequence[Tool]:
        """The MCP servers' tools. A tool that needs a confirmation is offered only if the client can ask the learner
        for it."""
        may_confirm = self._state().confirms_tools
        return [tool for tool in self._servers.tools if may_confirm or not self._servers.needs_confirmation(tool.name)]

    def runs(self, name: str) -> bool:
        if self._is_clients(name):
            return self._conduct().awaits_results
        return any(tool.name == name for tool in self.tools)

    async def run(self, call: ToolCall) -> str:
        runner = "client" if self._is_clients(call.name) else "mcp"
        try:
            outcome, result = await (self._run_clients(call) if runner == "client" else self._run_servers(call))
        except asyncio.CancelledError:
            metrics.TOOL_CALLS.labels(runner, "cancelled").inc()
            raise
        metrics.TOOL_CALLS.labels(runner, outcome).inc()
        return result

    def answer(self, result: ToolResult) -> None:
        """Take the client's result, which has no effect if it comes too late. Raises InvalidInputError for an unknown
        call."""
        if result.call_id not in self._asked:
            raise InvalidInputError("`call_id`: there was no such `tool_call`", code="unknown_call")
        waiting = self._waiting.get(result.call_id)
        if waiting and not waiting.done():
            waiting.set_result(result)

    def _is_clients(self, name: str) -> bool:
        return any(tool.name == name for tool in self._state().tools)

    async def _run_clients(self, call: ToolCall) -> tuple[str, str]:
        """The outcome of the client's call, and the result for the model."""
        answer = await self._ask(call, confirm=False)
        return answer if isinstance(answer, tuple) else ("ok", answer.output)

    async def _run_servers(self, call: ToolCall) -> tuple[str, str]:
        if self._servers.needs_confirmation(call.name):
            answer = await self._ask(call, confirm=True)
            if isinstance(answer, tuple):
                return answer
            if not answer.confirmed:
                return "refused", NOT_CONFIRMED
        arguments = _object(call.arguments)
        if arguments is None:
            return "error", NO_ARGUMENTS
        return await self._servers.call(call.name, arguments)

    async def _ask(self, call: ToolCall, *, confirm: bool) -> ToolResult | tuple[str, str]:
        """The client's answer. If there is none: the outcome, and the result for the model."""
        arguments = _object(call.arguments)
        if arguments is None:
            return "error", NO_ARGUMENTS
        waiting: asyncio.Future[ToolResult] = asyncio.get_running_loop().create_future()
        self._waiting[call.id] = waiting
        self._asked.add(call.id)
        message = ToolCallMessage(call_id=call.id, name=call.name, arguments=arguments, confirm=confirm)
        try:
            await self._outbox.send(message)
            async with asyncio.timeout(self._timeout_s):
                return await waiting
        except TimeoutError:
            return "timeout", NO_RESULT
        finally:
            self._waiting.pop(call.id, None)


def _object(arguments: str) -> dict[str, object] | None:
    """The arguments as a dictionary; None if they are not a JSON object."""
    try:
        found = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
