"""Reads a server's reply tolerantly: skips events that it doesn't understand, and keeps all text. Pure.

    data: {"choices": [{"delta": {"content": "Hel"}, "finish_reason": null}]}
    data: {"choices": [{"delta": {"content": "lo"}, "finish_reason": null}]}
    data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {…}}}
    data: [DONE]

Some servers leave fields out, set them to null, send content in parts, or send whole messages instead of deltas.
Thoughts come in a field or in the text. Replies end with or without `finish_reason` and [DONE]. `call_reader` reads the
calls of tools.
"""

from __future__ import annotations

import json
import math
from typing import Any

from common.errors import EngineError
from llm_service.engine import Delta, Done, StopReason, Usage
from llm_service.metrics import ODDITIES
from llm_service.openai_api.call_reader import CallReader
from llm_service.openai_api.chat_completions import NOT_OURS, error_for, error_message
from llm_service.openai_api.spoken_text import SpokenText
from llm_service.tools import CallDelta

END = "[DONE]"

# The servers' names for the reasons of an end. Any other name ("eos", "tool_calls", …) means a normal end, except those
# in _FAILURES.
_STOP_REASONS: dict[str, StopReason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",  # Mistral's
    "content_filter": "content_filter",
}
_FAILURES = {"abort", "error"}
_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking")
_TEXT_PARTS = (None, "text", "output_text")


class ReplyReader:
    """Reads the events of one reply. Raises EngineError if they contain no reply, or our error for the server's error.

    has_ended: no more text will come. thought: the server has thought before it answered.
    """

    def __init__(self, *, begins_with_thoughts: bool = False) -> None:
        self._spoken = SpokenText(begins_with_thoughts=begins_with_thoughts)
        self._thought = self._understood = self._has_text = self._is_done = False
        self._finish_reason: str | None = None
        self._is_counted = False  # whether the event with only the usage has come, which follows the last token
        self._usage = Usage()
        self._certainty: float | None = None
        self._calls = CallReader()
        self._pieces: list[CallDelta] = []

    @property
    def has_ended(self) -> bool:
        """Whether a control token has ended the reply: no more text will come."""
        return self._spoken.is_over

    @property
    def thought(self) -> bool:
        """Whether the server has thought before it answered."""
        return self._thought or self._spoken.thought

    @property
    def thought_unmarked(self) -> bool:
        """Whether the text had a mark at the end of its thoughts, but none at their beginning."""
        return self._spoken.thought_unmarked

    def read(self, data: str) -> Delta | None:
        """Take an event other than [DONE]. Returns the text that may be shown now; None if there is none."""
        text = "".join(self._text_of(event) for event in _events(data))
        return self._delta(self._spoken.push(text)) if text else None

    def calls(self) -> list[CallDelta]:
        """The pieces of tool calls since the last call of this method."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def done(self) -> None:
        """Note that [DONE] has come."""
        self._is_done = True

    def rest(self) -> Delta | None:
        """The text that was held back until the end. Also completes the calls."""
        self._pieces += self._calls.finish()
        return self._delta(self._spoken.finish())

    def finish(self) -> Done:
        """The end of the reply; call it after `rest`. Raises EngineError if the reply is incomplete or missing."""
        if not self._understood:
            raise EngineError(f"the model server failed: {NOT_OURS}")
        is_over = self._is_done or self._is_counted or self.has_ended
        ended = self._finish_reason or (is_over and "stop")
        if not ended or ended in _FAILURES:
            raise EngineError("the model server broke off in the middle of a reply; try again")
        if self._calls.count and _STOP_REASONS.get(ended, "stop") == "stop":  # some servers say `stop` after calls, too
            return Done("tool_calls", self._usage)
        if self.thought and not (self._has_text or self._calls.count):
            raise EngineError(
                "the model used up its tokens on thoughts; turn its thinking off in the model server, or set a larger "
                "LLM_MAX_TOKENS"
            )
        return Done(_STOP_REASONS.get(ended, "stop"), self._usage, self._certainty)

    def _delta(self, text: str) -> Delta | None:
        if not text:
            return None
        self._has_text = True
        return Delta(text, self._usage)

    def _text_of(self, event: Any) -> str:
        if not isinstance(event, dict):
            ODDITIES.labels("skipped").inc()
            return ""
        if event.get("error"):
            error = event["error"]
            status = error.get("code") if isinstance(error, dict) else None
            raise error_for(status if isinstance(status, int) else 500, error_message(json.dumps(event)))
        self._usage = _usage(event) or self._usage
        choices = event.get("choices")
        if not isinstance(choices, list):
            ODDITIES.labels("skipped").inc()
            return ""
        self._understood = True
        self._is_counted = not choices and self._usage.completion_tokens > 0
        choice = choices[0] if choices and isinstance(choices[0], dict) else {}
        self._certainty = min(
            (value for value in (self._certainty, *_probabilities(choice)) if value is not None), default=None
        )
        reason = choice.get("finish_reason")
        self._finish_reason = str(reason) if reason else self._finish_reason
        piece = choice.get("delta") or choice.get("message") or {}
        if not isinstance(piece, dict):
            piece = {"content": piece}
        if any(piece.get(name) for name in _THOUGHT_FIELDS):
            self._thought = True
            ODDITIES.labels("thoughts").inc()
        self._pieces += self._calls.read(piece)
        return _text(piece.get("content")) or _text(choice.get("text")) or _text(piece.get("refusal"))


def _events(data: str) -> list[Any]:
    """The JSON in an event's data. There are several documents if the server leaves out the empty lines between
    events."""
    for parts in ([data], data.splitlines()):
        try:
            return [json.loads(part) for part in parts if part and part != END]
        except (ValueError, RecursionError):
            continue
    ODDITIES.labels("skipped").inc()
    return []


def _text(content: Any) -> str:
    """The text of a `content`: a string, or a list of parts, some of which are text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_text_of_part(part) for part in content)
    if content is not None:
        ODDITIES.labels("skipped").inc()
    return ""


def _text_of_part(part: Any) -> str:
    if isinstance(part, str):
        return part
    is_text = isinstance(part, dict) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str)
    return str(part["text"]) if is_text else ""


def _probabilities(choice: dict[str, Any]) -> list[float]:
    """The probabilities of the tokens in this piece of the reply."""
    logprobs = choice.get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(tokens, list):
        return []
    values = [token.get("logprob") for token in tokens if isinstance(token, dict)]
    return [math.exp(min(0.0, value)) for value in values if isinstance(value, int | float)]


def _usage(event: dict[str, Any]) -> Usage | None:
    """The tokens that the event counts, in `usage` or in llama.cpp's `timings`."""
    usage, timings = event.get("usage"), event.get("timings")
    if isinstance(usage, dict):
        details = usage.get("prompt_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, dict) else 0
        return Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")), _count(cached))
    if isinstance(timings, dict):
        cached = _count(timings.get("cache_n"))
        return Usage(_count(timings.get("prompt_n")) + cached, _count(timings.get("predicted_n")), cached)
    return None


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < 1 << 31 else 0
