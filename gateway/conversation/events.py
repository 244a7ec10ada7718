"""What a session is made of: what it talks to, what stays the same for all sessions, and what can happen in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.analysis import Analysis
from gateway.closing import HandOver
from gateway.conversation.hearing import HearingEvent
from gateway.ports import Asr, Llm, SessionStore, Tts
from gateway.protocol import EndConversation, Interrupt, Playback, Reconnect, SetLevel, Start, Text
from gateway.reply.maker import ReplyOptions


@dataclass(frozen=True, slots=True)
class Ports:
    """What a conversation talks to."""

    asr: Asr
    llm: Llm
    tts: Tts
    store: SessionStore


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What does not change from one session of a gateway to the next."""

    gateway_id: str
    asr_sample_rate_hz: int
    reply: ReplyOptions
    idle_timeout_s: float
    interrupt_after_s: float
    may_speculate: Callable[[], bool] = lambda: True
    reconnect: Callable[[], Reconnect] = lambda: Reconnect(reason="", delay_ms=0)


@dataclass(frozen=True, slots=True)
class Left:
    """The learner's connection is gone."""


@dataclass(frozen=True, slots=True)
class Expelled:
    """The learner's client sends more than it may, and has been told."""


@dataclass(frozen=True, slots=True)
class ReplyOver:
    turn_id: str


@dataclass(frozen=True, slots=True)
class AnalysisReady:
    analysis: Analysis


ClientCommand = Start | SetLevel | Text | Interrupt | Playback | EndConversation
SessionEvent = ClientCommand | HearingEvent | ReplyOver | AnalysisReady | HandOver | Expelled | Left
