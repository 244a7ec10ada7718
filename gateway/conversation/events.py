"""What a session is made of: whom it talks to, what happens in it, and how it can close."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.analysis import Analysis
from gateway.conversation.hearing import HearingEvent
from gateway.ports import Asr, Llm, SessionStore, Tts
from gateway.protocol import EndConversation, Interrupt, Playback, Reconnect, SetLevel, Start, Text
from gateway.reply.floor_control import ReplyOptions


@dataclass(frozen=True, slots=True)
class Partners:
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
class Closing:
    """Why a session is over, for the WebSocket's close frame."""

    code: int
    reason: str


ENDED = Closing(1000, "the conversation has ended")
LEFT = Closing(1001, "the learner has left")
IDLE = Closing(4408, "nothing was said for a long time; connect again to carry on")
MOVING = Closing(1012, "this gateway ends; connect again to carry on")
EXPELLED = Closing(1008, "more than a client may send; or a token is needed")
FULL = Closing(1013, "all places are taken; try again later")
TAKEN_OVER = Closing(4409, "the session goes on over a newer connection")


@dataclass(frozen=True, slots=True)
class Left:
    """The learner's connection is gone."""


@dataclass(frozen=True, slots=True)
class Expelled:
    """The learner's client sends more than it may, and has been told."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """This gateway ends: another one carries on, after this turn. at_once: now, whoever speaks."""

    at_once: bool = False


@dataclass(frozen=True, slots=True)
class ReplyOver:
    turn_id: str


@dataclass(frozen=True, slots=True)
class AnalysisReady:
    analysis: Analysis


ClientCommand = Start | SetLevel | Text | Interrupt | Playback | EndConversation
SessionEvent = ClientCommand | HearingEvent | ReplyOver | AnalysisReady | HandOver | Expelled | Left
