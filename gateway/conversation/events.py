"""Everything that can happen in a conversation: the events in the inbox of its session."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.analysis import Stage
from gateway.closing import HandOver, TimeRunsOut, TimeUp
from gateway.conversation.conduct import ConductEvent
from gateway.conversation.hearing_events import HearingEvent
from gateway.history import Memory
from gateway.protocol import ClientCommand
from gateway.reply.reply import Reply


@dataclass(frozen=True, slots=True)
class Left:
    """The learner's connection is gone."""


@dataclass(frozen=True, slots=True)
class Expelled:
    """The learner's client sends too much. It has already been told."""


@dataclass(frozen=True, slots=True)
class ReplyOver:
    """A reply has ended without an interruption: the learner has heard all of it, or it failed."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class AnalysisGrown:
    """The analysis so far, after the learner has ended the conversation. It is whole if nothing is pending."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class CallsMade:
    """A reply has ended with calls of tools that the client runs."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class MemoryChanged:
    """From now on, `memory` says which turns the prompts leave out, and which summary replaces these turns."""

    memory: Memory


@dataclass(frozen=True, slots=True)
class HintReady:
    """The hint that the learner asked for."""

    sentences: tuple[str, ...]


SessionEvent = (
    ClientCommand
    | ConductEvent
    | HearingEvent
    | ReplyOver
    | CallsMade
    | MemoryChanged
    | HintReady
    | AnalysisGrown
    | HandOver
    | TimeRunsOut
    | TimeUp
    | Expelled
    | Left
)
