"""The port to the records of learners who agreed to be remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from common.errors import InvalidInputError
from gateway.ports.learner_record import ConversationProgress, Erased, ExportedSession, LearnedWord, LearnerRecord


class LearnerRecords(Protocol):
    """Keeps learners' progress. learner: the name that `learner_name` makes for them.

    `agree` returns the id of the record. A learner's erasure ends the record. Writes with the id of an erased record
    have no effect, so a conversation that goes on after the erasure writes nothing. All methods raise UnavailableError
    when the store can't be reached.
    """

    async def agree(self, learner: str, session_id: str = "") -> str:
        """The learner agrees to a record. Begins one, or continues the existing one. Returns its id; "" if none can be
        kept. The record is kept for long only once the learner has said something or kept a word.

        session_id: a conversation that belongs to the record, so that an erasure can delete it.
        """
        ...

    async def keep_for_long(self, learner: str, record_id: str) -> None:
        """Keep the record for long: the learner has said or typed something in a conversation that belongs to it."""
        ...

    async def is_kept(self, learner: str, record_id: str) -> bool:
        """Whether this record still exists: it was not erased and has not expired."""
        ...

    async def words_due(self, learner: str, language: str, most: int) -> list[str]:
        """The words of a language that are due, the longest overdue first; at most `most`."""
        ...

    async def add_conversation(
        self, learner: str, record_id: str, session_id: str, entry: ConversationProgress, words: Sequence[str]
    ) -> None:
        """Keep the entry of a conversation, or replace it. words: those that the learner used in it; the store finds
        out which of them are new."""
        ...


class LearnerFiles(LearnerRecords, Protocol):
    """The records, as learners read and change them.

    `put_word` and `drop_word` raise NoRecordError if there is no record.
    """

    async def read(self, learner: str) -> LearnerRecord | None:
        """The whole record; None if there is none."""
        ...

    def sessions(self, learner: str) -> AsyncIterator[ExportedSession]:
        """The stored conversations of the record, with their turns, one after the other."""
        ...

    async def usual_pause_ms(self, learner: str) -> int:
        """The learner's usual pause, which is kept without a record, too; 0: unknown."""
        ...

    async def word(self, learner: str, language: str, word: str) -> LearnedWord | None:
        """A word to learn; None if it isn't kept."""
        ...

    async def put_word(self, learner: str, word: LearnedWord) -> None:
        """Keep a word to learn, or replace it. Raises InvalidInputError if there are too many."""
        ...

    async def drop_word(self, learner: str, language: str, word: str) -> bool:
        """Forget a word to learn. Returns whether it was there."""
        ...

    async def erase(self, learner: str) -> Erased:
        """Delete the record, its conversations, and the usual pause. Safe to repeat if it fails half-way."""
        ...


class NoRecordError(InvalidInputError):
    """There is no record of this learner."""

    code = "no_record"

    def __init__(self) -> None:
        super().__init__(
            "there is no record of this learner; begin one: `PUT /learner` or `start` with `keep_progress`"
        )


class NoLearnerRecords:
    """The LearnerFiles of a gateway that keeps no records."""

    async def agree(self, learner: str, session_id: str = "") -> str:
        return ""

    async def keep_for_long(self, learner: str, record_id: str) -> None:
        pass

    async def is_kept(self, learner: str, record_id: str) -> bool:
        return False

    async def words_due(self, learner: str, language: str, most: int) -> list[str]:
        return []

    async def add_conversation(
        self, learner: str, record_id: str, session_id: str, entry: ConversationProgress, words: Sequence[str]
    ) -> None:
        raise NoRecordError

    async def read(self, learner: str) -> LearnerRecord | None:
        return None

    async def sessions(self, learner: str) -> AsyncIterator[ExportedSession]:
        return
        yield

    async def usual_pause_ms(self, learner: str) -> int:
        return 0

    async def word(self, learner: str, language: str, word: str) -> LearnedWord | None:
        return None

    async def put_word(self, learner: str, word: LearnedWord) -> None:
        raise NoRecordError

    async def drop_word(self, learner: str, language: str, word: str) -> bool:
        raise NoRecordError

    async def erase(self, learner: str) -> Erased:
        return Erased(conversations=0, words_used=0, words_to_learn=0, sessions=0, usual_pause=False)
