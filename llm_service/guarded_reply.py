"""Applies the reply guard to the events of a reply."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator
from contextlib import aclosing

from llm_service.engine import Delta, Done, Event, GenerationRequest, Usage
from llm_service.metrics import GUARDED
from llm_service.reply_guard import Limits, Outcome, ReplyGuard
from llm_service.tools import CallDelta


async def guarded(
    events: AsyncGenerator[Event, None], request: GenerationRequest, limits: Limits
) -> AsyncGenerator[Event, None]:
    """The events of the reply, which the guard may end early.

    Calls of tools pass unchanged. If the guard ends the text because it is long enough (Outcome.LONG) and the model may
    still call tools, only the rest of the text is dropped.
    """
    guard = ReplyGuard(request.messages, limits)
    usage, deltas = Usage(), 0
    outcome: Outcome | None = None
    async with aclosing(events):
        async for event in events:
            match event:
                case Delta(text) if outcome is None:
                    usage, deltas = event.usage, deltas + 1
                    said, outcome = guard.push(text), guard.outcome
                    if said:
                        yield Delta(said)
                    if outcome:
                        GUARDED.labels(outcome.value).inc()
                        if not (outcome is Outcome.LONG and request.may_call):
                            yield _end(outcome, usage, deltas)
                            return
                case Done(stop_reason) if outcome is None:
                    if said := guard.finish(cut_off=stop_reason == "length"):
                        yield Delta(said)
                    if guard.outcome:
                        GUARDED.labels(guard.outcome.value).inc()
                    yield event
                case Done(stop_reason):
                    yield dataclasses.replace(event, stop_reason="stop") if stop_reason == "length" else event
                case CallDelta():
                    yield event


def _end(outcome: Outcome, usage: Usage, deltas: int) -> Done:
    """The end of a reply that the guard has ended. deltas: how many have come; they are counted as tokens if the server
    doesn't count them."""
    if not usage.completion_tokens:
        usage = dataclasses.replace(usage, completion_tokens=deltas)
    return Done("stop" if outcome is Outcome.LONG else "repetition", usage)
