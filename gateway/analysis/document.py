"""The document in the `analysis` message. docs/schemas/analysis.schema.json is generated from here.

Times are seconds; those named `started_s` count from the beginning of the conversation. A share is 0 to 1. Unless its
field says otherwise, `null` means "could not be measured", never zero; if that needs an explanation, `unavailable` has
it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.analysis.remarks import Remark
from gateway.history import CefrLevel, Level
from gateway.json_schema import schema_of

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Zipf = Annotated[float, Field(ge=0, le=9)]
Confidence = Literal["low", "medium", "high"]
Part = Literal["summary", "cefr", "rarity", "fillers", "grammar", "meanings", "next_steps", "goals"]


class Section(BaseModel):
    """A part of the document."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Told(Section):
    """A sentence of the document as a code, for a page in another language. docs/analysis.md lists the codes."""

    code: str
    values: dict[str, str | int | float]

    @classmethod
    def of(cls, sentence: str) -> Told | None:
        """None: the language model wrote the sentence."""
        return cls(code=sentence.code, values=sentence.values) if isinstance(sentence, Remark) else None


class Conversation(Section):
    """The analysed conversation."""

    language: str = Field(description="The practised language, a BCP-47 tag.")
    level: Level = Field(description="The level that was set.")
    duration_s: Seconds
    learner_turns: Count = Field(description="Spoken and typed.")
    typed_turns: Count
    partner_turns: Count
    interruptions: Count = Field(description="How often the learner cut the partner short.")


class Cefr(Section):
    """A rule of thumb over the measured numbers, not an examination. docs/analysis.md has the rule."""

    estimate: CefrLevel | None = Field(
        description="null: no level can be named, for example because too little was said; `unavailable.cefr` says why."
    )
    confidence: Confidence | None = Field(
        description="Higher if more was said, and if the signs agree better; always `low` for languages other than "
        "English. null: no level is named."
    )
    evidence: tuple[str, ...] = Field(description="What the estimate is based on, one sentence each.")
    evidence_codes: tuple[Told | None, ...] = Field(
        (), description="The same sentences as codes; null for a sentence that the language model wrote."
    )


class Pauses(Section):
    """Silences of at least 0.25 s between two words of one turn."""

    count: Count
    total_s: Seconds
    mean_s: Seconds | None
    longest_s: Seconds | None
    per_minute: Rate | None = Field(description="Pauses per minute of speaking time.")


class Fillers(Section):
    """um, uh, you know and the like in spoken turns, if speech recognition writes them down."""

    count: Count
    per_100_words: Rate | None
    by_filler: dict[str, Count] = Field(description="Filler → how often, most frequent first.")


class Fluency(Section):
    """Measures of the spoken turns, from the audio and the word times. Without spoken turns, `turns`, `words` and
    `speaking_time_s` are 0 and the rest is null."""

    turns: Count
    words: Count = Field(description="Without hesitation sounds such as um.")
    speaking_time_s: Seconds = Field(description="From the first to the last sound of each turn, pauses included.")
    words_per_minute: Rate | None = Field(description="Speech rate: words per minute of speaking time.")
    articulation_rate_wpm: Rate | None = Field(description="Words per minute of speaking time without its pauses.")
    mean_words_per_turn: Rate | None
    pauses: Pauses | None = Field(description="null: speech recognition gave no word times.")
    fillers: Fillers | None = Field(
        description="null: none was written down, which need not mean that none was said; see `unavailable.fillers`."
    )
    share_of_talk: Share | None = Field(
        description="The learner's part of all the time in which someone spoke; null: the learner did not speak."
    )
    mean_response_time_s: Seconds | None = Field(
        description="From the end of the partner's turn to the start of the learner's; interrupted turns don't count."
    )


class RarityBand(Section):
    """Words grouped by their frequency in the language, on the Zipf scale (log10 of uses per 10⁹ words)."""

    name: Literal["most_common", "common", "less_common", "rare", "unknown"]
    zipf_from: Zipf = Field(description="Inclusive.")
    zipf_below: Zipf = Field(
        description="Exclusive. The band `unknown` holds slips, misheard words and the very rarest."
    )
    words: Count = Field(description="Running words.")
    distinct_words: Count


class RatedWord(Section):
    """A word and its frequency on the Zipf scale."""

    word: str
    zipf: Zipf


class Rarity(Section):
    """How rare the learner's words are. Names and numbers are left out."""

    mean_zipf: Zipf | None
    bands: tuple[RarityBand, ...]
    rarest_words: tuple[RatedWord, ...] = Field(
        description="At most ten words below Zipf 4.5, rarest first, without those in the band `unknown`."
    )


class WordToLearn(Section):
    """A word that the partner used and the learner did not. Its frequency suits the level."""

    word: str
    zipf: Zipf
    heard_in: str = Field(description="The partner's sentence.")
    meaning: str | None = Field(None, description="By the language model, in easier words; null: it gave none.")


class Vocabulary(Section):
    """Measures of the words in all turns of the learner, spoken and typed."""

    unit: Literal["word", "character"] = Field(
        description="What is counted here and in `fluency`: characters where words cannot be told apart."
    )
    words: Count
    distinct_words: Count
    variety: Share | None = Field(description="MATTR over windows of 50 words; null when fewer were said.")
    mean_words_per_turn: Rate | None
    rarity: Rarity | None
    words_to_learn: tuple[WordToLearn, ...] = Field(description="Most frequent first.")


class Correction(Section):
    """One mistake and its correction."""

    original: str = Field(description="What the learner said, letter for letter a part of `sentence`.")
    corrected: str
    why: str = Field(
        description="The reason. A language model writes it in the practised language. The reason of a rule, or of a "
        "correction by the bundled model, is in the learner's native language if the page speaks that language, "
        "otherwise in English. Empty: there is no usable reason."
    )
    why_code: Told | None = Field(None, description="The reason as a code, unless a language model wrote it.")
    turn_id: str
    sentence: str = Field(description="The learner's sentence in which it was said.")
    by: Literal["model", "rule"] = Field("model", description="Who found it: the language model, or one of our rules.")


class Grammar(Section):
    """Mistakes that the language model and the rules found; docs/analysis.md says which of the model's
    corrections count."""

    corrections: tuple[Correction, ...] = Field(description="At most six, in the order in which they were said.")
    words_checked: Count = Field(
        description="How many of the learner's words the language model has checked; fewer than were said if time ran "
        "out, or if its answers were not usable."
    )
    corrections_per_100_words: Rate | None


class TaskOutcome(Section):
    """Whether the learner did one of the scenario's tasks: the measurement and, separately, the model's opinion."""

    id: str
    text: str = Field(description="What there was to do.")
    measured: bool = Field(description="The learner said words that show it. docs/scenarios.md has the rule.")
    turn_id: str | None = Field(description="The first of the learner's turns that shows it.")
    opinion: bool | None = Field(
        description="Whether the language model thinks that it was done; null: it gave no usable answer. If it gave "
        "none for any task, `unavailable.goals` says why."
    )


class Goals(Section):
    """The scenario's goal and its tasks."""

    scenario: str = Field(description="The scenario's id.")
    title: str
    goal: str
    tasks: tuple[TaskOutcome, ...]


class TimelinePause(Section):
    """A silence within a turn."""

    started_s: Seconds
    duration_s: Seconds


class TimelineTurn(Section):
    """One turn, for a picture of the conversation over time."""

    turn_id: str
    role: Literal["learner", "partner"]
    typed: bool
    interrupted: bool = Field(description="The learner cut this turn of the partner short.")
    started_s: Seconds
    duration_s: Seconds = Field(description="0 for a typed turn.")
    words: Count
    pauses: tuple[TimelinePause, ...] = Field(description="The learner's pauses, as in `fluency.pauses`.")
    language: str | None = Field(
        None, description="The language that recognition heard in the learner's turn, a BCP-47 tag; null: unknown."
    )


class Analysis(Section):
    """The analysis of a conversation."""

    version: Literal[1] = 1
    conversation: Conversation
    summary: str | None = Field(description="By the language model.")
    cefr: Cefr
    fluency: Fluency
    vocabulary: Vocabulary
    grammar: Grammar
    next_steps: tuple[str, ...] = Field(description="By the language model.")
    goals: Goals | None = Field(None, description="null: the conversation had no scenario.")
    timeline: tuple[TimelineTurn, ...]
    unavailable: dict[Part, str] = Field(description="Missing part → why, in words for the learner.")
    unavailable_codes: dict[Part, Told] = Field({}, description="The same reasons as codes.")
    pending: tuple[Part, ...] = Field(
        (), description="Parts that are still being made; empty in the final document, which `analysis` brings."
    )


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    return schema_of(Analysis, "serialization")
