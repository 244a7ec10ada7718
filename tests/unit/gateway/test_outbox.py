"""The outbox sends messages in order. It makes senders wait if it is full, and ends when it is closed."""

from __future__ import annotations

import asyncio

import pytest

from common.errors import EngineError
from gateway.outbox import CAPACITY, Outbox

pytestmark = pytest.mark.looptime  # in virtual time, a sleep ends as soon as everything else waits


async def filled() -> Outbox:
    outbox = Outbox()
    for number in range(CAPACITY):
        await outbox.send(bytes([number]))
    return outbox


async def taken(outbox: Outbox) -> list[object]:
    return [message async for message in outbox]


async def test_senders_to_a_full_outbox_wait_in_order() -> None:
    outbox = await filled()
    waiting = [asyncio.create_task(outbox.send(late)) for late in (b"late", b"later")]
    await asyncio.sleep(1)
    assert not any(task.done() for task in waiting)
    taking = asyncio.create_task(taken(outbox))
    await asyncio.gather(*waiting)
    outbox.close()
    assert (await taking)[-3:] == [bytes([CAPACITY - 1]), b"late", b"later"]


async def test_a_closed_one_gives_what_it_has_and_takes_no_more() -> None:
    outbox = await filled()
    outbox.close()
    await outbox.send(b"late")
    assert await taken(outbox) == [bytes([number]) for number in range(CAPACITY)]
    await outbox.send(b"later")


@pytest.mark.parametrize(("with_notices", "messages"), [(False, 2), (True, 1)])
async def test_an_error_that_a_notice_holds_is_a_message_only_without_notices(
    with_notices: bool, messages: int
) -> None:
    outbox = Outbox(with_notices=with_notices)
    await outbox.report(EngineError("LLM: broken"), is_in_notice=True)
    await outbox.report(EngineError("ASR: broken"))
    outbox.close()
    assert len(await taken(outbox)) == messages


async def test_closing_ends_the_wait_for_a_message() -> None:
    outbox = Outbox()
    taking = asyncio.create_task(taken(outbox))
    await asyncio.sleep(1)
    outbox.close()
    assert await taking == []
