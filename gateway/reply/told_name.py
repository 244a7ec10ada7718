"""Keeps the bundled partner from asking for a name that the learner has told.

"Hello, I'm Ana." is what many learners say first, and a model of this size sometimes answers "Welcome, Ana! What's your
name?". The question is replaced by another one while the reply is written. Only the beginning of a sentence that could
become the question is held back, so other sentences come without a delay.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from gateway import metrics
from gateway.history import LearnerTurn, Turn
from gateway.ports import Writer, WritingEnd, WritingRequest
from gateway.tools import CallPiece

INSTEAD = "How are you today?"

_TELLS = re.compile(
    r"\b(?:[Mm]y (?:first )?name(?:'s| is)|[Cc]all me|I(?:'m| am) called|(?:I(?:'m| am)|[Tt]his is) (?=[A-Z][a-z]))"
)
_ASKS = tuple(
    f"{beginning}{words}?"
    for beginning in ("", "and ", "so ")
    for words in (
        "what's your name", "what is your name", "what's your first name", "what is your first name",
        "may i ask your name", "can i ask your name", "what are you called", "how should i call you",
    )
)  # fmt: skip
_BEFORE = ".!?,;:"
"""After one of these marks the question may begin."""


def has_told_name(turns: Iterable[Turn], learner_says: str) -> bool:
    """Whether the learner has told their name, now or before. "I'm German" counts, too; then a question for the name is
    needlessly replaced."""
    said = (turn.text for turn in turns if isinstance(turn, LearnerTurn))
    return any(_TELLS.search(text.replace("’", "'")) for text in (learner_says, *said))


class KnowsName:
    """A Writer that never asks for the learner's name. writer: the one that writes."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    @asynccontextmanager
    async def stream(
        self, request: WritingRequest, on_end: Callable[[WritingEnd], None] | None = None
    ) -> AsyncIterator[AsyncIterator[str | CallPiece]]:
        """See `Writer`."""
        async with self._writer.stream(request, on_end) as pieces:
            yield _without_the_question(pieces)


async def _without_the_question(pieces: AsyncIterator[str | CallPiece]) -> AsyncIterator[str | CallPiece]:
    last, held = ".", ""  # the mark before the text held back; empty: no question can begin here
    async for piece in pieces:
        if not isinstance(piece, str):
            yield piece
            continue
        passed = ""
        for char in piece:
            held += char
            plain = held.lower().replace("’", "'").lstrip()
            if last and plain in _ASKS:
                metrics.NAME_QUESTIONS.inc()
                space = held[: len(held) - len(plain)]
                passed += space + (INSTEAD[0].lower() + INSTEAD[1:] if last == "," else INSTEAD)
            elif last and any(question.startswith(plain) for question in _ASKS):
                continue
            else:
                passed += held
            last, held = char if char in _BEFORE else "", ""
        if passed:
            yield passed
    if held:
        yield held
