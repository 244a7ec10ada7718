"""A gateway that gets a stop signal goes on until its learners are handed over. After a second signal it ends at
once."""

from __future__ import annotations

import asyncio
import signal

import pytest
import uvicorn

from gateway.admission.draining import Draining
from gateway.closing import HandOver
from gateway.server import DrainingServer

pytestmark = pytest.mark.looptime  # in virtual time, a sleep ends as soon as everything else waits


class Staying:
    """A session that doesn't leave."""

    async def post(self, _event: HandOver) -> None:
        """Ignore the hand-over."""


async def nothing(_scope: object, _receive: object, _send: object) -> None: ...


def server(draining: Draining) -> DrainingServer:
    config = uvicorn.Config(nothing, log_config=None)
    config.load()
    return DrainingServer(config, draining)


async def ends_at_s(serving: DrainingServer) -> float:
    """The time at which uvicorn is told to end."""
    exiting = asyncio.create_task(serving.exit_when_drained())
    while not serving.should_exit:
        await asyncio.sleep(0.1)
    exiting.cancel()
    return asyncio.get_running_loop().time()


async def test_it_ends_when_nobody_is_left() -> None:
    draining = Draining(timeout_s=30)
    serving = server(draining)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(draining.run())
        ending = tasks.create_task(ends_at_s(serving))
        with draining.counting(Staying()):
            await asyncio.sleep(5)
            serving.handle_exit(signal.SIGTERM, None)
            await asyncio.sleep(7.5)
            assert not ending.done()
    assert ending.result() == pytest.approx(12.5, abs=0.2)


async def test_a_second_signal_waits_for_nobody() -> None:
    draining = Draining(timeout_s=30)
    serving = server(draining)
    draining_task = asyncio.create_task(draining.run())
    with draining.counting(Staying()):
        ending = asyncio.create_task(ends_at_s(serving))
        serving.handle_exit(signal.SIGTERM, None)
        await asyncio.sleep(3.5)
        assert not ending.done()
        serving.handle_exit(signal.SIGTERM, None)
        assert await ending == pytest.approx(3.5, abs=0.2)
    draining_task.cancel()
