"""Tools of MCP servers, as the port `ServerTools`.

Each server is asked for its tools every REFRESH_S. While it can't be reached, its tools are not offered, and
conversations go on without them. Each call opens a connection of its own. Arguments and results are never logged.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import mcp_types
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from gateway.config.mcp_servers import McpServer
from gateway.tools import Tool

logger = logging.getLogger(__name__)

REFRESH_S = 60.0
RETRY_S = 10.0  # while a server can't be reached
MAX_PAGES = 10  # the most pages of a list of tools


@dataclass(frozen=True, slots=True)
class _Found:
    """A tool of a server. name: the server's own name for it."""

    server: McpServer
    name: str
    tool: Tool
    is_read_only: bool


class McpTools:
    """The tools of all `servers`. `run` keeps the list up to date."""

    def __init__(self, servers: Sequence[McpServer]) -> None:
        self._servers = servers
        self._by_server: dict[str, list[_Found]] = {}
        self._found: dict[str, _Found] = {}
        self._away: set[str] = set()

    @property
    def tools(self) -> Sequence[Tool]:
        return [found.tool for found in self._found.values()]

    def needs_confirmation(self, name: str) -> bool:
        found = self._found.get(name)
        return found is not None and not (found.is_read_only or found.name in found.server.allow)

    async def call(self, name: str, arguments: Mapping[str, object]) -> tuple[str, str]:
        if (found := self._found.get(name)) is None:
            return "error", f"Error: the tool {name} is not available now."
        server = found.server
        try:
            async with asyncio.timeout(server.timeout_s), _connected(server) as client:
                result = await client.call_tool(found.name, dict(arguments))
        except TimeoutError:
            logger.warning("the MCP server %s took longer than %g s for %s", server.name, server.timeout_s, found.name)
            return "timeout", "Error: the tool has not answered in time."
        except Exception as error:  # conversations go on; the log has no text of the error, which may quote arguments
            logger.warning("the MCP server %s failed at %s (%s)", server.name, found.name, type(error).__name__)
            return "error", "Error: the tool failed."
        return "error" if result.is_error else "ok", _text_of(result)[: server.max_result_chars]

    async def run(self) -> None:
        """Keep the list of the servers' tools up to date, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for server in self._servers:
                tasks.create_task(self._watch(server))

    async def _watch(self, server: McpServer) -> None:
        while True:
            await self.refresh(server)
            await asyncio.sleep(RETRY_S if server.name in self._away else REFRESH_S)

    async def refresh(self, server: McpServer) -> None:
        """Ask the server for its tools."""
        try:
            async with asyncio.timeout(server.timeout_s), _connected(server) as client:
                found = [tool for tool in await _all_tools(client) if server.tools is None or tool.name in server.tools]
        except Exception as error:  # any failure means that the server can't be used
            self._by_server.pop(server.name, None)
            if server.name not in self._away:
                self._away.add(server.name)
                logger.warning(
                    "the MCP server %s can't be used now (%s); conversations go on without its tools",
                    server.name,
                    type(error).__name__,
                )
        else:
            if server.name in self._away or server.name not in self._by_server:
                logger.info("the MCP server %s offers %d tools", server.name, len(found))
            self._away.discard(server.name)
            self._by_server[server.name] = [_found(server, tool) for tool in found]
        self._found = {}
        for one in (found for server in self._servers for found in self._by_server.get(server.name, ())):
            self._found.setdefault(one.tool.name, one)  # of two tools with the same name, the first wins


@asynccontextmanager
async def _connected(server: McpServer) -> AsyncIterator[Client]:
    token = server.token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=server.timeout_s) as http,
        Client(streamable_http_client(server.url, http_client=http)) as client,
    ):
        yield client


async def _all_tools(client: Client) -> list[mcp_types.Tool]:
    tools: list[mcp_types.Tool] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return tools


def _found(server: McpServer, tool: mcp_types.Tool) -> _Found:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", tool.name)[:64]
    offered = Tool(name=name, description=(tool.description or "")[:4096], parameters=tool.input_schema)
    is_read_only = tool.annotations is not None and tool.annotations.read_only_hint is True
    return _Found(server, tool.name, offered, is_read_only)


def _text_of(result: mcp_types.CallToolResult) -> str:
    """The result as text for the model."""
    texts = [part.text for part in result.content if isinstance(part, mcp_types.TextContent)]
    if texts:
        return "\n".join(texts)
    if result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "Done." if not result.content else "The tool answered with something that is not text."
