"""The values of a learner's record. docs/schemas/learner.schema.json is generated from `LearnerExport`.

A rate or figure that is `null` could not be measured. Times are UTC, in ISO 8601.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.history import CefrLevel, Level, SessionState, StoredModel, Turn
from gateway.json_schema import schema_of

Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
WordText = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
LanguageTag = Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
MistakeKind = Literal[
    "article", "preposition", "determiner", "countability", "pronoun", "possessive", "reflexive", "conjunction",
    "negation", "auxiliary", "copula", "verb_tense", "verb_form", "agreement", "noun_number", "gender", "case",
    "adjective_ending", "comparison", "adverb", "particle", "politeness", "measure_word", "word_order", "word_form",
    "spelling", "word_choice", "missing_word", "extra_word",
]  # fmt: skip
"""The kinds of mistakes; `gateway.progress.mistakes` tells them apart."""
Rating = Literal["again", "hard", "good", "easy"]

MAX_NEW_WORDS = 100
"""At most this many new words of one conversation are listed; `new_words` counts all."""


class Mistake(StoredModel):
    """A corrected mistake. original, corrected: the few words that changed, not the sentence."""

    kind: MistakeKind
    original: str = Field(max_length=400)
    corrected: str = Field(max_length=400)


class ScenarioOutcome(StoredModel):
    """The scenario of a conversation. tasks_done: how many of the tasks the learner's words show to be done."""

    id: str
    title: str
    tasks_done: Count
    tasks: Count


class ConversationProgress(StoredModel):
    """What is kept of one conversation. docs/analysis.md says how each figure is measured.

    new_words: how many of the words were used for the first time; new_words_list: these words, the first 100.
    """

    ended_at: datetime
    language: LanguageTag
    level: Level
    duration_s: Rate
    unit: Literal["word", "character"] = "word"
    words: Count
    distinct_words: Count
    speaking_time_s: Rate
    words_per_minute: Rate | None
    pauses_per_minute: Rate | None
    mean_pause_s: Rate | None
    fillers_per_100_words: Rate | None
    mean_response_time_s: Rate | None
    cefr: CefrLevel | None
    words_checked: Count
    corrections_per_100_words: Rate | None
    mistakes: tuple[Mistake, ...]
    scenario: ScenarioOutcome | None
    new_words: Count = 0
    new_words_list: tuple[str, ...] = ()

    def with_new_words(self, words: Sequence[str], earlier: ConversationProgress | None) -> ConversationProgress:
        """The entry with its new words. earlier: the entry of the same conversation before it was resumed; None: it
        has none."""
        count = len(words) + (earlier.new_words if earlier else 0)
        listed = (*(earlier.new_words_list if earlier else ()), *words)[:MAX_NEW_WORDS]
        return self.model_copy(update={"new_words": count, "new_words_list": listed})


class Card(StoredModel):
    """How well a word is remembered, as the package `fsrs` keeps it. state: 1 learning, 2 review, 3 relearning."""

    state: Literal[1, 2, 3] = 1
    step: int | None = 0
    stability: Rate | None = None
    difficulty: Rate | None = None
    due: datetime
    last_review: datetime | None = None


class WordToKeep(BaseModel):
    """A word that the learner wants to learn. sentence: a sentence that contains the word."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    word: WordText
    language: LanguageTag = "en"
    sentence: str = Field("", max_length=400)
    meaning: str = Field("", max_length=400)


class LearnedWord(StoredModel):
    """A word that the learner keeps, and when it is due again."""

    word: WordText
    language: LanguageTag
    sentence: str = ""
    meaning: str = ""
    kept_at: datetime
    reviews: Count = 0
    card: Card


class LearnerRecord(StoredModel):
    """All that is kept of a learner, except the sessions and the usual pause. words_used: language → the words."""

    since: datetime
    conversations: tuple[ConversationProgress, ...] = Field((), description="The oldest first.")
    words_used: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    words_to_learn: tuple[LearnedWord, ...] = Field((), description="The one that is due first comes first.")


class ExportedSession(StoredModel):
    """A stored conversation with everything that was said."""

    state: SessionState
    turns: tuple[Turn, ...]


class LearnerExport(StoredModel):
    """All data of one learner."""

    version: Literal[1] = 1
    exported_at: datetime
    record: LearnerRecord | None = Field(description="null: the learner has not agreed to a record.")
    usual_pause_ms: Count = Field(description="How long the learner usually pauses within turns; 0: unknown.")
    sessions: tuple[ExportedSession, ...] = Field(description="The conversations that can still be resumed.")


class Erased(StoredModel):
    """What an erasure removed."""

    conversations: Count
    words_used: Count
    words_to_learn: Count
    sessions: Count
    usual_pause: bool


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of an export."""
    return schema_of(LearnerExport, "serialization")
