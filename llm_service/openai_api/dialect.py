"""What one server is asked with: which parameters, roles and ways to ask for JSON it takes. Pure.

`negotiation` finds a server's dialect out by trying.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from llm_service.engine import Message

JsonMode = Literal["schema", "object", "words"]

# A server that thinks gets so many tokens more, as its thoughts count.
THINKING_TOKENS = 1024

OPENED = "You have said already: "
JSON_IN_WORDS = "Answer with one JSON document only, without any other text, that satisfies this JSON Schema:\n"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Of one server.

    kind: of server, see `server_kind`. left_out: parameters that it refuses. completion_tokens: `max_tokens` is called
    `max_completion_tokens`. has_system: it takes a system message. takes_turns: after the system message it wants user
    and assistant in turn. json_mode: how it is asked for JSON: by a schema, as any JSON object, or in words. extra:
    parameters that keep it from thinking. thinks: it does so all the same. begins_with_thoughts: without a mark.
    """

    kind: str = ""
    left_out: frozenset[str] = frozenset()
    completion_tokens: bool = False
    has_system: bool = True
    takes_turns: bool = False
    json_mode: JsonMode = "schema"
    extra: Mapping[str, Any] = field(default_factory=dict)
    thinks: bool = False
    begins_with_thoughts: bool = False

    def messages(self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None) -> list[dict[str, str]]:
        """The messages as this server takes them. schema: of the JSON that is wanted."""
        said = list(messages)
        if schema is not None and self.json_mode != "schema":
            last = said[-1]
            said[-1] = Message(last.role, f"{last.content}\n\n{JSON_IN_WORDS}{json.dumps(schema)}")
        if self.takes_turns:
            said = _in_turn(said)
        if not self.has_system:
            said = _without_system(said)
        return [{"role": message.role, "content": message.content} for message in said]


def _in_turn(messages: Sequence[Message]) -> list[Message]:
    """One system message, then user and assistant in turn. What the assistant said first, the system message quotes."""
    system = [message.content for message in messages if message.role == "system"]
    turns: list[Message] = []
    for message in messages:
        if message.role == "system":
            continue
        if not turns and message.role == "assistant":
            system.append(OPENED + message.content)
        elif turns and turns[-1].role == message.role:
            turns[-1] = Message(message.role, f"{turns[-1].content}\n{message.content}")
        else:
            turns.append(message)
    first = [Message("system", "\n".join(system))] if system else []
    return first + turns


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """What the system messages say stands at the beginning of the user's first message."""
    system = "\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    if not system:
        return rest
    if rest and rest[0].role == "user":
        return [Message("user", f"{system}\n\n{rest[0].content}"), *rest[1:]]
    return [Message("user", system), *rest]
