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
    """How the partner speaks to a learner of one level. speed: 1 is the voice's own pace."""

    instructions: str
    speed: float
    max_tokens: int


MANNERS: dict[Level, Manner] = {
    "beginner": Manner(
        "The learner is a beginner. Use only very common words. Write one or two sentences of at most eight words. "
        "If the learner makes a mistake, say the sentence again correctly, kindly, then go on. "
        "End with one easy question.",
        speed=0.85,
        max_tokens=60,
    ),
    "intermediate": Manner(
        "The learner is intermediate. Use everyday words, now and then a new one that its context explains. "
        "Write two or three sentences. Correct only mistakes that disturb, in passing. End with an open question.",
        speed=0.95,
        max_tokens=90,
    ),
    "advanced": Manner(
        "The learner is advanced. Speak naturally, with idioms and a rich vocabulary. Write two to four sentences. "
        "Point out a mistake or a more natural phrasing briefly, once. Question the learner's opinion.",
        speed=1.0,
        max_tokens=140,
    ),
}

INTERRUPTED_MARK = " —"


def system_prompt(level: Level, language: str) -> str:
    """The same for the whole of a level, so that the model server's prefix cache holds it."""
    name = LANGUAGE_NAMES.get(language.partition("-")[0].lower(), language)
    return (
        f"You are a friendly partner in a spoken conversation with someone who is learning {name}. Answer in {name}. "
        f"{MANNERS[level].instructions} "
        "Your words are spoken aloud: plain sentences only, no lists, no markdown, no emoji. "
        f'A reply of yours that ends in "{INTERRUPTED_MARK.strip()}" was interrupted there: the learner heard no more.'
    )


def messages_for(
    turns: Sequence[Turn], learner_says: str, *, level: Level, language: str, max_chars: int
) -> list[ChatMessage]:
    """The prompt for the reply to `learner_says`: system, what was heard so far, the new words.

    Older turns are left out, eight at a time, once all of it is longer than `max_chars`: the prefix then stays the same
    for many turns, and cached.
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
    """Add a turn; turns of one speaker in a row become one message, as chat templates want."""
    match turn:
        case PartnerTurn(text="") | LearnerTurn(text=""):
            return
        case PartnerTurn():
            role, content = "assistant", turn.text + (INTERRUPTED_MARK if turn.interrupted else "")
        case LearnerTurn():
            role, content = "user", turn.text
    last = messages[-1]
    if last.role == role:
        messages[-1] = ChatMessage(last.role, f"{last.content} {content}")
    else:
        messages.append(ChatMessage("assistant" if role == "assistant" else "user", content))
