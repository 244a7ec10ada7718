"""The ports of a conversation to the outside, as small Protocols. `gateway/clients/` implements them.

Every stream is opened with `async with`. Leaving the block for any reason ends the stream and the work behind it.
Failures are the errors of `common.errors`. Audio is 16-bit little-endian mono PCM.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.ports.language_model import (
    Chat,
    ChatDone,
    ChatMessage,
    ChatRequest,
    Llm,
    Pieces,
    ReplyLimits,
    Rewriting,
    StopReason,
    Writer,
    WritingEnd,
    WritingRequest,
)
from gateway.ports.languages import AnyLanguage, KnownLanguages, Languages
from gateway.ports.learner_records import LearnerFiles, LearnerRecords, NoLearnerRecords, NoRecordError
from gateway.ports.recognition import (
    Asr,
    AsrEvent,
    AsrStream,
    EagerEndOfTurn,
    EndOfTurn,
    HeardWord,
    Partial,
    Patience,
    Recordings,
    Slip,
    SpeechStarted,
    Transcript,
    TurnResumed,
    VerbatimTranscript,
    VoiceContinued,
    VoicePaused,
)
from gateway.ports.server_tools import NoServerTools, ServerTools
from gateway.ports.services import ModelChecks, Services
from gateway.ports.store import (
    ClientSecrets,
    SessionLostError,
    SessionStore,
    SessionTakenError,
    SessionUnknownError,
    Store,
    UnsavedSession,
    UsualPauses,
    WrongTokenError,
)
from gateway.ports.synthesis import SpeechChunk, SpokenWord, Tts, TtsStream

__all__ = [
    "AnyLanguage",
    "Asr",
    "AsrEvent",
    "AsrStream",
    "Chat",
    "ChatDone",
    "ChatMessage",
    "ChatRequest",
    "ClientSecrets",
    "EagerEndOfTurn",
    "EndOfTurn",
    "HeardWord",
    "KnownLanguages",
    "Languages",
    "LearnerFiles",
    "LearnerRecords",
    "Llm",
    "ModelChecks",
    "NoLearnerRecords",
    "NoRecordError",
    "NoServerTools",
    "Partial",
    "Patience",
    "Pieces",
    "Ports",
    "Recordings",
    "ReplyLimits",
    "Rewriting",
    "ServerTools",
    "Services",
    "SessionLostError",
    "SessionStore",
    "SessionTakenError",
    "SessionUnknownError",
    "Slip",
    "SpeechChunk",
    "SpeechStarted",
    "SpokenWord",
    "StopReason",
    "Store",
    "Transcript",
    "Tts",
    "TtsStream",
    "TurnResumed",
    "UnsavedSession",
    "UsualPauses",
    "VerbatimTranscript",
    "VoiceContinued",
    "VoicePaused",
    "Writer",
    "WritingEnd",
    "WritingRequest",
    "WrongTokenError",
]


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that a conversation talks to."""

    asr: Asr
    llm: Llm
    tts: Tts
    store: Store
    tools: ServerTools = field(default_factory=NoServerTools)
    learners: LearnerFiles = field(default_factory=NoLearnerRecords)
    languages: Languages = field(default_factory=AnyLanguage)
