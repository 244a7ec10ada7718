"""Has a small model read the beginning of the prompts before the first learner comes.

All English conversations with Joe at one level begin with the same instructions and examples. Once the model server
has read them, the first reply of a conversation comes as fast as the later ones. A larger model reads nothing ahead: on
a CPU that would take it seconds, and on a GPU it is not needed.
"""

from __future__ import annotations

from common.errors import ServiceError
from gateway import metrics
from gateway.history import Level
from gateway.ports import Llm
from gateway.reply.idle_work import until_idle
from gateway.reply.prompt import SOMETHING, Briefing, messages_for

# The usual level first, because a learner may come before all levels have been read.
_LEVELS: tuple[Level, ...] = ("intermediate", "beginner", "advanced")


async def read_openings(llm: Llm, *, max_chars: int) -> None:
    """Have the model read the opening of each level. A learner's reply goes first; an opening that it interrupts is not
    read again.

    max_chars: the longest prompt.
    """
    if not llm.is_small:
        return
    for level in _LEVELS:
        await until_idle(llm)
        prompt = messages_for(
            Briefing(level=level, is_small=True, is_trained=llm.is_trained), (), SOMETHING, max_chars=max_chars
        )
        metrics.READ_AHEAD.inc()
        try:
            await llm.generate(prompt, max_tokens=1, gives_way=True)
        except ServiceError:  # a reply needs the model, or the model fails; the request of a reply reports a failure
            continue
