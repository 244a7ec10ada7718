"""The options that all sessions of a gateway share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.protocol import Reconnect
from gateway.reply.maker import ReplyOptions
from gateway.scenarios import Library


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """The options that all sessions of a gateway share.

    gateway_id: this gateway's name, as the owner of its sessions. idle_timeout_s: a session is closed after this long
    without an event. interrupt_after_s: a voice that lasts this long interrupts the partner. help_after_s: the
    silence after which the partner offers help, unless this learner needs longer (`help_is_due_after_s`); 0: never.
    may_speculate: whether the models have room for replies that may turn out to be useless. tool_timeout_s: how long a
    client may take for the result of a tool, or for the learner's confirmation. reconnect: makes the message for a
    learner who is handed over. scenarios: the ones that a learner can choose. cancels_echo: whether to remove the
    partner's voice from the microphone.
    """

    gateway_id: str
    asr_sample_rate_hz: int
    reply: ReplyOptions
    idle_timeout_s: float
    interrupt_after_s: float
    help_after_s: float = 0.0
    may_speculate: Callable[[], bool] = lambda: True
    tool_timeout_s: float = 30.0
    reconnect: Callable[[], Reconnect] = lambda: Reconnect(reason="", delay_ms=0)
    scenarios: Library = field(default_factory=lambda: Library({}))
    cancels_echo: bool = False
