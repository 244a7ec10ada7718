"""How many learners may converse at once, computed from what the replicas report."""

from __future__ import annotations

import socket

import pytest

from gateway.admission.capacity import Capacity
from gateway.clients.replicas import resolve

SHARES = {"asr": 1.0, "llm": 4.0, "tts": 2.0}


class Said:
    def __init__(self, **slots: int | None) -> None:
        self._slots = slots

    async def slots(self) -> dict[str, int | None]:
        return self._slots


@pytest.mark.parametrize(
    ("slots", "seats"),
    [
        ({"asr": 16, "llm": 16, "tts": 16}, 16),
        ({"asr": 50, "llm": 4, "tts": 10}, 16),
        ({"asr": 9, "llm": 9, "tts": 3}, 6),
    ],
)
async def test_the_scarcest_service_decides(slots: dict[str, int], seats: int) -> None:
    capacity = Capacity(SHARES)
    await capacity.look(Said(**slots))
    assert capacity.seats == seats


async def test_unknown_capacity_admits_everybody_in_development_and_nobody_in_production() -> None:
    for admit, seats in ((True, None), (False, 0)):
        capacity = Capacity(SHARES, admit_unknown=admit)
        assert capacity.seats == seats
        await capacity.look(Said(asr=16, llm=None, tts=16))
        assert capacity.seats == seats


async def test_a_fixed_number_goes_before_what_the_replicas_say() -> None:
    capacity = Capacity(SHARES, fixed=3)
    await capacity.look(Said(asr=16, llm=16, tts=16))
    assert capacity.seats == 3


async def test_addresses_become_replicas() -> None:
    found = await resolve("127.0.0.1:1, localhost:2,unix:/tmp/x, nowhere.invalid:3")
    assert found == {"127.0.0.1:1": "127.0.0.1", "127.0.0.1:2": "localhost", "unix:/tmp/x": ""}
    if socket.has_ipv6:
        assert await resolve("[::1]:4") == {"[::1]:4": "::1"}
