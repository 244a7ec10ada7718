"""Asks all replicas of the model servers for their slots, and adds them up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any

import grpc

TIMEOUT_S = 2.0


class GrpcReplicas:
    """Calls Describe on every replica.

    addresses: for each service, host:port pairs separated by commas. describe: calls a service's Describe over a
    channel. open_channel: opens a channel to an ip:port; its second argument is the host name of that address.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        describe: Mapping[str, Callable[[grpc.aio.Channel], Callable[..., Any]]],
        open_channel: Callable[[str, str], grpc.aio.Channel],
    ) -> None:
        self._addresses = addresses
        self._describe = describe
        self._open_channel = open_channel
        self._channels: dict[tuple[str, str], grpc.aio.Channel] = {}

    async def close(self) -> None:
        """Close the channels."""
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))
        self._channels.clear()

    async def slots(self) -> dict[str, int | None]:
        """The slots of each service, summed over its ready replicas; None: no replica is ready."""
        sums = await asyncio.gather(*(self._of(name) for name in self._addresses))
        return dict(zip(self._addresses, sums, strict=True))

    async def _of(self, name: str) -> int | None:
        found = await resolve(self._addresses[name])
        for key in [key for key in self._channels if key[0] == name and key[1] not in found]:
            await self._channels.pop(key).close()  # the replica is gone
        answers = await asyncio.gather(*(self._ask(name, one) for one in found.items()))
        slots = [answer for answer in answers if answer is not None]
        return sum(slots) if slots else None

    async def _ask(self, name: str, found: tuple[str, str]) -> int | None:
        address, host = found
        key = (name, address)
        if key not in self._channels:
            self._channels[key] = self._open_channel(address, host)
        try:
            answer = await self._describe[name](self._channels[key])(timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError:
            return None
        return int(answer.engine.slots_total) if answer.engine.ready else None


async def resolve(addresses: str) -> dict[str, str]:
    """Resolves host:port pairs, separated by commas: each ip:port → its host name.

    Unknown hosts are left out. Other addresses ("unix:…", "dns:///…") stay as they are, with an empty host name.
    """
    found: dict[str, str] = {}
    for address in filter(None, (part.strip() for part in addresses.split(","))):
        host, _, port = address.rpartition(":")
        if not port.isdigit() or (":" in host.strip("[]") and not host.startswith("[")):
            found[address] = ""
            continue
        try:
            answers = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        except OSError:
            continue
        # Only one address family: a replica that listens on both would count twice.
        v4 = {str(place[0]) for family, _, _, _, place in answers if family == socket.AF_INET}
        places = {f"{ip}:{port}" for ip in v4} or {f"[{place[0]}]:{port}" for _, _, _, _, place in answers}
        found |= dict.fromkeys(places, host.strip("[]"))
    return found
