"""The OpenAI chat-completions protocol without the network.

Turns requests into JSON, and a server's errors into ours. `reply_reader` reads the replies.
"""

from __future__ import annotations

import json
import re
from typing import Any

from common.errors import BusyError, EngineError, InvalidInputError, ServiceError, UnavailableError
from llm_service.engine import GenerationRequest
from llm_service.openai_api.dialect import THINKING_TOKENS, Dialect
from llm_service.tools import ToolChoice

LONGEST_SERVER_MESSAGE = 300  # characters; some servers quote the whole request in their message
NOT_OURS = "it answered something that is not a chat completion; is it really an OpenAI-compatible server?"

_CONTEXT_EXCEEDED = re.compile(
    r"context[ _-]?(?:length|size|window)|maximum context|exceeds?[_ ](?:the )?(?:available )?context|n_ctx"
    r"|(?:prompt|input) is too long|too many (?:input )?tokens|reduce (?:the length|your message)"
    r"|max_seq_len|max_model_len|max_num_tokens|model max length"
    r"|tokens \+ `max_new_tokens` must be|input token count.{0,20} exceeds|maximum prompt length"
    r"|exceeded model token limit|range of input length",
    re.IGNORECASE,
)
_TOKEN_COUNTS = re.compile(r"\b\d{3,7}\b")
_LIMIT = re.compile(r"(?:context|max\w*|limit|<=|available)[^\d,.;]{0,40}(\d{3,7})", re.IGNORECASE)
# LiteLLM without a database fails when it looks up an unknown key.
_UNKNOWN_KEY = re.compile(r"^No connected db")
_NO_QUOTA = re.compile(r"exceeded your current quota|insufficient[ _](?:quota|balance|credit)", re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)


ANY = Dialect()
"""The dialect of a server that accepts everything."""


class ContextExceededError(InvalidInputError):
    """The messages and the reply don't fit into the model's context.

    server_message: the model server's own words, which are not for learners. share: the share of the messages that
    fits, 0 to 1; a guess if the server doesn't say it.
    """

    def __init__(self, server_message: str) -> None:
        counts = sorted({int(count) for count in _TOKEN_COUNTS.findall(server_message)})
        named = _LIMIT.search(server_message)
        limit = int(named[1]) if named else counts[0] if counts else 0
        most = f", which takes at most {limit} tokens" if limit else ""
        super().__init__(f"this is too long for the model{most}; say it in fewer words", code="context_exceeded")
        # The largest number is the count of the messages; vLLM and TGI include the reply in it. A number for the reply
        # alone is below the limit.
        self.share = limit / counts[-1] if limit and limit < counts[-1] else 0.5


_LLAMA_CPP_SETTINGS: dict[str, dict[str, Any]] = {
    "repeat_penalty": {"repeat_last_n": 64},
    "dry_multiplier": {"dry_penalty_last_n": 512, "dry_allowed_length": 2, "dry_sequence_breakers": ["\n"]},
}
"""How llama.cpp applies its penalties.

The repetition penalty looks at few tokens: with a wider window a small model avoids the question mark and the words of
its examples, and changes to another language. DRY only penalises runs of tokens, so it may look at the last eight
exchanges. With a shorter window, or if three tokens may repeat freely, the bundled model begins half of its replies in
the same way ("You're right, I'm glad"). The line break ends a run. Without it a run would extend back to the
template's mark before a reply, and after ten replies the model would find no ordinary word to begin with.

For each request llama.cpp searches its whole vocabulary for each sequence breaker. Its four default breakers cost 24 ms
before the first token with SmolLM2; one costs 6 ms.
"""
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


def payload(model: str, request: GenerationRequest, dialect: Dialect = ANY) -> dict[str, Any]:
    """The body of POST /chat/completions."""
    kind, schema = dialect.kind, request.parsed_schema()
    body: dict[str, Any] = {
        "model": model,
        "messages": dialect.messages(request.messages, schema),
        "max_tokens": request.max_tokens + (THINKING_TOKENS if dialect.thinks else 0),
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
    if request.with_certainty:
        body |= {"logprobs": True, "top_logprobs": 1}
    if request.tools:
        body |= tools(request, kind)
    if schema is not None:
        body |= response_format(schema, dialect)
    elif request.tool_choice.mode != "required" and not request.adapter:
        body |= penalties(request, kind)  # not for JSON, which has to repeat its quotes and keys, nor for corrections
    body = {name: value for name, value in (body | dict(dialect.extra)).items() if name not in dialect.left_out}
    if dialect.completion_tokens:
        body["max_completion_tokens"] = body.pop("max_tokens")
    return body


def response_format(schema: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """How to request JSON of this schema from this server; empty if it is requested in words."""
    match dialect.json_mode:
        case "schema":
            wanted = {"name": "reply", "schema": schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": wanted}}
        case "object_with_schema":
            return {"response_format": {"type": "json_object", "schema": schema}}
        case "object":
            return {"response_format": {"type": "json_object"}}
        case "words":
            return {}


def tools(request: GenerationRequest, kind: str) -> dict[str, Any]:
    """The tools, and which of them the model may call.

    If one tool is named, llama.cpp still lets the model choose, so it gets only that one.
    """
    choice, offered = request.tool_choice, request.tools
    if choice.name and kind == "llama.cpp":
        choice, offered = ToolChoice("required"), tuple(tool for tool in offered if tool.name == choice.name)
    functions = [{"name": tool.name, "description": tool.description, "parameters": tool.schema()} for tool in offered]
    named = {"type": "function", "function": {"name": choice.name}}
    body: dict[str, Any] = {
        "tools": [{"type": "function", "function": function} for function in functions],
        "tool_choice": named if choice.name else choice.mode,
    }
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls
    return body


def penalties(request: GenerationRequest, kind: str) -> dict[str, Any]:
    """The sampling parameters against repetition, as this kind of server calls them."""
    named = {theirs: getattr(request, ours) for ours, theirs in _PENALTIES[kind].items()}
    body = {name: value for name, value in named.items() if value is not None}
    if request.may_call:
        body.pop("dry_multiplier", None)  # the model has to repeat names of tools and words of the learner
    if kind == "llama.cpp":
        for name, settings in _LLAMA_CPP_SETTINGS.items():
            body |= settings if name in body else {}
    return body


def error_for(status: int, server_message: str) -> ServiceError:
    """Our error for an HTTP status of the model server. `server_message` may quote the request."""
    said = shorten(server_message) or "it gave no reason"
    if status in {400, 413, 422, 500} and _CONTEXT_EXCEEDED.search(server_message):
        return ContextExceededError(said)
    if status == 400 and _UNKNOWN_KEY.search(server_message):
        status = 401
    match status:
        case 400 | 404 | 405 | 413 | 415 | 422 | 501:
            return InvalidInputError(f"the model server refused the request: {said}")
        case 401 | 403:
            return UnavailableError("the model server refused the key; check LLM_API_KEY", retryable=False)
        case 402 | 429 if status == 402 or _NO_QUOTA.search(server_message):
            return BusyError(
                "the model server's account has no credit or quota left; its provider says how to get more"
            )
        case 429:
            return BusyError("the model server is busy; try again in a second")
        case 503:
            return UnavailableError(f"the model server is loading or overloaded, try again in a few seconds: {said}")
        case _:
            return EngineError(f"the model server failed (HTTP {status}): {said}")


def error_message(body: str) -> str:
    """The message in a server's error body: `{"error": {"message": …}}`, `{"detail": …}`, or any text.

    Gemini's body is a list with such an object. For a proxy's HTML page, the message is the page's title.
    """
    if body.lstrip()[:1] == "<":
        title = _TITLE.search(body)
        return title[1] if title else "an HTML page"
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    if not isinstance(parsed, dict):
        return body
    error = parsed.get("error", parsed)
    return str(error.get("message") or error.get("detail") or error) if isinstance(error, dict) else str(error)


def shorten(text: str) -> str:
    """`text` on one line of at most LONGEST_SERVER_MESSAGE characters."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= LONGEST_SERVER_MESSAGE else one_line[: LONGEST_SERVER_MESSAGE - 1] + "…"
