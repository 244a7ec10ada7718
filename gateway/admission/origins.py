"""Decides which web pages may use the gateway, by the headers `Origin` and `Host` of their requests.

Browsers do not apply CORS to WebSockets. Without this check any web page could open one in a learner's name.

The gateway's own page is always allowed: its Origin equals the Host. Without log-in that is not enough, because a
foreign page can make its own name point to this machine (DNS rebinding), and then both headers contain that name. So
without log-in the Host must be a name that no stranger can own.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from starlette.datastructures import Headers

# Names that no public DNS server resolves.
_PRIVATE = (".localhost", ".local", ".lan", ".internal", ".home.arpa")


@dataclass(frozen=True, slots=True)
class Origins:
    """The pages that may use the gateway.

    allowed: origins; `*` allows all. hosts: names under which the gateway's own page may be opened; None: any name.
    """

    allowed: tuple[str, ...] = ()
    hosts: tuple[str, ...] | None = None

    def allow(self, headers: Headers) -> bool:
        """Whether a request with these headers is from an allowed page, the gateway's own, or no page (no Origin)."""
        origin = headers.get("origin")
        if origin is None or "*" in self.allowed or origin.rstrip("/") in self.allowed:
            return True
        host = headers.get("host", "")
        scheme, _, own = origin.partition("://")
        if _place(own, scheme) != _place(host, scheme):
            return False
        return self.hosts is None or _name(host) in self.hosts or is_private(_name(host))


def _place(host: str, scheme: str) -> tuple[str, str]:
    """Name and port. Some proxies write the default port into Host (`$host:$server_port`), or keep capital letters."""
    rest = host.rpartition("]")[2] if host.startswith("[") else host
    return _name(host), rest.partition(":")[2] or {"http": "80", "https": "443"}.get(scheme, "")


def _name(host: str) -> str:
    """The name or address in a Host header, without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().rstrip(".")


def is_private(name: str) -> bool:
    """Whether `name` is an address, or a name that only this network knows."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(_PRIVATE) or name == socket.getfqdn().lower()
    return True
