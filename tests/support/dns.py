"""A DNS server for tests. It knows the IPv4 addresses of some names, and a test may change them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

_ANSWERS, _NO_SUCH_NAME = 0x8580, 0x8583
_A, _INTERNET = 1, 1


class DnsServer(asyncio.DatagramProtocol):
    """addresses: name in lower case, without a final dot → its addresses. port: the UDP port on 127.0.0.1."""

    def __init__(self) -> None:
        self.addresses: dict[str, list[str]] = {}
        self.port = 0

    def target(self, name: str, port: int) -> str:
        """The gRPC target that asks this server for `name`."""
        return f"dns://127.0.0.1:{self.port}/{name}:{port}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, end = _name_in(data)
        (kind,) = struct.unpack("!H", data[end : end + 2])
        known = self.addresses.get(name.lower())
        found = known if known and kind == _A else []
        flags = _NO_SUCH_NAME if known is None else _ANSWERS
        answer = data[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0) + data[12 : end + 4]
        for address in found:
            answer += b"\xc0\x0c" + struct.pack("!HHIH", _A, _INTERNET, 0, 4) + socket.inet_aton(address)
        self._transport.sendto(answer, addr)


def _name_in(query: bytes) -> tuple[str, int]:
    """The name in the question of a DNS query, and where it ends."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode())
        at += length + 1
    return ".".join(labels), at + 1


@asynccontextmanager
async def running_dns() -> AsyncIterator[DnsServer]:
    """Run a DnsServer for the length of the block."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(DnsServer, local_addr=("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()
