"""The OpenAI chat-completions protocol without the network: requests to JSON, events to a reply, errors to ours.

data: {"choices": [{"delta": {"content": "Hel"}, "finish_reason": null}]}
data: {"choices": [{"delta": {"content": "lo"}, "finish_reason": null}]}
data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}
data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {…}}}
data: [DONE]
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from common.errors import BusyError, EngineError, InvalidInputError, ServiceError, UnavailableError
from llm_service.engine import Delta, Done, GenerationRequest, StopReason, Usage

END = "[DONE]"
LONGEST_SERVER_MESSAGE = 300  # characters; some servers quote the whole request
NOT_OURS = "it answered something that is no chat completion; is it really an OpenAI-compatible server?"

# The servers' names for the reasons. Any other name ("eos", "tool_calls", …) means an ordinary end.
_STOP_REASONS: dict[str, StopReason] = {"length": "length", "content_filter": "content_filter"}
_FAILURES = {"abort", "error"}


_LLAMA_CPP_SETTINGS: dict[str, dict[str, int]] = {
    "repeat_penalty": {"repeat_last_n": 64},
    "dry_multiplier": {"dry_penalty_last_n": 256, "dry_allowed_length": 3},
}
"""How many of the latest tokens llama.cpp compares with. With wider windows a small model avoids the question mark and
the words of its examples, and changes to another language."""
_PENALTIES: dict[str, dict[str, str]] = {
    "llama.cpp": {
        "min_p": "min_p",
        "repetition_penalty": "repeat_penalty",
        "dry_multiplier": "dry_multiplier",
    },
    "vllm": {"min_p": "min_p", "repetition_penalty": "repetition_penalty"},
    "sglang": {"min_p": "min_p", "repetition_penalty": "repetition_penalty"},
    "": {"frequency_penalty": "frequency_penalty", "presence_penalty": "presence_penalty"},
}
"""For each kind of server ("": any other): our sampling parameters that it knows → its names for them."""
_KINDS = {"llamacpp": "llama.cpp", "vllm": "vllm", "sglang": "sglang"}


def server_kind(owned_by: str) -> str:
    """A key of _PENALTIES, from what the server's list of models says about a model's owner."""
    return _KINDS.get(owned_by.lower(), "")


def payload(model: str, request: GenerationRequest, kind: str = "", *, without: Collection[str] = ()) -> dict[str, Any]:
    """The body of POST /chat/completions.

    kind: of server, see `server_kind`. without: names of parameters that this server refuses.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if kind == "vllm":
        body["stream_options"]["continuous_usage_stats"] = True
    if kind == "llama.cpp":
        body["timings_per_token"] = True
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
    else:  # in JSON, quotes and keys have to repeat
        body |= penalties(request, kind)
    return {name: value for name, value in body.items() if name not in without}


def penalties(request: GenerationRequest, kind: str) -> dict[str, Any]:
    """The sampling parameters against repetition, as this kind of server calls them."""
    named = {theirs: getattr(request, ours) for ours, theirs in _PENALTIES[kind].items()}
    body = {name: value for name, value in named.items() if value is not None}
    if kind == "llama.cpp":
        for name, settings in _LLAMA_CPP_SETTINGS.items():
            body |= settings if name in body else {}
    return body


def error_for(status: int, server_message: str) -> ServiceError:
    """Our error for an HTTP status of the model server. `server_message` may quote the request."""
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
    """The message in a server's error body: `{"error": {"message": …}}`, `{"detail": …}`, or any text."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(parsed, dict):
        return body
    error = parsed.get("error", parsed)
    return str(error.get("message") or error.get("detail") or error) if isinstance(error, dict) else str(error)


def shorten(text: str) -> str:
    """`text` in one line of at most LONGEST_SERVER_MESSAGE characters."""
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


class _Timings(BaseModel):
    """llama.cpp's, in each chunk where `timings_per_token` asks for it: tokens of the prompt that it read and that its
    cache had, and tokens written."""

    prompt_n: int = 0
    cache_n: int = 0
    predicted_n: int = 0


class _Chunk(BaseModel):
    choices: list[_Choice]
    usage: _Usage | None = None
    timings: _Timings | None = None


class ReplyReader:
    """Reads the events of one reply. Raises EngineError if one is malformed, or our error for the server's error."""

    def __init__(self) -> None:
        self._finish_reason: str | None = None
        self._usage = Usage()

    def read(self, data: str) -> Delta | None:
        """The text in an event other than [DONE]; None if the event has none."""
        chunk = _parse(data)
        if chunk.usage:
            details = chunk.usage.prompt_tokens_details or _PromptDetails()
            self._usage = Usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens, details.cached_tokens or 0)
        elif chunk.timings:
            read = chunk.timings
            self._usage = Usage(read.prompt_n + read.cache_n, read.predicted_n, read.cache_n)
        if not chunk.choices:
            return None
        choice = chunk.choices[0]
        self._finish_reason = choice.finish_reason or self._finish_reason
        return Delta(choice.delta.content, self._usage) if choice.delta.content else None

    def finish(self) -> Done:
        """The reply's end, to be called at the end of the stream; raises EngineError if the reply is incomplete."""
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
