"""A reply that comes late: when the learner is told that it takes long, and when the gateway gives up."""

from __future__ import annotations

import asyncio

from common.errors import DeadlineError
from gateway import metrics
from gateway.outbox import Outbox

# Seconds after the learner's last sound. A learner who hears nothing for longer believes that the connection is broken.
TOLD_AFTER_S = 4.0
# Even a long prompt on a slow machine takes less time, so a model that has given no result for this long hangs.
GIVE_UP_S = 120.0

_MAKERS = {"first_token": "the language model", "first_sound": "the speech synthesis"}


async def wait_for_result(sign: asyncio.Event, stage: str, outbox: Outbox, *, waited_s: float = 0.0) -> bool:
    """Wait for `sign`, the first result of `stage` ("first_token", "first_sound"); tell the learner if it takes long.

    waited_s: how long the learner has waited already. Returns whether the learner was told. Raises DeadlineError if the
    result still has not come after about GIVE_UP_S.
    """
    is_told = False
    try:
        await _within(sign, max(0.0, TOLD_AFTER_S - waited_s))
    except TimeoutError:
        is_told = True
        metrics.SLOW_REPLIES.labels(stage).inc()
        await outbox.report(
            DeadlineError(
                f"{_MAKERS[stage]} is slow at the moment; wait for the reply, or say it again",
                code="slow",
            )
        )
    try:
        await _within(sign, GIVE_UP_S - TOLD_AFTER_S)
    except TimeoutError:
        raise DeadlineError(f"{_MAKERS[stage]} has given nothing for {GIVE_UP_S:.0f} s; say it again") from None
    return is_told


async def _within(sign: asyncio.Event, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await sign.wait()
