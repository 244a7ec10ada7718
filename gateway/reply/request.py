"""What a client requests about replies: how all of them are made from now on, or that one is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.history import Turn
from gateway.tools import ToolUse


@dataclass(frozen=True, slots=True)
class Delivery:
    """How replies are made.

    speaks: with speech; otherwise replies are text only. speed: of the voice, 1 is its own; None: the level's.
    max_tokens: the longest reply; None: the level's. voice: used instead of the session's voice, if not empty.
    """

    speaks: bool = True
    speed: float | None = None
    max_tokens: int | None = None
    voice: str = ""


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """One reply that the client requests.

    id: the request's; `ReplyBegan` names it. delivery: for this reply. instructions, tools: used instead of the
    session's; None: the session's are used. context: turns that replace the conversation in the prompt; None: the
    conversation is used. is_aside: the reply is not part of the conversation. It is neither spoken nor kept, and it may
    be made beside another reply.
    """

    id: str
    delivery: Delivery
    instructions: str | None = None
    context: Sequence[Turn] | None = None
    is_aside: bool = False
    tools: ToolUse | None = None
