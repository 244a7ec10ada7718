"""Asking the language model for one JSON document of a given shape, and taking no for an answer.

The shape's JSON Schema goes with the question, so that a server that can will generate nothing else; its bounds on
lengths keep a small model from writing for ever. Here the answer is read generously (prose or a code fence around it,
a string too long), then judged by the caller. Unusable answers are asked for once more; after that the part is missing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, WithJsonSchema

from common.errors import ServiceError
from gateway.history import CefrLevel
from gateway.ports import ChatMessage, Llm

MAX_CORRECTIONS = 6
MAX_STEPS = 3

_TEMPERATURES = (0.2, 0.7)  # the second try has to differ from the first


class Answer(BaseModel):
    """Unknown fields are not asked for, and ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra={"additionalProperties": False})


ShortText = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 120})]
LongText = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 400})]


class CorrectionAnswer(Answer):
    original: ShortText
    corrected: ShortText
    why: ShortText


class CorrectionsAnswer(Answer):
    corrections: Annotated[
        list[CorrectionAnswer],
        WithJsonSchema({"type": "array", "maxItems": MAX_CORRECTIONS, "items": CorrectionAnswer.model_json_schema()}),
    ]


class FeedbackAnswer(Answer):
    summary: LongText
    next_steps: Annotated[
        list[str],
        WithJsonSchema(
            {"type": "array", "minItems": 1, "maxItems": MAX_STEPS, "items": {"type": "string", "maxLength": 140}}
        ),
    ]
    cefr: CefrLevel
    cefr_because: ShortText


class NoAnswerError(Exception):
    """The language model gave nothing that can be used; `reason` says why in words for the learner."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Shape = TypeVar("Shape", bound=Answer)
Result = TypeVar("Result")


async def ask(
    llm: Llm,
    question: Sequence[ChatMessage],
    shape: type[Shape],
    judge: Callable[[Shape], Result | None],
    *,
    max_tokens: int,
    timeout_s: float,
) -> Result:
    """What `judge` makes of the model's answer; None from it means that the answer is nonsense.

    Raises NoAnswerError if the model fails, takes longer than `timeout_s` in all, or writes nonsense twice.
    """
    schema = json.dumps(shape.model_json_schema())
    try:
        async with asyncio.timeout(timeout_s):
            for temperature in _TEMPERATURES:
                text = await llm.generate(question, max_tokens=max_tokens, temperature=temperature, json_schema=schema)
                answer = read(text, shape)
                result = judge(answer) if answer is not None else None
                if result is not None:
                    return result
    except TimeoutError:
        raise NoAnswerError("The language model did not answer in time.") from None
    except ServiceError as error:
        raise NoAnswerError(f"The language model failed: {error.message}") from error
    raise NoAnswerError("The language model wrote nothing usable, twice. A larger model does better.")


def read(text: str, shape: type[Shape]) -> Shape | None:
    """The JSON object in `text` as `shape`; None if there is none, or of another shape."""
    start, end = text.find("{"), text.rfind("}")
    try:
        return shape.model_validate_json(text[start : end + 1]) if 0 <= start < end else None
    except ValidationError:
        return None
