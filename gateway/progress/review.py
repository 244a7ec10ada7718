"""Decides when a word is due again, with FSRS (Ye et al., 2022; the package `fsrs`).

The learner rates how well they remembered a word that was due. FSRS then sets the next review to a time when the
learner probably (90 %) still remembers the word.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import fsrs

from common.languages import base
from gateway.ports.learner_record import Card, LearnedWord, Rating, WordToKeep

# Without fuzzing, the same reviews always lead to the same times.
_SCHEDULER = fsrs.Scheduler(enable_fuzzing=False)
_RATINGS: dict[Rating, fsrs.Rating] = {
    "again": fsrs.Rating.Again,
    "hard": fsrs.Rating.Hard,
    "good": fsrs.Rating.Good,
    "easy": fsrs.Rating.Easy,
}


def new_word(wanted: WordToKeep, now: datetime) -> LearnedWord:
    """A word to learn, which is due at once."""
    return LearnedWord(**wanted.model_dump(), kept_at=now, card=Card(due=now))


def reviewed(word: LearnedWord, rating: Rating, now: datetime) -> LearnedWord:
    """The word after a review. Only `card` and `reviews` change."""
    kept = word.card
    state = fsrs.State(kept.state)
    before = fsrs.Card(1, state, kept.step, kept.stability, kept.difficulty, kept.due, kept.last_review)
    after, _ = _SCHEDULER.review_card(before, _RATINGS[rating], now)
    card = Card.model_validate(after.to_dict())
    return word.model_copy(update={"card": card, "reviews": word.reviews + 1})


def due(words: Iterable[LearnedWord], now: datetime, language: str = "") -> list[LearnedWord]:
    """The words that are due, the longest overdue first. language: restricts the result to this language, whatever the
    region."""
    spoken = _spoken(language)
    waiting = [one for one in words if one.card.due <= now and (not language or _spoken(one.language) == spoken)]
    return sorted(waiting, key=lambda one: (one.card.due, one.word))


def _spoken(language: str) -> str:
    return base(language)
