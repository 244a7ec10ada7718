"""Tools of a real MCP server (the one in the package `mcp`) on loopback."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from gateway.config.mcp_servers import McpServer, read_servers

if TYPE_CHECKING:  # importing them takes most of a second, and all workers import this file
    from mcp.server.mcpserver import MCPServer

    from gateway.clients.mcp import McpTools

SECRET = "a secret argument"


def tools_of(*servers: McpServer) -> McpTools:
    """The gateway's client of these servers."""
    from gateway.clients.mcp import McpTools

    return McpTools(servers)


def a_server() -> MCPServer:
    from mcp.server.mcpserver import MCPServer
    from mcp_types import ToolAnnotations

    server = MCPServer("test")

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"It is sunny in {city}. " + "x" * 500

    @server.tool(annotations=ToolAnnotations(read_only_hint=False))
    def book(table: int) -> str:
        """Book a table."""
        return f"booked {table}"

    @server.tool()
    async def slow() -> str:
        await asyncio.sleep(30)
        return "too late"

    @server.tool()
    def broken(word: str) -> str:
        raise ValueError(word)

    return server


@asynccontextmanager
async def served(sock: socket.socket) -> AsyncIterator[None]:
    """The MCP server at the socket, within the block."""
    config = uvicorn.Config(
        a_server().streamable_http_app(), log_level="error", lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.02)
        yield
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture
def sock() -> Any:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        yield listening


def named(sock: socket.socket, **more: Any) -> McpServer:
    return McpServer(name="test", url=f"http://127.0.0.1:{sock.getsockname()[1]}/mcp", **more)


async def test_tools_are_listed_and_called_within_their_limits(
    sock: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="gateway")
    server = named(sock, allow=("broken",), timeout_s=3, max_result_chars=100)
    tools = tools_of(server)
    async with served(sock):
        await tools.refresh(server)
        assert [tool.name for tool in tools.tools] == ["weather", "book", "slow", "broken"]
        weather = tools.tools[0]
        assert weather.description == "The weather in a city."
        assert weather.parameters["required"] == ["city"]
        assert [tool.name for tool in tools.tools if tools.needs_confirmation(tool.name)] == ["book", "slow"]
        outcome, result = await tools.call("weather", {"city": "Paris"})
        assert (outcome, len(result)) == ("ok", 100)
        assert result.startswith("It is sunny in Paris.")
        assert await tools.call("book", {"table": 3}) == ("ok", "booked 3")
        assert (await tools.call("broken", {"word": SECRET}))[0] == "error"
        assert (await tools.call("book", {"table": SECRET}))[0] == "error"
        assert (await tools.call("slow", {}))[0] == "timeout"
        assert (await tools.call("unknown", {}))[0] == "error"
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("mcp.server")]
    assert any("slow" in line for line in ours)
    assert not any(SECRET in line or "Paris" in line for line in ours)


async def test_only_the_tools_that_are_allowed_are_offered(sock: socket.socket) -> None:
    server = named(sock, tools=("weather",))
    tools = tools_of(server)
    async with served(sock):
        await tools.refresh(server)
    assert [tool.name for tool in tools.tools] == ["weather"]
    assert (await tools.call("book", {"table": 3}))[0] == "error"


async def test_without_its_server_a_tool_is_not_offered_and_the_log_says_so_once(
    sock: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        away = McpServer(name="away", url=f"http://127.0.0.1:{other.getsockname()[1]}/mcp")
    here = named(sock)
    tools = tools_of(away, here)
    async with served(sock):
        for server in (away, here, away):
            await tools.refresh(server)
        assert len(tools.tools) == 4
    await tools.refresh(here)
    assert not tools.tools
    warnings = [record.getMessage() for record in caplog.records if record.name == "gateway.clients.mcp"]
    assert [warning.split(" can't ")[0] for warning in warnings if "can't be used now" in warning] == [
        "the MCP server away",
        "the MCP server test",
    ]


async def test_the_list_is_kept_while_it_runs(sock: socket.socket) -> None:
    tools = tools_of(named(sock))
    async with served(sock):
        running = asyncio.create_task(tools.run())
        async with asyncio.timeout(20):
            while not tools.tools:
                await asyncio.sleep(0.02)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.mark.parametrize(
    "wrong",
    [
        "{",
        '[{"name": "a"}]',
        '[{"name": "a", "url": "ftp://x"}]',
        '[{"name": "a", "url": "http://x", "token": "hush-hush", "timeout_s": 0}]',
        '[{"name": "a", "url": "http://x"}, {"name": "a", "url": "http://y"}]',
    ],
)
def test_wrong_servers_are_refused_without_quoting_them(wrong: str) -> None:
    with pytest.raises(ValueError, match="MCP_SERVERS") as caught:
        read_servers(wrong)
    assert "hush-hush" not in str(caught.value)
