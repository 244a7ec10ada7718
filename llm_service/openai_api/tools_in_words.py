"""Tools for a server that doesn't know them: described in words, and called in JSON. Pure.

    system     … You can use these tools. To use one, answer with JSON: {"tool": …, "arguments": …}
    user       What's the weather in Paris?
    assistant  {"tool": "get_weather", "arguments": {"city": "Paris"}}
    user       (get_weather answers: sunny, 21 degrees)

If a call is required, a JSON Schema constrains the reply to one call. Otherwise a reply that begins like a call is held
back until its end, and any other text passes at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from common.errors import EngineError
from llm_service.engine import Delta, Done, Event, GenerationRequest, Message
from llm_service.openai_api.call_reader import new_call_id
from llm_service.tools import CallDelta, Tool, ToolCall, ToolChoice

_RULES = (
    "You can use the tools below. To use one, answer with one JSON object and nothing else: "
    '{"tool": "its name", "arguments": {…}}. You then get its answer, and tell it in words. Tools:'
)
_OPENINGS = ("{", "[", "```", "<tool_call>")
_WRAPPING = re.compile(r"```(?:json|tool_call)?|</?tool_call>")


def in_words(request: GenerationRequest) -> GenerationRequest:
    """The same request for a server without tools. `calls_in_text` reads its reply."""
    names = {call.id: call.name for message in request.messages for call in message.tool_calls}
    messages = [_plain(message, names) for message in request.messages]
    if request.may_call:
        rules = "\n".join([_RULES, *map(_described, request.tools)])
        if messages[0].role == "system":
            messages[0] = Message("system", f"{messages[0].content}\n\n{rules}")
        else:
            messages.insert(0, Message("system", rules))
    must_call = request.tool_choice.mode == "required"
    return replace(
        request,
        messages=tuple(messages),
        tools=(),
        tool_choice=ToolChoice(),
        parallel_tool_calls=None,
        json_schema=json.dumps(_schema_of_call(request)) if must_call else request.json_schema,
    )


async def calls_in_text(events: AsyncGenerator[Event, None], request: GenerationRequest) -> AsyncGenerator[Event, None]:
    """The events of the reply to `in_words(request)`, with the calls that its text contains.

    Raises EngineError if a call is required and the text is not a call.
    """
    must_call, held = request.tool_choice.mode == "required", ""
    is_held = request.may_call
    async with aclosing(events):
        async for event in events:
            match event:
                case Delta(text, usage) if is_held:
                    held += text
                    if not (must_call or _may_be_call(held)):
                        is_held = False
                        yield Delta(held, usage)
                case Done(_, usage) if is_held and (calls := _calls_in(held, request)):
                    for index, call in enumerate(calls):
                        yield CallDelta(index, call.id, call.name, call.arguments)
                    yield Done("tool_calls", usage)
                case Done() if must_call:
                    raise EngineError("the model had to call a tool and did not; try again, or set a larger max_tokens")
                case Done() if is_held and held:
                    yield Delta(held, event.usage)
                    yield event
                case _:
                    yield event


def _described(tool: Tool) -> str:
    return f"- {tool.name}: {tool.description} Arguments (JSON Schema): {json.dumps(tool.schema())}"


def _plain(message: Message, names: Mapping[str, str]) -> Message:
    """The message with its calls and results as text. names: id of a call → name of its tool."""
    if message.role == "tool":
        name = names.get(message.tool_call_id, "the tool")
        return Message("user", f"({name} answers: {message.content.strip() or 'done'})")
    calls = [f'{{"tool": {json.dumps(call.name)}, "arguments": {call.arguments}}}' for call in message.tool_calls]
    return Message(message.role, "\n".join(filter(None, [message.content, *calls])))


def _schema_of_call(request: GenerationRequest) -> dict[str, Any]:
    """The JSON Schema of a call of one of the tools that may be called."""
    tools = [tool for tool in request.tools if request.tool_choice.name in ("", tool.name)]
    calls: list[dict[str, Any]] = []
    shared: dict[str, Any] = {}
    for tool in tools:
        arguments = tool.schema()
        for name in ("$defs", "definitions"):  # references are resolved from the root
            if isinstance(definitions := arguments.pop(name, None), dict):
                shared.setdefault(name, {}).update(definitions)
        arguments.pop("$schema", None)
        calls.append(
            {
                "type": "object",
                "properties": {"tool": {"type": "string", "enum": [tool.name]}, "arguments": arguments},
                "required": ["tool", "arguments"],
                "additionalProperties": False,
            }
        )
    return {**(calls[0] if len(calls) == 1 else {"anyOf": calls}), **shared}


def _may_be_call(text: str) -> bool:
    """Whether the text so far may be the beginning of a call."""
    begun = text.lstrip()
    return any(begun.startswith(opening) or opening.startswith(begun) for opening in _OPENINGS)


def _calls_in(text: str, request: GenerationRequest) -> list[ToolCall]:
    """The calls that the text consists of; none if it is anything else."""
    rest, calls, decoder = _WRAPPING.sub("", text).strip(), [], json.JSONDecoder()
    while rest:
        try:
            found, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            return []
        rest = rest[end:].lstrip(" \n,;")
        calls += list(_calls_of(found, request))
    return calls


def _calls_of(found: Any, request: GenerationRequest) -> Iterable[ToolCall]:
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, dict):
            name = one.get("tool") or one.get("name")
            arguments = one.get("arguments", one.get("parameters", {}))
            if isinstance(arguments, dict) and any(name == tool.name for tool in request.tools):
                yield ToolCall(new_call_id(), str(name), json.dumps(arguments, ensure_ascii=False))
