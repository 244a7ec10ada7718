"""The body of a chat completion: its fields, and which of them are used, ignored or refused."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from common.tools import MAX_TOOLS
from gateway.openai_api.answers import ParameterError
from gateway.openai_api.chat_tools import CalledFunction, FunctionTool, NamedChoice, tool_use
from gateway.openai_api.json_body import JsonBody
from gateway.ports import ChatMessage, ChatRequest

Role = Literal["system", "user", "assistant", "tool"]
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
MAX_MESSAGES = 1000
Stop = Annotated[str, Field(max_length=1000)]


class Part(BaseModel):
    """A part of a message; only texts are understood."""

    type: Annotated[str, Field(max_length=64)]
    text: str = ""


class Message(BaseModel):
    """One message of the prompt."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Annotated[list[Part], Field(max_length=MAX_MESSAGES, fail_fast=True)] | None = None
    tool_calls: Annotated[list[CalledFunction], Field(max_length=MAX_TOOLS, fail_fast=True)] | None = None
    tool_call_id: Annotated[str, Field(max_length=256)] | None = None

    def checked(self, param: str) -> ChatMessage:
        """The message for `llm_service`. Raises ParameterError."""
        role = _ROLES.get(self.role)
        if role is None:
            raise _no_functions(f"{param}.role")
        if self.tool_calls and role != "assistant":
            raise ParameterError(f"`{param}.tool_calls`: only the assistant calls tools", f"{param}.tool_calls")
        if role == "tool" and not self.tool_call_id:
            raise ParameterError(f"`{param}.tool_call_id`: it is missing", f"{param}.tool_call_id", code="missing")
        parts = self.content if isinstance(self.content, list) else [Part(type="text", text=self.content or "")]
        if any(part.type not in ("text", "refusal") for part in parts):
            raise ParameterError(f"`{param}.content`: the model reads text only", f"{param}.content")
        text = "".join(part.text for part in parts)
        if not (text.strip() or self.tool_calls or role == "tool"):
            raise ParameterError(f"`{param}.content`: the message is empty; leave it out", f"{param}.content")
        calls = tuple(call.as_call() for call in self.tool_calls or ())
        return ChatMessage(role, text, calls, self.tool_call_id or "" if role == "tool" else "")


class JsonSchema(BaseModel):
    """A schema with its name."""

    name: Annotated[str, Field(max_length=256)] = ""
    schema_: Annotated[dict[str, Any], Field(alias="schema")] = Field(default_factory=dict)


class ResponseFormat(BaseModel):
    """Text, any JSON object, or JSON that fits a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    def as_schema(self) -> str | None:
        """The schema as JSON text; None: plain text."""
        match self.type:
            case "text":
                return None
            case "json_object":
                return json.dumps({"type": "object"})
        if self.json_schema is None:
            raise ParameterError(
                "`response_format.json_schema`: send the schema in it", "response_format.json_schema", code="missing"
            )
        return json.dumps(self.json_schema.schema_)


class StreamOptions(BaseModel):
    """include_usage: the last event has the numbers of tokens."""

    include_usage: bool = False


class ChatBody(JsonBody):
    """model: any name. Fields that are not listed here have no effect."""

    # The limits in `json_schema_extra` are only for the OpenAPI document: `_refuse` checks them, with clearer messages.

    model_config = ConfigDict(extra="ignore")

    model: Annotated[str, Field(max_length=256)]
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4, fail_fast=True)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    response_format: ResponseFormat | None = None
    n: Literal[1] | None = None
    logprobs: Literal[False] | None = None
    logit_bias: dict[str, float] | None = Field(None, json_schema_extra={"maxProperties": 0})
    modalities: list[Annotated[str, Field(max_length=64)]] | None = Field(
        None, max_length=10, fail_fast=True, json_schema_extra={"items": {"const": "text"}}
    )
    audio: dict[str, Any] | None = Field(None, json_schema_extra={"maxProperties": 0})
    tools: Annotated[list[FunctionTool], Field(max_length=MAX_TOOLS, fail_fast=True)] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Any] | None = Field(
        None, max_length=MAX_TOOLS, fail_fast=True, json_schema_extra={"maxItems": 0, "deprecated": True}
    )

    def to_request(self) -> ChatRequest:
        """The request to the model. Raises ParameterError for an option that is not supported."""
        self._refuse()
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return ChatRequest(
            messages=tuple(message.checked(f"messages.{number}") for number, message in enumerate(self.messages)),
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            stop=tuple(stop),
            seed=self.seed,
            frequency_penalty=self.frequency_penalty,
            presence_penalty=self.presence_penalty,
            json_schema=self.response_format.as_schema() if self.response_format else None,
            tools=tool_use(self.tools or (), self.tool_choice, parallel=self.parallel_tool_calls),
        )

    def _refuse(self) -> None:
        if self.functions:
            raise _no_functions("functions")
        if self.tools and self.tool_choice != "none" and self.response_format and self.response_format.as_schema():
            raise ParameterError(
                "`response_format`: a reply can't be both JSON of a schema and a call of a tool; send `tool_choice` "
                "none, or leave one of them out",
                "response_format",
            )
        if self.logit_bias:
            raise ParameterError("`logit_bias`: tokens are not known here; leave it out", "logit_bias")
        if self.audio or (self.modalities and self.modalities != ["text"]):
            raise ParameterError(
                "`modalities`: a chat completion is text; read it aloud with /v1/audio/speech", "modalities"
            )


def _no_functions(param: str) -> ParameterError:
    return ParameterError(
        f"`{param}`: functions are the older form; send `tools`, and results as messages with the role `tool`",
        param,
        code="unsupported_parameter",
    )
