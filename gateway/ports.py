"""The ports of a conversation to the outside, as small Protocols. `gateway/clients/` implements them.

Every stream is opened with `async with`. Leaving the block for any reason ends the stream and the work behind it.
Failures are the errors of `common.errors`. Audio is 16-bit little-endian mono PCM.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from common.errors import InvalidInputError, ServiceError, UnavailableError
from gateway.history import SessionState, Turn
from gateway.tools import NO_TOOLS, CallPiece, Tool, ToolCall, ToolUse

# --- speech recognition -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word that was recognised. Times are in samples since the start of the stream; confidence is 0 to 1."""

    text: str
    start_sample: int
    end_sample: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of one turn. start_sample and end_sample: where its voice began and ended in the stream.

    language: heard, a BCP-47 tag; empty if the model doesn't say.
    """

    text: str
    words: tuple[HeardWord, ...]
    start_sample: int
    end_sample: int
    language: str = ""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """A turn began. traceparent: of the turn's trace, if recognition has begun one; else empty."""

    start_sample: int
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Partial:
    """The words so far. `stable_text` only grows within a turn; `unstable_text` follows it and may change."""

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
    """The learner is done. Its text is empty if there were no words.

    usual_pause_ms: how long this learner usually pauses within a turn; 0 if unknown.
    """

    transcript: Transcript
    usual_pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class VoicePaused:
    """The voice fell silent within the turn, perhaps only between two words."""


@dataclass(frozen=True, slots=True)
class VoiceContinued:
    """The voice goes on after `VoicePaused`."""

    start_sample: int


AsrEvent = SpeechStarted | Partial | EagerEndOfTurn | TurnResumed | EndOfTurn | VoicePaused | VoiceContinued


@dataclass(frozen=True, slots=True)
class Patience:
    """How long recognition waits in a pause before it ends the turn.

    factor: 1 is the service's default, 2 is twice as patient. usual_pause_ms: how long this learner usually pauses
    within a turn; 0 if unknown. end_silence_ms: if set, every silence of this length ends the turn, and the other
    fields have no effect.
    """

    factor: float = 1.0
    usual_pause_ms: int = 0
    end_silence_ms: int = 0


class AsrStream(Protocol):
    """One stream of recognition: audio goes in, events come out."""

    async def send(self, pcm: bytes) -> None:
        """Send audio; waits while the service is behind."""
        ...

    async def set_patience(self, patience: Patience) -> None:
        """Change the patience from here on."""
        ...

    async def finish(self) -> None:
        """No more audio follows. The events for the audio sent so far still come."""
        ...

    def __aiter__(self) -> AsyncIterator[AsrEvent]:
        """The events, until everything that was sent before `finish` has been recognised."""
        ...


class Asr(Protocol):
    """Speech recognition."""

    def open(self, *, sample_rate_hz: int, language: str, patience: Patience) -> AbstractAsyncContextManager[AsrStream]:
        """A new stream. language: a BCP-47 tag."""
        ...


class Recordings(Protocol):
    """Recognition of recordings, which waits for the turns of learners."""

    async def recognize(
        self, pcm: bytes, *, sample_rate_hz: int, language: str = "", translate: bool = False
    ) -> Transcript:
        """The words in 16-bit mono PCM of at most 10 minutes. Times are in samples from its start.

        language: the expected one, a BCP-47 tag; empty: detected. translate: into English. Raises InvalidInputError if
        the model can't do that, BusyError if learners use all slots.
        """
        ...


# --- language model -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt.

    tool_calls: that the assistant made with it. tool_call_id: of the role tool, the call whose result it is.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class WritingEnd:
    """How a reply ended, and its length in tokens; 0 if the model server doesn't count them.

    reason: the model was done, with or without calls; it reached max_tokens; a filter stopped it; it began to repeat
    itself.
    """

    reason: Literal["stop", "length", "filter", "repetition"] = "stop"
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0


class Llm(Protocol):
    """The language model."""

    @property
    def is_idle(self) -> bool:
        """Whether this gateway has no request at the model, and no reply to any of its learners is under way.

        A reply is under way until its speech has been sent.
        """
        ...

    @property
    def is_small(self) -> bool:
        """Whether the model has so few parameters that a short prompt suits it better."""
        ...

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int | None = None,
        max_sentences: int = 0,
        ends_with_question: bool = False,
        tools: ToolUse = NO_TOOLS,
        on_end: Callable[[WritingEnd], None] | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[str | CallPiece]]:
        """The reply in pieces of text, and of calls of the tools.

        max_tokens: its greatest length; None: the service's own limit. max_sentences: 0: any number.
        ends_with_question: the reply ends after its first question. on_end: called when it has ended well.
        """
        ...

    async def generate(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        json_schema: str | None = None,
        gives_way: bool = False,
        tools: ToolUse = NO_TOOLS,
    ) -> str:
        """The text of the whole reply. json_schema: as JSON text; the reply is then one JSON document of that shape.
        tools: that the prompt describes; their calls are not returned.

        gives_way: no learner waits for this reply. It ends with BusyError as soon as this gateway requests a learner's
        reply, and does not count in `is_idle`.
        """
        ...


StopReason = Literal["stop", "length", "content_filter", "tool_calls"]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request of another application to the language model. None: the service's default.

    json_schema: as JSON text; the reply is then one JSON document of that shape.
    """

    messages: tuple[ChatMessage, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    json_schema: str | None = None
    tools: ToolUse = NO_TOOLS


@dataclass(frozen=True, slots=True)
class ChatDone:
    """The reply is complete. Its token counts are 0 if the model server doesn't count them."""

    stop_reason: StopReason
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_prompt_tokens: int = 0


class Chat(Protocol):
    """The language model for other applications, without the rules for conversations."""

    def stream(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[str | CallPiece | ChatDone]]:
        """The reply in pieces of text and of calls, then ChatDone. The block begins when the first one is there."""
        ...


# --- speech synthesis ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of a reply. Times are in samples since the start of the reply, positions in characters of its text."""

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
    """The synthesis of one reply: text goes in, speech comes out. It pauses while nobody reads the speech."""

    async def send_text(self, text: str) -> None:
        """Send the next piece of the reply's text, cut anywhere."""
        ...

    async def finish(self) -> None:
        """No more text follows. The speech for the text sent so far still comes."""
        ...

    def __aiter__(self) -> AsyncIterator[SpeechChunk]:
        """The speech, in order, until all text that was sent before `finish` has been spoken."""
        ...


class Tts(Protocol):
    """Speech synthesis."""

    def open(
        self, *, sample_rate_hz: int, voice: str, speed: float, language: str
    ) -> AbstractAsyncContextManager[TtsStream]:
        """A new stream. voice: empty for the default one. speed: 1 is the voice's own. language: a BCP-47 tag."""
        ...


# --- tools --------------------------------------------------------------------------------------


class ServerTools(Protocol):
    """The tools of the servers that the operator has named."""

    @property
    def tools(self) -> Sequence[Tool]:
        """The tools that can be called now."""
        ...

    def needs_confirmation(self, name: str) -> bool:
        """Whether the learner has to allow each call of this tool."""
        ...

    async def call(self, name: str, arguments: Mapping[str, object]) -> tuple[str, str]:
        """Call the tool. Returns the outcome (ok, error, timeout) and the result for the model. Raises nothing."""
        ...


class NoServerTools:
    """There are no servers with tools."""

    tools: Sequence[Tool] = ()

    def needs_confirmation(self, name: str) -> bool:
        """There is no such tool."""
        del name
        return False

    async def call(self, name: str, arguments: Mapping[str, object]) -> tuple[str, str]:
        """There is no such tool."""
        del arguments
        return "error", f"Error: there is no tool {name}."


# --- session state ------------------------------------------------------------------------------


class UnsavedSession(Protocol):
    """A session that could not be written, with its present values."""

    resume_token: str
    state: SessionState
    turns: list[Turn]

    def is_saved(self) -> None:
        """All of it is written."""
        ...

    def is_taken(self) -> None:
        """A newer connection has taken it over, so it was not written."""
        ...


class SessionStore(Protocol):
    """Keeps sessions, and each learner's usual pause.

    Raises UnavailableError when the store can't be reached. `save`, `append` and `rewrite` raise SessionTakenError when
    a newer connection has taken the session over.
    """

    async def create(self, state: SessionState, resume_token: str) -> None:
        """Keep a new session."""
        ...

    async def resume(self, session_id: str, resume_token: str, owner: str) -> tuple[SessionState, list[Turn]]:
        """Take the session over for the gateway `owner`. Raises SessionUnknownError, WrongTokenError."""
        ...

    async def knows(self, session_id: str, resume_token: str) -> bool:
        """Whether `resume` would succeed. Changes nothing."""
        ...

    async def save(self, state: SessionState) -> None:
        """Replace the session's state."""
        ...

    async def append(self, state: SessionState, turn: Turn, *, at: int) -> None:
        """Add a turn to the session. at: its place. Raises SessionLostError if earlier turns are missing."""
        ...

    async def rewrite(self, state: SessionState, turns: Sequence[Turn]) -> None:
        """Replace all turns of the session."""
        ...

    async def restore(self, state: SessionState, resume_token: str, turns: Sequence[Turn]) -> None:
        """Write the whole session, whatever the store has of it."""
        ...

    def save_later(self, session: UnsavedSession) -> None:
        """Write the whole session as soon as the store can be reached, even if its conversation is over by then."""
        ...

    async def leave(self, session_id: str) -> None:
        """The learner has left a session without a turn, which need not be kept for long."""
        ...

    async def delete(self, session_id: str) -> None:
        """Forget the session."""
        ...

    async def problem(self) -> str:
        """Why nothing can be stored now, and what to do; empty if the store works."""
        ...

    async def keep_client_secret(self, secret: str, document: str, ttl_s: int) -> None:
        """Store the document of a client's short-lived key."""
        ...

    async def client_secret(self, secret: str) -> str | None:
        """The document of this key; None if there is no such key, or it has expired."""
        ...

    async def usual_pause_ms(self, learner: str) -> int:
        """How long this learner usually paused in earlier conversations; 0 if unknown."""
        ...

    async def keep_usual_pause(self, learner: str, usual_pause_ms: int) -> None:
        """Keep the usual pause for the learner's next conversation."""
        ...


class SessionLostError(UnavailableError):
    """The store answers, but has lost the session or some of its turns."""


class SessionUnknownError(InvalidInputError):
    """There is no such session: it never existed, has expired, or was ended."""

    code = "session_unknown"


class WrongTokenError(InvalidInputError):
    """The resume token is not this session's."""

    code = "wrong_resume_token"


class SessionTakenError(ServiceError):
    """A newer connection has taken the session over."""

    code = "session_taken_over"


# --- all of them --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that a conversation talks to."""

    asr: Asr
    llm: Llm
    tts: Tts
    store: SessionStore
    tools: ServerTools = field(default_factory=NoServerTools)
