"""The replicas of the model servers, one by one: how many slots they have together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import grpc

from gateway.admission.capacity import resolve

TIMEOUT_S = 2.0


class GrpcReplicas:
    """addresses: of each service, host:port pairs separated by commas. describe: its Describe, on a channel.

    open_channel: to an ip:port; its second argument is the host name behind which it was found.
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
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))
        self._channels.clear()

    async def slots(self) -> dict[str, int | None]:
        """Slots of all replicas of each service that are ready; None: there is none."""
        sums = await asyncio.gather(*(self._of(name) for name in self._addresses))
        return dict(zip(self._addresses, sums, strict=True))

    async def _of(self, name: str) -> int | None:
        found = await resolve(self._addresses[name])
        for key in [key for key in self._channels if key[0] == name and key[1] not in found]:
            await self._channels.pop(key).close()  # scaled down
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
