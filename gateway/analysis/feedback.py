"""The language model's words to the learner: which of them to pass on.

Whether they are true cannot be checked here; whether they are prose of its own can. A small model that is out of its
depth repeats itself, or the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.analysis.answers import MAX_STEPS, FeedbackAnswer, NoAnswerError, ask
from gateway.analysis.prompts import feedback_question
from gateway.analysis.sentences import clip, is_prose, one_line
from gateway.history import LearnerTurn, Level, Turn
from gateway.ports import ChatMessage, Llm

_SUMMARY_LENGTH = 800
_LINE_LENGTH = 240
_MAX_TOKENS = 450


@dataclass(frozen=True, slots=True)
class Feedback:
    """summary None, next_steps empty, impression None: that part was not fit to be shown."""

    summary: str | None
    next_steps: tuple[str, ...]
    impression: str | None


NO_FEEDBACK = Feedback(summary=None, next_steps=(), impression=None)


async def advise(
    turns: Sequence[Turn], facts: Sequence[str], llm: Llm, *, level: Level, language: str, timeout_s: float
) -> Feedback:
    """What the language model says to the learner. facts: measured, a sentence each. Raises NoAnswerError."""
    if not any(char.isalnum() for turn in turns if isinstance(turn, LearnerTurn) for char in turn.text):
        raise NoAnswerError("The learner said nothing.")
    question = feedback_question(turns, facts, level=level, language=language)

    def judge(answer: FeedbackAnswer) -> Feedback | None:
        return presentable(answer, question)

    return await ask(llm, question, FeedbackAnswer, judge, max_tokens=_MAX_TOKENS, timeout_s=timeout_s)


def presentable(answer: FeedbackAnswer, question: Sequence[ChatMessage]) -> Feedback | None:
    """What of the answer to `question` can be shown; None if neither a summary nor a next step."""
    asked = [one_line(message.content).casefold() for message in question]

    def fit(text: str) -> bool:
        return is_prose(text) and not any(text.casefold() in message for message in asked)

    summary, because = one_line(answer.summary), one_line(answer.cefr_because)
    steps = dict.fromkeys(step for step in map(one_line, answer.next_steps) if fit(step) and not step.endswith("?"))
    if not fit(summary) and not steps:
        return None
    impression = f"The language model's impression: {answer.cefr}. {clip(because, _LINE_LENGTH)}"
    return Feedback(
        summary=clip(summary, _SUMMARY_LENGTH) if fit(summary) else None,
        next_steps=tuple(clip(step, _LINE_LENGTH) for step in steps)[:MAX_STEPS],
        impression=impression if fit(because) else None,
    )
