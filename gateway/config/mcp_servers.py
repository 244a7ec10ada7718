"""The MCP servers that the operator names in MCP_SERVERS."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError


class McpServer(BaseModel):
    """One server, over streamable HTTP.

    name: for the log. token: a bearer token. tools: those that the partner may use; None: all. allow: those of them
    that may change something without a confirmation. timeout_s: for one call, or for asking for the tools.
    max_result_chars: longer results are cut off after this many characters.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")
    url: str = Field(pattern=r"^https?://\S+$")
    token: SecretStr = SecretStr("")
    tools: tuple[str, ...] | None = None
    allow: tuple[str, ...] = ()
    timeout_s: float = Field(10.0, gt=0, le=120)
    max_result_chars: int = Field(4000, ge=100, le=32_000)


_SERVERS = TypeAdapter(tuple[McpServer, ...])


def read_servers(text: str) -> tuple[McpServer, ...]:
    """The servers in a JSON list; none if `text` is empty. Raises a ValueError whose message doesn't quote the text."""
    try:
        servers = _SERVERS.validate_json(text or "[]")
    except ValidationError as invalid:
        error = invalid.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in error["loc"])
        raise ValueError(f"MCP_SERVERS: {where}: {error['msg']}; docs/operations.md has an example") from None
    names = [server.name for server in servers]
    if len(set(names)) < len(names):
        raise ValueError("MCP_SERVERS: two servers have the same name")
    return servers
