"""What a conversation needs from the outside, as small Protocols. `clients/` and `store.py` provide the real ones.

Every stream is opened with `async with` and is over, with the work behind it, when the block is left for any reason.
Failures are the errors of `common.errors`. Audio is 16-bit little-endian mono PCM.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from common.errors import InvalidInputError, ServiceError
from gateway.history import SessionState, Turn

# --- speech recognition -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeardWord:
    """Times in samples of the stream; confidence 0 to 1."""

    text: str
    start_sample: int
    end_sample: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Transcript:
    text: str
    words: tuple[HeardWord, ...]
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """traceparent: what the trace of the turn is to be, if recognition has begun one."""

    start_sample: int
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Partial:
    """`stable_text` only grows within a turn; `unstable_text` follows it directly and may change."""

    stable_text: str
    unstable_text: str


@dataclass(frozen=True, slots=True)
class EagerEndOfTurn:
    """The learner is probably done."""

    transcript: Transcript


@dataclass(frozen=True, slots=True)
class TurnResumed:
    """The learner goes on after all."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """The learner is done. Empty text: there were no words. usual_pause_ms: of this learner in turns; 0: unknown."""

    transcript: Transcript
    usual_pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class VoicePaused:
    """The voice fell silent within the turn, perhaps only between two words."""


@dataclass(frozen=True, slots=True)
class VoiceContinued:
    """It goes on."""

    start_sample: int


AsrEvent = SpeechStarted | Partial | EagerEndOfTurn | TurnResumed | EndOfTurn | VoicePaused | VoiceContinued


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a pause of this learner is waited for. factor: 1 is the service's own way, 2 is twice as patient."""

    factor: float = 1.0
    usual_pause_ms: int = 0


class AsrStream(Protocol):
    async def send(self, pcm: bytes) -> None: ...
    async def set_patience(self, patience: Patience) -> None: ...
    async def finish(self) -> None: ...
    def __aiter__(self) -> AsyncIterator[AsrEvent]: ...


class Asr(Protocol):
    def open(
        self, *, sample_rate_hz: int, language: str, patience: Patience
    ) -> AbstractAsyncContextManager[AsrStream]: ...


# --- language model -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    content: str


class Llm(Protocol):
    @property
    def is_idle(self) -> bool:
        """Whether no reply to anybody whom this gateway serves is under way, and nothing else is asked of the model.

        A reply is under way until its speech is sent.
        """
        ...

    def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """The reply as pieces of text."""
        ...

    async def generate(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        json_schema: str | None = None,
    ) -> str:
        """The whole reply; with `json_schema` (JSON text) it is meant to be one JSON document of that shape."""
        ...


# --- speech synthesis ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """Times in samples since the start of the reply; positions in characters of the reply's text."""

    text: str
    text_start: int
    text_end: int
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of speech that voices the characters [text_start, text_end) of the reply."""

    pcm: bytes
    start_sample: int
    text_start: int
    text_end: int
    words: tuple[SpokenWord, ...]
    timing_estimated: bool


class TtsStream(Protocol):
    async def send_text(self, text: str) -> None: ...
    async def finish(self) -> None: ...
    def __aiter__(self) -> AsyncIterator[SpeechChunk]: ...


class Tts(Protocol):
    def open(
        self, *, sample_rate_hz: int, voice: str, speed: float, language: str
    ) -> AbstractAsyncContextManager[TtsStream]: ...


# --- session state ------------------------------------------------------------------------------


class SessionStore(Protocol):
    """Raises UnavailableError when the store can't be reached, SessionTakenError when a newer connection owns it."""

    async def create(self, state: SessionState, resume_token: str) -> None: ...

    async def resume(self, session_id: str, resume_token: str, owner: str) -> tuple[SessionState, list[Turn]]:
        """Take the session over. Raises SessionUnknownError, WrongTokenError."""
        ...

    async def knows(self, session_id: str, resume_token: str) -> bool:
        """Whether `resume` would find it. Changes nothing."""
        ...

    async def save(self, state: SessionState) -> None: ...

    async def append(self, state: SessionState, turn: Turn) -> None: ...

    async def delete(self, session_id: str) -> None: ...

    async def usual_pause_ms(self, learner: str) -> int:
        """Of this learner in earlier conversations; 0: unknown."""
        ...

    async def keep_usual_pause(self, learner: str, usual_pause_ms: int) -> None:
        """For the learner's next conversation."""
        ...


class SessionUnknownError(InvalidInputError):
    """No such session: never existed, expired, or ended."""

    code = "session_unknown"


class WrongTokenError(InvalidInputError):
    code = "wrong_resume_token"


class SessionTakenError(ServiceError):
    """The session goes on over a newer connection."""

    code = "session_taken_over"


# --- all of them --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ports:
    """All that one conversation talks to."""

    asr: Asr
    llm: Llm
    tts: Tts
    store: SessionStore
