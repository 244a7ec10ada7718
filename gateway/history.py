"""The values that describe a conversation: its turns and its state. The session store keeps them, prompts contain them,
and the analysis reads them. `conversation_record` holds the values of a running conversation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from common.errors import InvalidInputError
from gateway.tools import AUTO, Tool, ToolChoice

Level = Literal["beginner", "intermediate", "advanced"]
CefrLevel = Literal["A1", "A2", "B1", "B2", "C1", "C2"]
CEFR_LEVELS: tuple[CefrLevel, ...] = get_args(CefrLevel)


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
    """One turn of the learner, spoken or typed.

    started_s: when the voice began or the typed text came, in seconds since the conversation began. duration_s: from
    the first to the last voiced sample, 0 for a typed turn. words: of a spoken turn, with times; empty for a typed one.
    language: the language that recognition heard, a BCP-47 tag; empty if the turn is typed, or if recognition doesn't
    say. answered_text: the text that was first understood and answered, if `text` has changed since; otherwise empty.
    """

    role: Literal["learner"] = "learner"
    turn_id: str
    text: str
    started_s: float
    duration_s: float = 0.0
    words: tuple[Word, ...] = ()
    typed: bool = False
    language: str = ""
    answered_text: str = ""

    @property
    def prompt_text(self) -> str:
        """The text for the language model. It never changes, so the model need not read the conversation again."""
        return self.answered_text or self.text


class Call(StoredModel):
    """A call of a tool that the partner made. arguments: JSON text. output: the call's result; None: none yet."""

    id: str
    name: str
    arguments: str
    output: str | None = None


class PartnerTurn(StoredModel):
    """One turn of the partner: the part of a reply that the learner heard, or a call of a tool.

    text: the words heard. generated_text: all that the model wrote. interrupted: the learner cut it short. started_s:
    when its audio began, in seconds since the conversation began; duration_s: seconds of audio that the learner heard.
    words: those that the learner heard, with times. latency_ms: stage → milliseconds, as in `turn_complete`. call: the
    call of a tool; such a turn has no text.
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
    call: Call | None = None


Turn = LearnerTurn | PartnerTurn
TURN: TypeAdapter[Turn] = TypeAdapter(Turn)
"""Reads and writes a turn as JSON."""


def call_in(turn: Turn) -> Call | None:
    """The call of a tool, if this turn is one; otherwise None."""
    return turn.call if isinstance(turn, PartnerTurn) else None


MAX_TURNS, MAX_CHARS = 5_000, 2_000_000
"""From this size on, a conversation takes no turns that cost its client nothing: typed ones, and items over the
Realtime API. 5,000 turns are about 14 hours of talk. Spoken turns are always taken, because they need time."""


def check_room(lengths: Iterable[int]) -> None:
    """Raises InvalidInputError if a conversation whose turns have these `lengths`, in characters, is full."""
    known = list(lengths)
    if len(known) >= MAX_TURNS or sum(known) >= MAX_CHARS:
        raise InvalidInputError(
            f"this conversation is full: it has {MAX_TURNS:,} turns or {MAX_CHARS:,} characters; begin another one",
            code="conversation_full",
        )


def length_of(turn: Turn) -> int:
    """The characters of the turn's text, or of the call's arguments and result."""
    call = call_in(turn)
    return len(turn.text) + (len(call.arguments) + len(call.output or "") if call else 0)


class SessionTask(StoredModel):
    """Something to get done in a session's scenario. said: the words that show it; see `gateway.scenarios.signs`."""

    id: str
    text: str
    said: tuple[tuple[str, ...], ...]


class SessionScenario(StoredModel):
    """The part of a scenario that its session keeps, so that a gateway without the scenario can continue the session.

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
    """What the prompts of a long conversation leave out, and the summary that replaces it.

    left_out: how many turns at the beginning are not in the prompt. told: the summary in the prompt. summary: the
    newest summary, which gets into the prompt after the next reply; it covers the first `summarised` turns.
    """

    left_out: int = 0
    told: str = ""
    summary: str = ""
    summarised: int = 0


CorrectionTime = Literal["aloud", "beside", "at the end"]
"""When the learner is corrected: aloud by the partner, in text beside the conversation, or in the analysis.

With "aloud", the corrections also appear as text beside the conversation.
"""


class SessionState(StoredModel):
    """A session as Redis keeps it, without its turns.

    created_at: seconds since 1970. owner: the gateway that serves it. epoch: the number of connections that the session
    has had; only the newest connection may write. usual_pause_ms: how long the learner usually pauses within turns, 0
    if unknown.

    instructions: a client's own instructions to the partner; at most one of `instructions` and `scenario` is set.
    is_plain: the model is told only these instructions, without the level and the language. partner_begins: the partner
    speaks first.

    tools: the client's tools, which the partner may use as tool_choice says. parallel_calls: whether one reply may
    contain several calls; None: the model server decides. confirms_tools: the client asks the learner to confirm calls.

    native_language: the learner's own, empty if unknown. corrections: when the learner is corrected (see
    `CorrectionTime`). practice_words: words that the learner should use again; the partner uses them. state:
    `open`, or `ended` once its analysis was sent.
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
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = AUTO
    parallel_calls: bool | None = None
    confirms_tools: bool = False
    native_language: str = ""
    corrections: CorrectionTime = "at the end"
    practice_words: tuple[str, ...] = ()
    state: Literal["open", "ended"] = "open"
