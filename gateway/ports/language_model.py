"""The language model: the ports `Llm` and `Chat`, and what goes to and comes from them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.tools import NO_TOOLS, CallPiece, ToolCall, ToolUse


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt.

    tool_calls: the calls that the assistant made with this message. tool_call_id: for the role tool: the call whose
    result it is.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class WritingEnd:
    """How a reply ended. The token counts are 0 if the model server doesn't count tokens.

    reason: stop: the model was done, with or without calls. length: it reached max_tokens. filter: a filter stopped it.
    repetition: it began to repeat itself.
    """

    reason: Literal["stop", "length", "filter", "repetition"] = "stop"
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    """How long a reply may be.

    max_tokens: None: the service's own limit. max_sentences: 0: any number. ends_with_question: the reply ends after
    its first question.
    """

    max_tokens: int | None = None
    max_sentences: int = 0
    ends_with_question: bool = False


@dataclass(frozen=True, slots=True)
class WritingRequest:
    """A prompt for a reply, and the reply's limits. tools: those that the partner may call."""

    messages: Sequence[ChatMessage]
    limits: ReplyLimits = ReplyLimits()
    tools: ToolUse = NO_TOOLS


Pieces = AbstractAsyncContextManager[AsyncIterator[str | CallPiece]]
"""A reply in pieces of text, and of calls of the tools."""


class Writer(Protocol):
    """Writes a reply."""

    def stream(self, request: WritingRequest, on_end: Callable[[WritingEnd], None] | None = None) -> Pieces:
        """The reply in pieces. on_end: called if the reply ends without an error.

        Raises ServiceError, also while the pieces are read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A sentence without its mistakes. certainty: the probability of its least likely token, 0 to 1."""

    text: str
    certainty: float


class Llm(Writer, Protocol):
    """The language model."""

    @property
    def is_idle(self) -> bool:
        """Whether the model has no request from this gateway, and no reply to any of the gateway's learners is under
        way.

        A reply is under way until its speech has been sent.
        """
        ...

    @property
    def is_small(self) -> bool:
        """Whether the model has so few parameters that it does better with a short prompt."""
        ...

    @property
    def is_trained(self) -> bool:
        """Whether the model was trained as this product's partner. In English it then needs neither rules nor
        examples."""
        ...

    @property
    def is_trained_to_correct(self) -> bool:
        """Whether the model was trained to write an English sentence again without its mistakes; see `rewrite`."""
        ...

    async def rewrite(self, messages: Sequence[ChatMessage], *, max_tokens: int) -> Rewriting:
        """A sentence as a model that `is_trained_to_correct` writes it again. messages: in the form of its training.

        The request gives way like one with `gives_way` of `generate`, and waits while another one is answered.
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
        tools: the tools that the prompt describes; calls of them are not returned.

        gives_way: no learner waits for this reply. It ends with BusyError as soon as this gateway requests a learner's
        reply, and it does not count in `is_idle`.
        """
        ...


StopReason = Literal["stop", "length", "content_filter", "tool_calls"]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Another application's request to the language model. A field that is None leaves the choice to the service.

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
    """The reply is complete. The token counts are 0 if the model server doesn't count tokens."""

    stop_reason: StopReason
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_prompt_tokens: int = 0


class Chat(Protocol):
    """The language model for other applications. It gets no rules for conversations."""

    def stream(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[str | CallPiece | ChatDone]]:
        """The reply in pieces of text and of calls, then ChatDone. The block begins when the first piece is there."""
        ...
