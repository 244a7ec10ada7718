"""The memory of sessions that have ended is given back."""

from __future__ import annotations

import asyncio
import gc
import weakref
from functools import partial

import pytest
from prometheus_client import REGISTRY

from gateway.live_sessions.sweeping import LEAST_ENDED, SHARE_ENDED, Sweeper
from tests.support.conversation import Conversation, text
from tests.support.gateway import TestGateway
from tests.support.learner import a_learner


def sweeps(sweeper: Sweeper, found: list[int], *, begin: int = 0, end: int = 0) -> int:
    """Let `begin` sessions begin and then `end` sessions end. Returns how often the sweeper swept."""
    before = len(found)
    for _ in range(begin):
        sweeper.session_begins()
    for _ in range(end):
        sweeper.session_ends()
    return len(found) - before


def test_it_sweeps_when_enough_sessions_have_ended() -> None:
    found: list[int] = []
    sweeper = Sweeper(partial(found.append, 1))
    assert sweeps(sweeper, found, begin=50, end=LEAST_ENDED - 1) == 0
    assert sweeps(sweeper, found, end=1) == 1
    for _ in range(100):
        sweeps(sweeper, found, begin=1, end=1)
    assert len(found) == 1 + 100 // LEAST_ENDED


def test_with_many_learners_it_sweeps_less_often() -> None:
    found: list[int] = []
    sweeper = Sweeper(partial(found.append, 1))
    assert sweeps(sweeper, found, begin=1000, end=round(1000 * SHARE_ENDED / (1 + SHARE_ENDED)) - 1) == 0
    assert sweeps(sweeper, found, end=2) == 1


def test_it_sweeps_when_nobody_is_left() -> None:
    found: list[int] = []
    sweeper = Sweeper(partial(found.append, 1))
    assert sweeps(sweeper, found, begin=3, end=2) == 0
    assert sweeps(sweeper, found, end=1) == 1


@pytest.mark.looptime
async def test_nothing_keeps_a_session_that_has_ended() -> None:
    sweeper = Sweeper()
    gc.collect()
    gc.disable()
    try:
        talk = Conversation()
        async with talk.running():
            sweeper.session_begins()
            await talk.post(text("hi"))
            await asyncio.sleep(3)
        ended = weakref.ref(talk.session)
        del talk
        assert ended() is not None
        sweeper.session_ends()
        assert ended() is None
    finally:
        gc.enable()


async def test_a_gateway_sweeps_after_its_last_learner() -> None:
    before = swept()
    async with TestGateway().running() as gateway, asyncio.timeout(10):
        async with a_learner(gateway.ws):
            assert swept() == before
        while swept() == before:
            await asyncio.sleep(0.01)


def swept() -> float:
    return REGISTRY.get_sample_value("aitalk_gateway_sweeps_total") or 0.0
