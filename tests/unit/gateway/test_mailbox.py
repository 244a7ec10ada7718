"""Items come in order, wait for room, and end with the mailbox."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from gateway.mailbox import Mailbox

pytestmark = pytest.mark.looptime  # a sleep ends when everything else waits


async def filled(*items: int) -> Mailbox[int]:
    mailbox: Mailbox[int] = Mailbox(len(items))
    for item in items:
        await mailbox.put(item)
    return mailbox


async def test_who_puts_into_a_full_one_waits_until_an_item_is_taken() -> None:
    mailbox = await filled(1, 2)
    putting = asyncio.create_task(mailbox.put(3))
    await asyncio.sleep(1)
    assert not putting.done()
    assert await anext(mailbox) == 1
    await putting
    assert [await anext(mailbox), await anext(mailbox)] == [2, 3]


async def test_nobody_overtakes_who_waits_for_room() -> None:
    mailbox = await filled(1)
    waiting = asyncio.create_task(mailbox.put(2))
    await asyncio.sleep(1)
    late = asyncio.create_task(mailbox.put(3))  # has its turn before `waiting` hears that there is room
    assert [await anext(mailbox) for _ in range(3)] == [1, 2, 3]
    await asyncio.gather(waiting, late)


async def test_who_takes_from_an_empty_one_waits_and_loses_nothing_by_being_cancelled() -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    with suppress(TimeoutError):
        await asyncio.wait_for(anext(mailbox), 1)
    taking = asyncio.ensure_future(anext(mailbox))
    await asyncio.sleep(1)
    await mailbox.put(1)
    taking.cancel()
    with suppress(asyncio.CancelledError):
        await taking
    assert await anext(mailbox) == 1


async def test_a_closed_one_gives_what_it_has_and_then_ends() -> None:
    mailbox = await filled(1, 2)
    mailbox.close()
    assert [item async for item in mailbox] == [1, 2]


async def test_who_waits_at_the_end_goes_on_and_what_comes_after_it_is_dropped() -> None:
    full, empty = await filled(1), Mailbox[int](1)
    putting = asyncio.create_task(full.put(2))
    taking = asyncio.create_task(anext(empty, None))
    await asyncio.sleep(1)
    full.close()
    empty.close()
    await putting
    assert await taking is None
    await full.put(3)
    assert [item async for item in full] == [1]
