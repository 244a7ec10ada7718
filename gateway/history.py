"""What was said in a conversation. The session store keeps it, prompts contain it, and the analysis reads it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Level = Literal["beginner", "intermediate", "advanced"]
CefrLevel = Literal["A1", "A2", "B1", "B2", "C1", "C2"]


class StoredModel(BaseModel):
    """An immutable value that the session store keeps as JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Word(StoredModel):
    """A word and its time in seconds, counted from the start of its turn. `confidence` is 0 to 1, None if unknown."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None = None


class LearnerTurn(StoredModel):
    """What the learner said (or typed) in one go.

    started_s: seconds since the conversation began at which the voice began. duration_s: from its first to its last
    voiced sample, 0 for a typed turn. words: of a spoken turn, with times; empty for a typed one.
    """

    role: Literal["learner"] = "learner"
    turn_id: str
    text: str
    started_s: float
    duration_s: float = 0.0
    words: tuple[Word, ...] = ()
    typed: bool = False


class PartnerTurn(StoredModel):
    """What the learner heard of one reply of the partner.

    text: the words heard. generated_text: all that the model wrote. interrupted: the learner cut it short.
    started_s: seconds since the conversation began at which its audio began; duration_s: seconds of it heard.
    words: heard, with times. latency_ms: stage → milliseconds, as in `turn_complete`.
    """

    role: Literal["partner"] = "partner"
    turn_id: str
    text: str
    generated_text: str
    interrupted: bool = False
    started_s: float
    duration_s: float = 0.0
    words: tuple[Word, ...] = ()
    latency_ms: dict[str, float] = Field(default_factory=dict)


Turn = LearnerTurn | PartnerTurn


class SessionTask(StoredModel):
    """Something to get done in a session's scenario. said: the words that show it; see `gateway.scenarios.signs`."""

    id: str
    text: str
    said: tuple[tuple[str, ...], ...]


class SessionScenario(StoredModel):
    """What a session keeps of its scenario, so that it also goes on at a gateway that does not have the scenario.

    The fields are those of `gateway.scenarios.Scenario`.
    """

    id: str
    title: str
    language: str
    partner: str
    learner: str
    setting: str
    facts: str | None = None
    goal: str
    opening: str
    phrases: tuple[str, ...]
    tasks: tuple[SessionTask, ...]


class Memory(StoredModel):
    """What the model is told of a long conversation.

    left_out: so many turns at the beginning are not in the prompt. told: the summary in the prompt. summary: the newest
    one, which gets into the prompt after the next reply; it is of the first `summarised` turns.
    """

    left_out: int = 0
    told: str = ""
    summary: str = ""
    summarised: int = 0


class SessionState(StoredModel):
    """A session as Redis keeps it, without its turns.

    created_at: seconds since 1970. owner: the gateway that serves it. epoch: counts the connections it has had; only
    the newest may write. usual_pause_ms: how long the learner usually pauses within turns, 0 if unknown. instructions:
    to the partner, from a client that brings its own; at most one of these and `scenario` is set. is_plain: those
    instructions are all that the model is told, without the level and the language. partner_begins: the partner speaks
    first. state: `open`, or `ended` once its analysis was sent.
    """

    session_id: str
    created_at: float
    level: Level = "intermediate"
    language: str = "en"
    voice: str = ""
    owner: str = ""
    epoch: int = 1
    usual_pause_ms: int = 0
    memory: Memory = Memory()
    instructions: str = ""
    is_plain: bool = False
    scenario: SessionScenario | None = None
    partner_begins: bool = False
    state: Literal["open", "ended"] = "open"
