"""Addresses in settings (`host:port` as gRPC takes it, with IPv6 in brackets), and sockets that listen."""

from __future__ import annotations

import re
import socket
from ipaddress import AddressValueError, IPv6Address

_TARGET = re.compile(r"(?P<host>\[[^\]]+\]|[^\[\]:/\s]+):(?P<port>\d{1,5})")
_GRPC_SCHEMES = ("dns:", "unix:", "unix-abstract:", "ipv4:", "ipv6:", "vsock:", "xds:")


def join(host: str, port: int) -> str:
    """`host:port`; an IPv6 address is put in brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def target(address: str) -> str:
    """The address of a gRPC server without surrounding blanks. Raises ValueError, with the reason, if it is no address.

    gRPC itself accepts everything: a name without a port means port 443, and a URL is looked up as if it were a name.
    """
    address = address.strip()
    if address.startswith(_GRPC_SCHEMES):
        return address
    if "://" in address:
        raise ValueError(f"write it as host:port, without {address.partition('://')[0]}://")
    if _is_ipv6(address) or _is_ipv6(address.rpartition(":")[0]):
        raise ValueError("an IPv6 address goes in brackets, with its port after them: [::1]:50051")
    found = _TARGET.fullmatch(address)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise ValueError("write it as host:port, for example asr:50051")
    if found["host"].startswith("[") and not _is_ipv6(found["host"].strip("[]")):
        raise ValueError("only an IPv6 address goes in brackets: [::1]:50051")
    return address


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def listen(host: str, port: int, *, backlog: int | None = None) -> list[socket.socket]:
    """Sockets that listen: one, or two for `::`, because everybody expects `::` to include IPv4. Raises OSError.

    A single socket for both families would show IPv4 clients as ::ffff:1.2.3.4, which no list of trusted proxies
    contains.
    """
    host = host.strip("[]")
    if ":" not in host:
        return [socket.create_server((host, port), backlog=backlog)]
    six = socket.create_server((host, port), family=socket.AF_INET6, backlog=backlog)
    if host != "::":
        return [six]
    try:
        return [six, socket.create_server(("", six.getsockname()[1]), backlog=backlog)]
    except OSError:
        six.close()
        raise
