"""Entries of a learner's record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.ports.learner_record import ConversationProgress, Mistake

_FIRST = datetime(2026, 11, 1, 18, tzinfo=UTC)


def an_entry(day: int = 1, *mistakes: Mistake, **changes: Any) -> ConversationProgress:
    """The entry of a conversation on this day of November."""
    fields: dict[str, Any] = {
        "ended_at": _FIRST + timedelta(days=day - 1), "language": "en", "level": "beginner", "duration_s": 300.0,
        "words": 180, "distinct_words": 90, "speaking_time_s": 120.0, "words_per_minute": 90.0,
        "pauses_per_minute": 14.0, "mean_pause_s": 0.8, "fillers_per_100_words": 4.0, "mean_response_time_s": 1.4,
        "cefr": "A2", "words_checked": 170, "corrections_per_100_words": 5.3, "mistakes": mistakes, "scenario": None,
    }  # fmt: skip
    return ConversationProgress.model_validate(fields | changes)
