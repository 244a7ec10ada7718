"""Sums a learner's record up, for GET /learner/progress."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from common.languages import base
from gateway.history import StoredModel
from gateway.ports.learner_record import ConversationProgress, Count, LearnedWord, LearnerRecord, Mistake, MistakeKind
from gateway.progress.mistakes import TITLES
from gateway.progress.review import due

_EXAMPLES = 3


class RecurringMistake(StoredModel):
    """A kind of mistake in one language.

    conversations: how many had such a mistake. examples: the latest mistakes, newest first, each once.
    """

    kind: MistakeKind
    title: str
    language: str
    count: Count
    conversations: Count
    last_at: datetime
    examples: tuple[Mistake, ...]


class WordsUsed(StoredModel):
    """How many different words the learner has used in one language."""

    language: str
    words: Count


class LearnerProgress(StoredModel):
    """The answer of GET /learner/progress. kept: whether there is a record; without one, the rest is empty.

    mistakes: the kind that occurred in the most conversations comes first. due: how many of `words_to_learn` are due.
    """

    kept: bool
    since: datetime | None = None
    conversations: tuple[ConversationProgress, ...] = ()
    mistakes: tuple[RecurringMistake, ...] = ()
    words_used: tuple[WordsUsed, ...] = ()
    words_to_learn: tuple[LearnedWord, ...] = ()
    due: Count = 0


def overview(record: LearnerRecord | None, now: datetime) -> LearnerProgress:
    """The summary of a record. record: None if nothing is kept."""
    if record is None:
        return LearnerProgress(kept=False)
    return LearnerProgress(
        kept=True,
        since=record.since,
        conversations=record.conversations,
        mistakes=tuple(recurring(record.conversations)),
        words_used=tuple(
            WordsUsed(language=language, words=len(words)) for language, words in sorted(record.words_used.items())
        ),
        words_to_learn=record.words_to_learn,
        due=len(due(record.words_to_learn, now)),
    )


def recurring(conversations: Sequence[ConversationProgress]) -> list[RecurringMistake]:
    """The kinds of mistakes; the kind that occurred in the most conversations comes first. conversations: oldest
    first."""
    made: defaultdict[tuple[str, MistakeKind], list[tuple[ConversationProgress, Mistake]]] = defaultdict(list)
    for conversation in conversations:
        for mistake in conversation.mistakes:
            made[base(conversation.language), mistake.kind].append((conversation, mistake))
    found = [
        RecurringMistake(
            kind=kind,
            title=TITLES[kind],
            language=language,
            count=len(each),
            conversations=len({id(conversation) for conversation, _ in each}),
            last_at=each[-1][0].ended_at,
            examples=_examples([mistake for _, mistake in each]),
        )
        for (language, kind), each in made.items()
    ]
    return sorted(found, key=lambda one: (-one.conversations, -one.count, one.kind))


def _examples(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    """The latest mistakes, the newest first, each once."""
    different = {(one.original.casefold(), one.corrected.casefold()): one for one in reversed(mistakes)}
    return tuple(different.values())[:_EXAMPLES]
