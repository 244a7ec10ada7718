"""Who the partner is: what the model is told for each level, and how a history becomes its messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.history import LearnerTurn, Level, PartnerTurn, Turn
from gateway.ports import ChatMessage

LANGUAGE_NAMES = {
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "zh": "Chinese",
}


@dataclass(frozen=True, slots=True)
class Manner:
    """How the partner speaks to a learner of one level, and how patiently it waits.

    speed: 1 is the voice's own pace. patience: see `Patience.factor`.
    """

    instructions: str
    speed: float
    patience: float
    max_tokens: int


# Short and plain, with the question last: the bundled model is small, and recites longer rules instead of following
# them.
MANNERS: dict[Level, Manner] = {
    "beginner": Manner(
        "Say what is wrong in the user's {language} again in good {language}. "
        "Answer what the user says with one or two short sentences in very simple {language}. "
        "Then ask the user one easy question.",
        speed=0.85,
        patience=1.5,
        max_tokens=70,
    ),
    "intermediate": Manner(
        "Say what is wrong in the user's {language} again in good {language}. "
        "Answer what the user says with two or three sentences in everyday {language}. "
        "Then ask the user one question.",
        speed=0.95,
        patience=1.0,
        max_tokens=100,
    ),
    "advanced": Manner(
        "Say what could be better in the user's {language}. "
        "Answer what the user says with two to four sentences in natural, idiomatic {language}. "
        "Then ask for the user's opinion.",
        speed=1.0,
        patience=0.85,
        max_tokens=150,
    ),
}

# They tell the model that it was interrupted: CUT_MARK ends its words, INTERRUPTING comes before the learner's.
CUT_MARK = " —"
INTERRUPTING = "(interrupting you) "
# Stands for the learner's words while they are unknown, as a chat template wants the user's message last.
SOMETHING = "Hello."


def system_prompt(level: Level, language: str) -> str:
    """The system message. It depends on level and language only, so that the model server's prefix cache holds it."""
    name = LANGUAGE_NAMES.get(language.partition("-")[0].lower(), language)
    return (
        f"You are Joe, a kind friend of the user. You talk together, in {name}. "
        f"{MANNERS[level].instructions.format(language=name)}"
    )


def messages_for(
    turns: Sequence[Turn], learner_says: str, *, level: Level, language: str, max_chars: int
) -> list[ChatMessage]:
    """The prompt for the reply to `learner_says`: the system message, the history as it was heard, the new words.

    When the history is longer than `max_chars`, the oldest turns are left out, eight at a time. The prefix then stays
    the same, and cached, for many turns.
    """
    system = ChatMessage("system", system_prompt(level, language))
    first = 0
    while sum(len(turn.text) for turn in turns[first:]) + len(learner_says) > max_chars and first < len(turns):
        first += 8
    messages = [system]
    for turn in (*turns[first:], LearnerTurn(turn_id="", text=learner_says, started_s=0)):
        _append(messages, turn)
    return messages


def _append(messages: list[ChatMessage], turn: Turn) -> None:
    """Add a turn. Successive turns of one speaker become one message, as chat templates want."""
    match turn:
        case PartnerTurn(text="") | LearnerTurn(text=""):
            return
        case PartnerTurn():
            role, content = "assistant", turn.text + (CUT_MARK if turn.interrupted else "")
        case LearnerTurn():
            role, content = "user", (INTERRUPTING if messages[-1].content.endswith(CUT_MARK) else "") + turn.text
    last = messages[-1]
    if last.role == role:
        messages[-1] = ChatMessage(last.role, f"{last.content} {content}")
    else:
        messages.append(ChatMessage("assistant" if role == "assistant" else "user", content))
