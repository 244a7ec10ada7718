"""A client's requests about replies: how replies are made from now on, and single replies without a turn."""

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

    id: chosen by the client; `ReplyBegan` names it. delivery: for this reply. instructions, tools: used instead of the
    session's. context: turns that replace the conversation. is_aside: the reply is not part of the conversation. It is
    not spoken or kept, and it may be made beside another reply.
    """

    id: str
    delivery: Delivery
    instructions: str | None = None
    context: Sequence[Turn] | None = None
    is_aside: bool = False
    tools: ToolUse | None = None
