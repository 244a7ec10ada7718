"""When the next piece of a reply's speech is made, and which reply's piece is made first."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest_asyncio

from tts_service.speech.pacing import Pacer
from tts_service.speech.synthesis import SpeechChunk
from tts_service.speech.worker import Worker

RATE = 8000


def chunk(seconds: float) -> SpeechChunk:
    return SpeechChunk(bytes(2 * round(seconds * RATE)), 0, 0, 0, (), timing_estimated=False)


@pytest_asyncio.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker(threads=1)
    yield worker
    await worker.close()


async def is_held(task: asyncio.Task[object], worker: Worker) -> bool:
    """Whether the task still waits for the time when its piece is due, or for a thread."""
    for _ in range(10):
        await asyncio.sleep(0)
    await worker.run(lambda: None)
    await asyncio.sleep(0)
    return not task.done()


async def test_nothing_is_made_until_the_last_piece_was_taken(worker: Worker) -> None:
    pacer = Pacer(worker, RATE)
    pieces = [chunk(60.0), chunk(60.0)]
    assert await pacer.make(lambda: pieces) == pieces
    more = asyncio.create_task(pacer.make(lambda: [chunk(1.0)]))
    assert await is_held(more, worker)
    pacer.taken(pieces[0])
    assert await is_held(more, worker)
    pacer.taken(pieces[1])
    assert await more == [chunk(1.0)]


async def test_a_slow_engine_begins_before_what_waits_is_over(worker: Worker) -> None:
    pacer = Pacer(worker, RATE)

    def make() -> list[SpeechChunk]:
        time.sleep(0.1)
        return [chunk(0.09)]

    await pacer.make(make)
    await pacer.make(make)  # although the client has taken nothing yet


async def test_text_without_sound_holds_nothing_up(worker: Worker) -> None:
    pacer = Pacer(worker, RATE)
    for _ in range(3):
        await pacer.make(lambda: [chunk(0.0)])
    assert await pacer.make(lambda: None) is None


async def test_the_reply_that_runs_out_of_speech_first_goes_first(worker: Worker) -> None:
    order: list[str] = []

    def make(name: str) -> list[SpeechChunk]:
        order.append(name)
        return [chunk(0.2)]

    pacers = {name: Pacer(worker, RATE) for name in ("rich", "poor", "new")}
    for name, seconds in (("rich", 30.0), ("poor", 20.0)):
        await pacers[name].make(lambda: [chunk(0.01)])
        pacers[name].taken(chunk(seconds))
    may_go = threading.Event()
    busy = asyncio.create_task(worker.run(may_go.wait))
    await asyncio.sleep(0)
    async with asyncio.TaskGroup() as tasks:
        for name, pacer in pacers.items():
            tasks.create_task(pacer.make(lambda name=name: make(name)))  # type: ignore[misc]
            await asyncio.sleep(0)
        may_go.set()
    await busy
    assert order == ["new", "poor", "rich"]


async def test_calls_due_at_once_keep_their_order_and_the_cancelled_never_begin(worker: Worker) -> None:
    order: list[int] = []
    may_go = threading.Event()
    busy = asyncio.create_task(worker.run(may_go.wait))
    calls = []
    for number in range(6):
        calls.append(asyncio.create_task(worker.run(lambda number=number: order.append(number), due_s=1.0)))  # type: ignore[misc]
        await asyncio.sleep(0)
    calls[2].cancel()
    await asyncio.wait({calls[2]})
    may_go.set()
    await asyncio.gather(busy, *calls, return_exceptions=True)
    assert order == [0, 1, 3, 4, 5]


async def test_waiting_decodes_are_cancelled_on_closing() -> None:
    worker = Worker(threads=1)
    may_go = threading.Event()
    busy = asyncio.create_task(worker.run(may_go.wait))
    waits = asyncio.create_task(worker.run(lambda: None))
    await asyncio.sleep(0)
    closing = asyncio.create_task(worker.close())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.05, may_go.set)
    await asyncio.wait({busy, waits, closing})
    assert busy.result()
    assert waits.cancelled()
