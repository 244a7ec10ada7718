"""Learners' records in memory, behind the real routes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import FastAPI
from starlette.requests import Request

from gateway.admission.authenticator import Authenticator
from gateway.http_api.learner_routes import add_learner_routes
from gateway.ports import NoRecordError
from gateway.ports.learner_record import ConversationProgress, Erased, ExportedSession, LearnedWord, LearnerRecord

_BEGAN = datetime(2026, 9, 1, tzinfo=UTC)


@dataclass
class MemoryLearners:
    """`LearnerFiles` in memory, for any number of learners. keeps: whether a learner who agrees gets a record."""

    records: dict[str, LearnerRecord] = field(default_factory=dict)
    keeps: bool = True

    @property
    def app(self) -> FastAPI:
        """An app with the real routes, open to everybody."""
        app = FastAPI()
        add_learner_routes(app, _Open(), self)
        return app

    async def agree(self, learner: str, session_id: str = "") -> str:
        if self.keeps:
            self.records.setdefault(learner, LearnerRecord(since=_BEGAN))
        return "a record" if self.keeps else ""

    async def keep_for_long(self, learner: str, record_id: str) -> None:
        pass

    async def is_kept(self, learner: str, record_id: str) -> bool:
        return learner in self.records

    async def words_due(self, learner: str, language: str, most: int) -> list[str]:
        return []

    async def add_conversation(
        self, learner: str, record_id: str, session_id: str, entry: ConversationProgress, words: Sequence[str]
    ) -> None:
        self._change(learner, conversations=(*self._of(learner).conversations, entry))

    async def read(self, learner: str) -> LearnerRecord | None:
        return self.records.get(learner)

    async def sessions(self, learner: str) -> AsyncIterator[ExportedSession]:
        return
        yield

    async def usual_pause_ms(self, learner: str) -> int:
        return 0

    async def word(self, learner: str, language: str, word: str) -> LearnedWord | None:
        kept = self.records[learner].words_to_learn if learner in self.records else ()
        return next((one for one in kept if one.word.casefold() == word.casefold()), None)

    async def put_word(self, learner: str, word: LearnedWord) -> None:
        others = [one for one in self._of(learner).words_to_learn if one.word != word.word]
        self._change(learner, words_to_learn=tuple(sorted([*others, word], key=lambda one: one.card.due)))

    async def drop_word(self, learner: str, language: str, word: str) -> bool:
        kept = self._of(learner).words_to_learn
        left = tuple(one for one in kept if one.word != word)
        self._change(learner, words_to_learn=left)
        return len(left) < len(kept)

    async def erase(self, learner: str) -> Erased:
        record = self.records.pop(learner, LearnerRecord(since=_BEGAN))
        counts = len(record.conversations), len(record.words_used), len(record.words_to_learn)
        return Erased(
            conversations=counts[0], words_used=counts[1], words_to_learn=counts[2], sessions=0, usual_pause=False
        )

    def _of(self, learner: str) -> LearnerRecord:
        if learner not in self.records:
            raise NoRecordError
        return self.records[learner]

    def _change(self, learner: str, **changes: object) -> None:
        self.records[learner] = self._of(learner).model_copy(update=changes)


class _Open:
    authenticator = Authenticator()

    @asynccontextmanager
    async def client(self, request: Request, *, stores: bool = False) -> AsyncIterator[None]:
        yield
