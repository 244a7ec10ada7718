"""The dialect of one server: the parameters, the roles and the ways to request JSON that it accepts. Pure.

`negotiation` finds out a server's dialect by trying.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from llm_service.engine import Message

JsonMode = Literal["schema", "object_with_schema", "object", "words"]

# A model that thinks gets this many more tokens, because its thoughts count, too.
THINKING_TOKENS = 1024

OPENED = "You have said already: "
JSON_IN_WORDS = "Answer with one JSON document only, without any other text, that satisfies this JSON Schema:\n"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to talk to one server.

    kind: the kind of server, see `server_kind`. left_out: parameters that it refuses. completion_tokens: it wants
    `max_completion_tokens` in place of `max_tokens`. has_system: it accepts a system message. takes_turns: after the
    system message it requires user and assistant in turn. json_mode: how to request JSON: by a schema, by a schema
    within `json_object`, as any JSON object, or in words. extra: parameters that turn its thinking off. thinks: it
    thinks anyway. begins_with_thoughts: its replies begin with thoughts that have no opening mark.
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

    @property
    def forces_schemas(self) -> bool:
        """Whether the server itself makes a reply conform to a schema. Otherwise the prompt describes the schema."""
        return self.json_mode in ("schema", "object_with_schema")

    def messages(self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The messages in the form that this server accepts. schema: the schema of the requested JSON."""
        said = list(messages)
        if schema is not None and not self.forces_schemas:
            last = said[-1]
            said[-1] = Message(last.role, f"{last.content}\n\n{JSON_IN_WORDS}{json.dumps(schema)}")
        if self.takes_turns:
            said = _in_turn(said)
        if not self.has_system:
            said = _without_system(said)
        return [_as_json(message) for message in said]


def _as_json(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.role == "tool":
        body["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        body["content"] = message.content or None
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return body


def _in_turn(messages: Sequence[Message]) -> list[Message]:
    """One system message, then user and assistant in turn. If the assistant speaks first, the system message quotes its
    words."""
    system = [message.content for message in messages if message.role == "system"]
    turns: list[Message] = []
    for message in messages:
        if message.role == "system":
            continue
        if not turns and message.role == "assistant":
            system.append(OPENED + message.content)
        elif turns and turns[-1].role == message.role and not (turns[-1].is_about_tools or message.is_about_tools):
            turns[-1] = Message(message.role, f"{turns[-1].content}\n{message.content}")
        else:
            turns.append(message)
    first = [Message("system", "\n".join(system))] if system else []
    return first + turns


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The messages without system messages. Their text goes to the beginning of the first message if that is a user's,
    otherwise into a user's message before it."""
    system = "\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    if not system:
        return rest
    if rest and rest[0].role == "user":
        return [Message("user", f"{system}\n\n{rest[0].content}"), *rest[1:]]
    return [Message("user", system), *rest]
