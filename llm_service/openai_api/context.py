"""Shortens a conversation so that it fits into the model's context. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from llm_service.engine import GenerationRequest, Message

LETTER_TOKENS = 0.4  # for each Latin letter or space; ordinary English needs 0.25
MESSAGE_TOKENS = 8  # for the template around a message
SPARE = 0.9  # the share of the context that we use, because our count is not exact

_LETTER = re.compile("[A-Za-z ]")


def most_tokens(messages: Iterable[Message]) -> int:
    """An upper bound on the messages' tokens, for what people write.

    A tokenizer that doesn't know a script spends one token on each UTF-8 byte, and many tokenizers spend one on each
    digit and punctuation mark.
    """
    return sum(
        MESSAGE_TOKENS + _most_tokens(message.content + "".join(call.arguments for call in message.tool_calls))
        for message in messages
    )


def _most_tokens(text: str) -> int:
    size = len(text.encode("utf-8", "replace"))
    letters = len(_LETTER.findall(text))
    return round(LETTER_TOKENS * letters) + size - letters


def tool_tokens(request: GenerationRequest) -> int:
    """An upper bound on the tokens that describe the request's tools."""
    return sum(MESSAGE_TOKENS + _most_tokens(tool.name + tool.description + tool.parameters) for tool in request.tools)


def shortened(request: GenerationRequest, share: float) -> GenerationRequest | None:
    """The request without its oldest messages, so that about `share` (0 to 1) of its messages' tokens remains.

    System messages and the last message stay. None if nothing can be left out.
    """
    system = [message for message in request.messages if message.role == "system"]
    turns = [message for message in request.messages if message.role != "system"]
    room = share * SPARE * most_tokens(request.messages) - most_tokens(system)
    first = _first_kept(turns, room)
    return replace(request, messages=(*system, *turns[first:])) if first else None


def _first_kept(turns: Sequence[Message], room: float) -> int:
    """How many turns to leave out, so that the others fit into `room` tokens and begin with a user's message.

    If they never do, only the last message is kept; if it is the result of a call, the message with the call, too.
    """
    for first in range(1, len(turns) - 1):
        if turns[first].role == "user" and most_tokens(turns[first:]) <= room:
            return first
    last = len(turns) - 1
    while last > 0 and turns[last].role == "tool":  # servers refuse a result without its call
        last -= 1
    return max(0, last)
