"""Asks the language model for a JSON document of a given shape, and copes with unusable answers.

The shape's JSON Schema goes with the question, so that a server that supports it generates nothing else. The schema
bounds lengths, to keep a weak model from writing without end. The question asks for much shorter texts, because a text
that reaches a bound is cut in mid-sentence. This module tolerates prose or a code fence around the answer, and strings
that are too long. The caller then judges the answer. After an unusable answer the question is asked once more; after a
second one the part is missing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, WithJsonSchema, create_model

from common.errors import BusyError, ServiceError
from gateway.analysis.remarks import Remark
from gateway.history import CefrLevel
from gateway.ports import ChatMessage, Llm

MAX_CORRECTIONS = 6
MAX_STEPS = 3
BUSY_PAUSE_S = 2.0

_TEMPERATURES = (0.2, 0.7)  # the second try has to differ from the first


class Answer(BaseModel):
    """The shape of an answer. Unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra={"additionalProperties": False})


_TEXT = {"type": "string", "minLength": 1}
ShortText = Annotated[str, WithJsonSchema(_TEXT | {"maxLength": 200})]
LongText = Annotated[str, WithJsonSchema(_TEXT | {"maxLength": 600})]


class CorrectionsAnswer(Answer):
    """The sentences that were asked about, in order, without mistakes."""

    corrected: list[str]


class ReasonsAnswer(Answer):
    """Why each correction was made, in order."""

    reasons: list[str]


class MeaningsAnswer(Answer):
    """What each word means, in order."""

    meanings: list[str]


class NoteAnswer(Answer):
    """What a piece of the conversation was about."""

    about: ShortText


class FeedbackAnswer(Answer):
    """What to tell the learner about the conversation."""

    summary: LongText
    next_steps: Annotated[
        list[str],
        WithJsonSchema({"type": "array", "minItems": 1, "maxItems": MAX_STEPS, "items": _TEXT | {"maxLength": 200}}),
    ]
    cefr: CefrLevel
    cefr_because: ShortText


class NoAnswerError(Exception):
    """The language model gave no usable answer; `reason` says why, in words for the learner.

    may_go_on: the model did answer, so another question may succeed.
    """

    def __init__(self, reason: Remark, *, may_go_on: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_go_on = may_go_on


class Clock:
    """The time that the language model has, counted from the construction of this object."""

    def __init__(self, timeout_s: float) -> None:
        self._began_s = time.monotonic()
        self._timeout_s = timeout_s

    @property
    def elapsed_s(self) -> float:
        """Seconds since the construction."""
        return time.monotonic() - self._began_s

    def left_s(self, share: float = 1.0) -> float:
        """Seconds until that share of the time is over."""
        return share * self._timeout_s - self.elapsed_s


Shape = TypeVar("Shape", bound=Answer)
Result = TypeVar("Result")


@lru_cache(maxsize=64)
def of_length(shape: type[Shape], count: int, *, max_length: int) -> type[Shape]:
    """`shape`, whose only field is a list of texts, restricted to exactly `count` texts of at most `max_length`
    characters."""
    (name,) = shape.model_fields
    text = {"type": "string", "minLength": 1, "maxLength": max_length}
    items = {"type": "array", "minItems": count, "maxItems": count, "items": text}
    field: Any = (Annotated[list[str], WithJsonSchema(items)], ...)
    return create_model(shape.__name__, __base__=shape, **{name: field})


@lru_cache(maxsize=64)
def _schema_of(shape: type[Answer]) -> str:
    return json.dumps(shape.model_json_schema())


async def ask(
    llm: Llm,
    question: Sequence[ChatMessage],
    shape: type[Shape],
    judge: Callable[[Shape], Result | None],
    *,
    max_tokens: int,
    timeout_s: float,
    gives_way: bool = False,
) -> Result:
    """The result of `judge` for the model's answer. None from `judge` means that the answer is nonsense.

    gives_way: the question is given up as soon as a reply to a learner needs the model. Raises NoAnswerError if the
    model fails, takes longer than `timeout_s` in all, gives way, or writes nonsense twice.
    """
    schema = _schema_of(shape)
    async with answering(timeout_s):
        for temperature in _TEMPERATURES:
            asked = partial(
                llm.generate,
                question,
                max_tokens=max_tokens,
                temperature=temperature,
                json_schema=schema,
                gives_way=gives_way,
            )
            text = await patiently(asked, gives_way=gives_way)
            answer = read(text, shape)
            result = judge(answer) if answer is not None else None
            if result is not None:
                return result
    raise NoAnswerError(Remark("unusable_twice"), may_go_on=True)


@asynccontextmanager
async def answering(timeout_s: float) -> AsyncIterator[None]:
    """In the block, questions are asked: their errors, and the end of the time, become NoAnswerError."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise NoAnswerError(Remark("too_late")) from None
    except ServiceError as error:
        raise NoAnswerError(Remark("model_failed", message=error.message)) from error


async def patiently(
    question: Callable[[], Awaitable[Result]], *, gives_way: bool, pause_s: float = BUSY_PAUSE_S
) -> Result:
    """The answer to the question. While learners use the model, the question is asked again after each pause, unless it
    gives way. Raises ServiceError."""
    while True:
        try:
            return await question()
        except BusyError:
            if gives_way:
                raise
            await asyncio.sleep(pause_s)


def read(text: str, shape: type[Shape]) -> Shape | None:
    """The JSON object in `text` as `shape`; None if there is none, or of another shape."""
    start, end = text.find("{"), text.rfind("}")
    try:
        return shape.model_validate_json(text[start : end + 1]) if 0 <= start < end else None
    except ValidationError:
        return None
