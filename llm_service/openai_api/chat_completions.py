"""The OpenAI chat-completions protocol, without the network: a request as JSON, events as a reply, errors as ours.

data: {"choices": [{"delta": {"content": "Hel"}, "finish_reason": null}]}
data: {"choices": [{"delta": {"content": "lo"}, "finish_reason": null}]}
data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}
data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {…}}}
data: [DONE]
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from common.errors import BusyError, EngineError, InvalidInputError, ServiceError, UnavailableError
from llm_service.engine import Delta, Done, GenerationRequest, StopReason, Usage

END = "[DONE]"
LONGEST_SERVER_MESSAGE = 300  # characters; some servers quote the whole request
NOT_OURS = "it answered something that is no chat completion; is it really an OpenAI-compatible server?"

# What servers call the reasons; whatever is not here ("eos", "tool_calls", …) is an ordinary end.
_STOP_REASONS: dict[str, StopReason] = {"length": "length", "content_filter": "content_filter"}
_FAILURES = {"abort", "error"}


def payload(model: str, request: GenerationRequest) -> dict[str, Any]:
    """The body of POST /chat/completions."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.stop:
        body["stop"] = list(request.stop)
    if request.seed is not None:
        body["seed"] = request.seed
    schema = request.parsed_schema()
    if schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": schema, "strict": True},
        }
    return body


def error_for(status: int, server_message: str) -> ServiceError:
    """The error that an HTTP status of the model server stands for. `server_message` may quote the request."""
    said = shorten(server_message) or "it gave no reason"
    match status:
        case 400 | 404 | 413 | 422:
            return InvalidInputError(f"the model server refused the request: {said}")
        case 401 | 403:
            return UnavailableError("the model server refused the key; check LLM_API_KEY", retryable=False)
        case 429:
            return BusyError("the model server is busy; try again in a second")
        case 503:
            return UnavailableError(f"the model server is loading or overloaded, try again in a few seconds: {said}")
        case _:
            return EngineError(f"the model server failed (HTTP {status}): {said}")


def error_message(body: str) -> str:
    """What a server's error body says: `{"error": {"message": …}}`, `{"detail": …}`, or any text."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(parsed, dict):
        return body
    error = parsed.get("error", parsed)
    return str(error.get("message") or error.get("detail") or error) if isinstance(error, dict) else str(error)


def shorten(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= LONGEST_SERVER_MESSAGE else one_line[: LONGEST_SERVER_MESSAGE - 1] + "…"


class _PromptDetails(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None


class _Piece(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    delta: _Piece = Field(default_factory=_Piece)
    finish_reason: str | None = None


class _Chunk(BaseModel):
    choices: list[_Choice]
    usage: _Usage | None = None


class ReplyReader:
    """Reads the events of one reply; raises EngineError, or what the server's own error stands for."""

    def __init__(self) -> None:
        self._finish_reason: str | None = None
        self._usage = Usage()

    def read(self, data: str) -> Delta | None:
        """The text in one event other than [DONE], if there is any."""
        chunk = _parse(data)
        if chunk.usage:
            details = chunk.usage.prompt_tokens_details or _PromptDetails()
            self._usage = Usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens, details.cached_tokens or 0)
        if not chunk.choices:
            return None
        choice = chunk.choices[0]
        self._finish_reason = choice.finish_reason or self._finish_reason
        return Delta(choice.delta.content) if choice.delta.content else None

    def finish(self) -> Done:
        """The end of the stream; raises EngineError if the reply had not ended."""
        if self._finish_reason is None or self._finish_reason in _FAILURES:
            raise EngineError("the model server broke off in the middle of a reply; try again")
        return Done(_STOP_REASONS.get(self._finish_reason, "stop"), self._usage)


def _parse(data: str) -> _Chunk:
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        raise EngineError(f"the model server failed: {NOT_OURS}") from None  # the cause would quote the reply
    if isinstance(parsed, dict) and parsed.get("error"):
        error = parsed["error"]
        status = error.get("code") if isinstance(error, dict) else None
        raise error_for(status if isinstance(status, int) else 500, error_message(data))
    try:
        return _Chunk.model_validate(parsed)
    except ValidationError:
        raise EngineError(f"the model server failed: {NOT_OURS}") from None
