"""Finds out by trying which requests a model server accepts. Each try is one short request.

    everything ──accepted──► done
     └─refused─► without what the refusal names ──accepted──► done
         └─names nothing or too much─► without all that can be left out; then with each of these parts alone

Then it finds out whether the model thinks before it answers and how to turn that off, whether roles must take turns,
and how to request JSON. llama.cpp, vLLM and SGLang are known to accept schemas.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from common.errors import EngineError, InvalidInputError
from llm_service.engine import GenerationRequest, Message
from llm_service.openai_api.chat_completions import payload
from llm_service.openai_api.dialect import Dialect, JsonMode
from llm_service.openai_api.json_reply import document_in

logger = logging.getLogger(__name__)

# Some servers whose models think refuse a lower limit on tokens.
TOKENS = 16
JSON_TOKENS = 32
_QUICK_KINDS = ("llama.cpp", "vllm", "sglang")  # they accept a limit of one token, and schemas

_HELLO = (Message("system", "You are friendly."), Message("user", "Hello"))
_EVERYTHING = GenerationRequest(
    _HELLO,
    max_tokens=TOKENS,
    temperature=0.0,
    top_p=0.9,
    min_p=0.05,
    repetition_penalty=1.05,
    frequency_penalty=0.1,
    presence_penalty=0.1,
    dry_multiplier=0.5,
    stop=("###",),
    seed=1,
)
_ROLES = replace(
    _EVERYTHING, messages=(Message("assistant", "Hello."), Message("user", "Hello"), Message("user", "Who are you?"))
)
_SCHEMA = '{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"],"additionalProperties":false}'
_JSON = replace(
    _EVERYTHING,
    messages=(Message("user", 'Answer with this JSON: {"ok": true}'),),
    max_tokens=JSON_TOKENS,
    json_schema=_SCHEMA,
)
# A reply that follows the prompt of _JSON breaks this schema. If a reply fits it, the server enforces schemas.
_OTHER_SCHEMA = {
    "type": "object",
    "properties": {"good": {"type": "boolean"}},
    "required": ["good"],
    "additionalProperties": False,
}
_FORCED_JSON = replace(_JSON, json_schema=json.dumps(_OTHER_SCHEMA))
_FORCING: tuple[JsonMode, ...] = ("schema", "object_with_schema")
_AGAINST_THINKING: tuple[Mapping[str, Any], ...] = (
    {"chat_template_kwargs": {"enable_thinking": False}},  # vLLM, SGLang and llama.cpp, with Qwen3 and its like
    {"reasoning_effort": "none"},  # newer servers of OpenAI's protocol
    {"think": False},  # Ollama
    {"reasoning_effort": "minimal"},
    {"reasoning_effort": "low"},
)
# GPT-5's refusal when its thoughts have used up the limit.
_STILL_THINKING = re.compile(r"model output limit was reached", re.IGNORECASE)
_MANY = 3  # a refusal that names more parameters than this is quoting the request


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one try. thought: the model thought before it answered. thought_unmarked: its thoughts had no
    opening mark. calls_tools: it called a tool."""

    text: str
    thought: bool = False
    thought_unmarked: bool = False
    calls_tools: bool = False


Ask = Callable[[GenerationRequest, Dialect], Awaitable[Answer]]
"""Asks the server. Raises InvalidInputError or EngineError if the server refuses, another ServiceError if it fails in
another way."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A part of the request to leave out or replace. habit: its name in metrics. named: a pattern that finds it in a
    refusal. told: what the log says about the server."""

    habit: str
    named: str
    told: str
    make: Callable[[Dialect], Dialect]


async def find_dialect(kind: str, ask: Ask) -> tuple[Dialect, tuple[str, ...]]:
    """The server's dialect and the names of its habits. kind: see `Dialect`. Raises ServiceError if nothing helps."""
    search = _Search(kind, ask)
    dialect = await search.run()
    for _, told in search.found:
        logger.warning("the model server %s", told)
    return dialect, tuple(habit for habit, _ in search.found)


class _Search:
    def __init__(self, kind: str, ask: Ask) -> None:
        self._kind = kind
        self._is_known = kind in _QUICK_KINDS
        self._ask = ask
        self.found: list[tuple[str, str]] = []  # (habit, line in the log)

    async def run(self) -> Dialect:
        dialect = Dialect(self._kind)
        everything = replace(_EVERYTHING, max_tokens=1) if self._is_known else _EVERYTHING
        answer = await self._taken(everything, dialect)
        if isinstance(answer, InvalidInputError | EngineError):
            dialect, answer = await self._without(everything, dialect, answer)
        if answer.thought:
            dialect = await self._without_thinking(everything, dialect)
        dialect = replace(dialect, begins_with_thoughts=answer.thought_unmarked)
        if not isinstance(await self._taken(replace(_ROLES, max_tokens=everything.max_tokens), dialect), Answer):
            dialect = replace(dialect, takes_turns=True)
            self.found.append(("roles_take_turns", "wants user and assistant to take turns; messages are joined"))
        return dialect if self._is_known else await self._json(dialect)

    async def _taken(self, request: GenerationRequest, dialect: Dialect) -> Answer | InvalidInputError | EngineError:
        """The answer, or why the request was refused. Some servers report a refusal as their own failure."""
        try:
            return await self._ask(request, dialect)
        except (InvalidInputError, EngineError) as error:
            return Answer("", thought=True) if _STILL_THINKING.search(error.message) else error

    async def _without(
        self, request: GenerationRequest, dialect: Dialect, refusal: InvalidInputError | EngineError
    ) -> tuple[Dialect, Answer]:
        """Leave out everything that the server refuses. Raises the last refusal if nothing helps."""
        changes = _changes(payload("", request, dialect))
        first = refusal
        while named := [change for change in changes if re.search(change.named, refusal.message, re.IGNORECASE)]:
            if len(named) > _MANY:
                break
            dialect = self._make(named, dialect)
            changes = [change for change in changes if change not in named]
            answer = await self._taken(request, dialect)
            if isinstance(answer, Answer):
                return dialect, answer
            refusal = answer
        bare = dialect
        for change in changes:
            bare = change.make(bare)
        if not isinstance(answer := await self._taken(request, bare), Answer):
            raise first if first.message == answer.message else answer
        needed = []
        for change in changes:
            others = dialect
            for other in changes:
                others = others if other is change else other.make(others)
            if not isinstance(await self._taken(request, others), Answer):
                needed.append(change)
        return self._make(needed, dialect), answer

    def _make(self, changes: Iterable[_Change], dialect: Dialect) -> Dialect:
        for change in changes:
            self.found.append((change.habit, change.told))
            dialect = change.make(dialect)
        return dialect

    async def _without_thinking(self, request: GenerationRequest, dialect: Dialect) -> Dialect:
        """Turn the model's thinking off, or leave room for it."""
        for extra in _AGAINST_THINKING:
            answer = await self._taken(request, replace(dialect, extra=extra))
            if isinstance(answer, Answer) and not answer.thought:
                self.found.append(("thinks", f"thinks before it answers; that is turned off by {json.dumps(extra)}"))
                return replace(dialect, extra=extra)
        told = "thinks before it answers, and that can't be turned off from here, so replies come late"
        self.found.append(("thinks", told))
        return replace(dialect, thinks=True)

    async def _json(self, dialect: Dialect) -> Dialect:
        """The dialect, with the way to request JSON. The server may refuse a schema, or accept and ignore it."""
        for mode in _FORCING:
            tried = replace(dialect, json_mode=mode)
            answer = await self._taken(_FORCED_JSON, tried)
            if isinstance(answer, Answer) and document_in(answer.text, _OTHER_SCHEMA):
                if mode == "object_with_schema":
                    self.found.append(("schema_in_json_object", "refuses json_schema; schemas go into json_object"))
                return tried
        tried = replace(dialect, json_mode="object")
        answer = await self._taken(_JSON, tried)
        if isinstance(answer, Answer) and _is_object(answer.text):
            self.found.append(("refuses_json_schema", "refuses or ignores JSON schemas; they are given in words"))
            return tried
        self.found.append(("refuses_response_format", "refuses response_format; JSON is asked for in words"))
        return replace(dialect, json_mode="words")


def _changes(body: Mapping[str, Any]) -> list[_Change]:
    """The parts of this request that can be left out, in the order in which they are tried."""
    always = {"model", "messages", "stream", "max_tokens"}

    def without(name: str) -> _Change:
        return _Change(
            f"refuses_{name}",
            rf"\b{name.replace('_', '_?')}\b",  # xAI writes presencePenalty
            f"refuses {name}; requests leave it out",
            lambda dialect: replace(dialect, left_out=dialect.left_out | {name}),
        )

    return [
        _Change(
            "wants_max_completion_tokens",
            r"\bmax_tokens\b",
            "refuses max_tokens; requests have max_completion_tokens instead",
            lambda dialect: replace(dialect, completion_tokens=True),
        ),
        *(without(name) for name in body if name not in always),
        _Change(
            "refuses_system_role",
            r"\bsystem\b.*\brole|\brole\b.*\bsystem|only user and assistant roles",
            "refuses system messages; they go into the learner's first message",
            lambda dialect: replace(dialect, has_system=False),
        ),
    ]


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
