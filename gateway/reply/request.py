"""What a client may ask of replies: how they are made from now on, and single replies that no turn has called for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.history import Turn


@dataclass(frozen=True, slots=True)
class Delivery:
    """How replies are made.

    speaks: aloud; otherwise they are text only. speed: of the voice, 1 is its own; None: as the level has it.
    max_tokens: the longest reply; None: as the level has it.
    """

    speaks: bool = True
    speed: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """One reply that the client asks for.

    id: of the client's choice; `ReplyBegan` names it. delivery: of this reply. instructions: in place of the session's.
    context: turns in place of the conversation's. is_aside: the reply is no part of the conversation: nobody hears it,
    and it is not kept. It may be made beside another reply, and has no speech.
    """

    id: str
    delivery: Delivery
    instructions: str | None = None
    context: Sequence[Turn] | None = None
    is_aside: bool = False
