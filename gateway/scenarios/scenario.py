"""The shape of a scenario. docs/schemas/scenario.schema.json is generated from here.

The roles (`partner`, `learner`) are phrases that continue "You are", so that the page and the prompt of a small
model can use them unchanged. `facts` holds what only the partner knows, which gives the learner a reason to ask.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from common.letters import SENTENCE_ENDS
from gateway.history import CEFR_LEVELS, CefrLevel, Level, SessionScenario
from gateway.json_schema import schema_of
from gateway.scenarios.signs import is_phrase, missing_groups

CEFR_OF: dict[Level, tuple[CefrLevel, ...]] = {
    "beginner": ("A1", "A2"),
    "intermediate": ("B1", "B2"),
    "advanced": ("C1", "C2"),
}
"""The CEFR levels that each level of a conversation stands for."""

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]


def _text(max_length: int) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=max_length)


Title = Annotated[str, _text(60)]
Line = Annotated[str, _text(160)]
Paragraph = Annotated[str, _text(400)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class LevelRange(_Part):
    """A range of CEFR levels, with both ends."""

    lowest: CefrLevel = Field(alias="from")
    highest: CefrLevel = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> LevelRange:
        if CEFR_LEVELS.index(self.lowest) > CEFR_LEVELS.index(self.highest):
            raise ValueError(f"`from` ({self.lowest}) is above `to` ({self.highest}); swap them")
        return self

    def __contains__(self, level: CefrLevel) -> bool:
        return CEFR_LEVELS.index(self.lowest) <= CEFR_LEVELS.index(level) <= CEFR_LEVELS.index(self.highest)


class Task(_Part):
    """Something to get done, and the words of the learner that show that it was done."""

    id: Id = Field(description="Unique in its scenario.")
    text: Line = Field(description="For the learner: what to do.")
    said: tuple[tuple[Line, ...], ...] = Field(
        min_length=1,
        description="Groups of phrases. The task is done once one turn of the learner has a phrase of each group. "
        "`cough*`: any word that begins with `cough`. `#`: a number in digits, or an English number word from two on.",
    )
    example: Line = Field(description="What a learner might say; it must have a phrase of each group.")

    @field_validator("said")
    @classmethod
    def _can_be_said(cls, said: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for group in said:
            if not group:
                raise ValueError("a group is empty; give it a phrase, or delete it")
            for phrase in group:
                if not is_phrase(phrase):
                    raise ValueError(f"{phrase!r} has no word in it; write words, or # for a number")
        return said

    @model_validator(mode="after")
    def _example_shows_it(self) -> Task:
        for group in missing_groups(self.said, self.example):
            raise ValueError(
                f"`example` has none of the phrases {', '.join(map(repr, group))}; change `example` or `said`"
            )
        return self


class Scenario(_Part):
    """A situation to talk in."""

    id: Id = Field(description="The file's name without .yaml.")
    title: Title
    language: str = Field(
        "en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="BCP-47 tag of the language of its texts."
    )
    levels: LevelRange
    partner: Line = Field(description='Who the partner is. Continues "You are": "Maya, who works in a café".')
    learner: Line = Field(description='Who the learner is. Continues "You are": "a customer".')
    setting: Paragraph = Field(description="Where and when, in one or two sentences for both learner and partner.")
    facts: Paragraph | None = Field(
        None, description="What only the partner is told: prices, times, plans. `you` is the partner here."
    )
    goal: Line = Field(description="What the learner wants to achieve; one sentence, addressed to the learner.")
    opening: Line = Field(description="What the partner says first, word for word.")
    phrases: tuple[Line, ...] = Field(
        min_length=5, max_length=8, description="Sentences that the learner can use as they are."
    )
    tasks: tuple[Task, ...] = Field(min_length=3, max_length=5)

    @field_validator("opening")
    @classmethod
    def _is_a_sentence(cls, opening: str) -> str:
        if not opening.endswith(tuple(SENTENCE_ENDS)):
            raise ValueError("it must end with a sentence mark, because it is spoken unchanged; add . ! or ?")
        return opening

    @field_validator("phrases")
    @classmethod
    def _differ(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        for phrase in phrases:
            if phrases.count(phrase) > 1:
                raise ValueError(f"{phrase!r} occurs twice; delete one")
        return phrases

    @field_validator("tasks")
    @classmethod
    def _ids_differ(cls, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        ids = [task.id for task in tasks]
        for one in ids:
            if ids.count(one) > 1:
                raise ValueError(f"two tasks have the id {one}; rename one")
        return tasks

    def suits(self, level: Level | CefrLevel) -> bool:
        """Whether part of `level` is in the scenario's range."""
        return any(one in self.levels for one in _cefr_levels(level))

    def for_session(self) -> SessionScenario:
        """The part that a session keeps."""
        return SessionScenario.model_validate(self.model_dump())

    def card(self) -> dict[str, Any]:
        """The part that a learner may see before the conversation: all but `facts`, and `said` and `example` of the
        tasks.

        `suits` is added: the levels of a conversation (`start.level`) that the scenario suits.
        """
        shown = self.model_dump(mode="json", exclude={"facts": True, "tasks": {"__all__": {"said", "example"}}})
        return shown | {"suits": [level for level in CEFR_OF if self.suits(level)]}


def _cefr_levels(level: Level | CefrLevel) -> tuple[CefrLevel, ...]:
    match level:
        case "beginner" | "intermediate" | "advanced":
            return CEFR_OF[level]
        case _:
            return (level,)


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a scenario's file."""
    return schema_of(Scenario, "validation")
