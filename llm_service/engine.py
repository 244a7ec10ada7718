"""The interface of a language-model engine, whichever server runs the model.

    request ──► engine.stream() ──► Delta, Delta, …, CallDelta, …, Done (always last)

Closing the stream early, or cancelling the task that reads it, stops the generation in the model server. Before the
first event, llama.cpp may still read the prompt to its end (`openai_api.prompt_reading`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from common.engine_info import EngineDescription
from common.errors import InvalidInputError
from llm_service.tools import AUTO, CallDelta, Tool, ToolCall, ToolChoice, check_choice

Role = Literal["system", "user", "assistant", "tool"]
StopReason = Literal["stop", "length", "content_filter", "repetition", "tool_calls"]

MAX_STOP_STRINGS = 4
PENALTIES = {
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.01, 2.0),
    "frequency_penalty": (-2.0, 2.0),
    "presence_penalty": (-2.0, 2.0),
    "dry_multiplier": (0.0, 10.0),
}
"""The sampling parameters against repetition, and their least and greatest values."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation. content: its text, which may be empty only in a message with calls, or in a
    result.

    tool_calls: the calls that the assistant made with this message. tool_call_id: for the role tool, the id of the
    call whose result the message is.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""

    @property
    def is_about_tools(self) -> bool:
        """Whether it contains calls, or is the result of one."""
        return bool(self.tool_calls) or self.role == "tool"


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """The messages to reply to, and the parameters. Raises InvalidInputError if one of them is invalid.

    max_tokens: at least 1. temperature: 0 (the likeliest token each time) to 2. top_p: above 0, up to 1; None: the
    server's default. stop: up to 4 strings before which the reply ends. json_schema: JSON text of a schema that the
    reply satisfies. seed: the same seed gives the same reply, if the server supports that. min_p (0 to 1),
    repetition_penalty (0.01 to 2), frequency_penalty and presence_penalty (-2 to 2) and dry_multiplier (0 to 10) are
    sampling parameters against repetition, for servers that know them; None: the server's default. tools, tool_choice:
    the tools, and which of them the model may or must call. parallel_tool_calls: whether the model may make several
    calls; None: the server's default. gives_way: nobody waits for the reply, so its prompt is not read further once the
    reply is cancelled. adapter: the name of an adapter that writes this reply; empty: the model as it is.
    with_certainty: `Done` tells the certainty.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    json_schema: str | None = None
    seed: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    dry_multiplier: float | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = AUTO
    parallel_tool_calls: bool | None = None
    gives_way: bool = False
    adapter: str = ""
    with_certainty: bool = False

    def __post_init__(self) -> None:
        _require(bool(self.messages), "messages: at least one is needed")
        for number, message in enumerate(self.messages):
            _check_message(message, f"messages[{number}]")
        check_choice(self.tools, self.tool_choice)
        _require(not (self.may_call and self.json_schema), "json_schema: a reply with a schema can't call tools")
        _require(self.max_tokens >= 1, f"max_tokens: must be 1 or more, not {self.max_tokens}")
        _require(0 <= self.temperature <= 2, f"temperature: must be from 0 to 2, not {self.temperature:g}")
        if self.top_p is not None:
            _require(0 < self.top_p <= 1, f"top_p: must be above 0 and at most 1, not {self.top_p:g}")
        for name, (least, most) in PENALTIES.items():
            value = getattr(self, name)
            _require(
                value is None or least <= value <= most, f"{name}: must be from {least:g} to {most:g}, not {value}"
            )
        _require(len(self.stop) <= MAX_STOP_STRINGS, f"stop: at most {MAX_STOP_STRINGS} strings, not {len(self.stop)}")
        _require(all(self.stop), "stop: a stop string is empty")
        self.parsed_schema()

    @property
    def may_call(self) -> bool:
        """Whether the reply may call tools."""
        return bool(self.tools) and self.tool_choice.mode != "none"

    @property
    def is_about_tools(self) -> bool:
        """Whether the request has tools, or messages about them."""
        return bool(self.tools) or any(message.is_about_tools for message in self.messages)

    def parsed_schema(self) -> dict[str, Any] | None:
        """The JSON Schema as an object; None if the reply is free text. Raises InvalidInputError if it isn't a JSON
        object."""
        if self.json_schema is None:
            return None
        try:
            schema = json.loads(self.json_schema)
        except (ValueError, RecursionError) as error:
            raise InvalidInputError("json_schema: not JSON; send the schema as JSON text") from error
        if not isinstance(schema, dict):
            raise InvalidInputError("json_schema: must be a JSON object")
        return schema


def _check_message(message: Message, place: str) -> None:
    _require(bool(message.content.strip()) or message.is_about_tools, f"{place}: content is empty")
    _require(message.role == "assistant" or not message.tool_calls, f"{place}: only the assistant calls tools")
    _require(message.role != "tool" or bool(message.tool_call_id), f"{place}: tool_call_id is empty")
    _require(all(call.id and call.name for call in message.tool_calls), f"{place}: a tool call needs an id and a name")


def _require(valid: bool, otherwise: str) -> None:
    if not valid:
        raise InvalidInputError(otherwise)


@dataclass(frozen=True, slots=True)
class Usage:
    """The server's token counts; 0 if it doesn't count. cached_prompt_tokens: prompt tokens from its prefix cache."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_prompt_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of text; never empty. usage: the counts up to here, if the server counts while it writes."""

    text: str
    usage: Usage = field(default_factory=Usage, compare=False)


@dataclass(frozen=True, slots=True)
class Done:
    """The reply is complete. certainty: the probability of its least likely token, 0 to 1; None: not requested, the
    server doesn't report it, or the service ended the reply."""

    stop_reason: StopReason
    usage: Usage
    certainty: float | None = None


Event = Delta | CallDelta | Done


class LlmEngine(Protocol):
    """A language model. It reports failures as errors of `common.errors`."""

    @property
    def ready(self) -> bool:
        """Whether the model can answer now."""
        ...

    async def start(self) -> None:
        """Wait until the model has written its first token. Raises a ServiceError if it can't be loaded."""
        ...

    async def close(self) -> None:
        """Release the model and end any process that was started for it. Call this also after a failed `start`."""
        ...

    def describe(self) -> EngineDescription:
        """The engine, its model and device. May be called before `start`."""
        ...

    def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """The reply, piece by piece; close it (`contextlib.aclosing`) to stop it early."""
        ...
