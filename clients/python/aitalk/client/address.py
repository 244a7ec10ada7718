"""Makes the gateway's addresses from the one that people type."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from aitalk.client.errors import ServerAwayError

DEFAULT_URL = "http://localhost:8000"
_WEBSOCKET = {"http": "ws", "https": "wss"}
_CONVERSATION = "/ws/conversation"


def http_url(url: str) -> str:
    """`url` as the base of HTTP routes: `localhost:8000`, `ws://…/ws/conversation` and `https://…/` are all fine.

    Raises ServerAwayError if it is no address.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if scheme not in _WEBSOCKET or not parts.hostname:
        raise ServerAwayError(f"{url!r} is no address of a gateway; write it like {DEFAULT_URL}")
    return urlunsplit((scheme, parts.netloc, parts.path.removesuffix(_CONVERSATION).rstrip("/"), "", ""))


def websocket_url(url: str, query: Mapping[str, str]) -> str:
    """The address of a conversation at the gateway `url`."""
    base = urlsplit(http_url(url))
    path = f"{base.path}{_CONVERSATION}"
    return urlunsplit((_WEBSOCKET[base.scheme], base.netloc, path, urlencode(query), ""))
