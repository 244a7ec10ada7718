"""Asks the language model for its feedback to the learner, and decides which parts of it to show.

This module can't check whether a sentence is true, only whether it is complete, in the language that was asked for, and
not copied from the question. A model that is too small for the task repeats itself or the question, stops in
mid-sentence, or answers in English.

The question holds the last part of the conversation. The model first reads any earlier part in pieces and writes a note
on each piece; the question also holds these notes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.analysis.answer_language import LanguageCheck, check_of
from gateway.analysis.answers import MAX_STEPS, FeedbackAnswer, NoAnswerError, NoteAnswer, ask
from gateway.analysis.prompts import feedback_question, note_question, pieces_of
from gateway.analysis.remarks import Remark
from gateway.analysis.sentences import has_end, has_loop, is_list, is_prose, one_line, whole_sentences, without_number
from gateway.history import LearnerTurn, Level, Turn
from gateway.ports import ChatMessage, Llm

_SUMMARY_LENGTH = 600
_LINE_LENGTH = 200
_MAX_TOKENS = 450
_NOTE_TOKENS = 60


@dataclass(frozen=True, slots=True)
class Feedback:
    """A part that can't be shown is None, or empty for next_steps."""

    summary: str | None
    next_steps: tuple[str, ...]
    impression: str | None


NO_FEEDBACK = Feedback(summary=None, next_steps=(), impression=None)


async def advise(
    turns: Sequence[Turn],
    facts: Sequence[str],
    llm: Llm,
    *,
    level: Level,
    language: str,
    timeout_s: float,
    notes: Sequence[str] = (),
) -> Feedback:
    """The language model's feedback to the learner. facts: measured, a sentence each. notes: see `take_notes`.

    Raises NoAnswerError.
    """
    if not any(char.isalnum() for turn in turns if isinstance(turn, LearnerTurn) for char in turn.text):
        raise NoAnswerError(Remark("nothing_said"))
    question = feedback_question(turns, facts, level=level, language=language, notes=notes)

    is_in_language = await check_of(language)

    def judge(answer: FeedbackAnswer) -> Feedback | None:
        return presentable(answer, question, is_in_language)

    return await ask(llm, question, FeedbackAnswer, judge, max_tokens=_MAX_TOKENS, timeout_s=timeout_s)


async def take_notes(turns: Sequence[Turn], llm: Llm, *, language: str, timeout_s: float) -> list[str]:
    """A sentence about each piece of the conversation except the last one (`pieces_of`); none if there is only one.

    A piece has no note if the model's answer is useless, or once the model fails or no time is left.
    """
    until_s = time.monotonic() + timeout_s
    is_in_language = await check_of(language)

    def judge(answer: NoteAnswer) -> str | None:
        line = _line(answer.about)
        return line if line and is_in_language(line) else None

    notes: list[str] = []
    for lines in pieces_of(turns)[:-1]:
        try:
            notes.append(
                await ask(
                    llm,
                    note_question(lines, language=language),
                    NoteAnswer,
                    judge,
                    max_tokens=_NOTE_TOKENS,
                    timeout_s=until_s - time.monotonic(),
                )
            )
        except NoAnswerError as error:
            if not error.may_go_on:
                break
    return notes


def presentable(
    answer: FeedbackAnswer, question: Sequence[ChatMessage], is_in_language: LanguageCheck
) -> Feedback | None:
    """The parts of the answer to `question` that can be shown; None if neither the summary nor a next step can."""
    asked = [one_line(message.content).casefold() for message in question]

    def own(text: str | None) -> str | None:
        if text is None or any(text.casefold() in message for message in asked):
            return None
        return text if is_in_language(text) else None

    summary = own(_summary(answer.summary))
    steps = dict.fromkeys(step for step in map(own, map(_line, answer.next_steps)) if step and not step.endswith("?"))
    if summary is None and not steps:
        return None
    because = own(_line(answer.cefr_because))
    return Feedback(
        summary=summary,
        next_steps=tuple(steps)[:MAX_STEPS],
        impression=f"The language model's impression: {answer.cefr}. {because}" if because else None,
    )


def _line(text: str) -> str | None:
    """`text` on one line, without a number before it, if it is complete and says something."""
    line = without_number(one_line(text))
    fits = is_prose(line) and has_end(line) and not has_loop(line) and not is_list(line)
    return line if fits and len(line) < _LINE_LENGTH else None


def _summary(text: str) -> str | None:
    """The whole sentences of `text`, if they say something."""
    whole = whole_sentences(without_number(one_line(text)))
    fits = is_prose(whole) and not has_loop(whole) and not is_list(whole)
    return whole if fits and len(whole) <= _SUMMARY_LENGTH else None
