"""The prompt: what the model is told about the partner, examples, and the conversation so far, as messages.

    system                 who the partner is, and how it speaks to this level
    user, assistant, …     examples
    user, assistant, …     the conversation as it was heard
    user                   what the learner says now

The beginning stays the same from turn to turn, so that the model server's prefix cache holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.history import LearnerTurn, Level, PartnerTurn, Turn
from gateway.ports import ChatMessage
from gateway.reply.lines import lines_in
from gateway.reply.partner import JOE, MANNERS, Partner

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

# They tell the model that it was interrupted: CUT_MARK ends its words, INTERRUPTING comes before the learner's.
CUT_MARK = " —"
INTERRUPTING = "(interrupting you) "
# Stands for the learner's words while they are unknown, and before the words of a partner who speaks first, because a
# chat template wants the user's message first and last.
SOMETHING = "Hello."

# A small model sees the last 4 to 8 exchanges only: further back, it finds something to repeat.
SMALL_MOST_EXCHANGES = 8
SMALL_LEAVES_OUT = 4


@dataclass(frozen=True, slots=True)
class Briefing:
    """What decides how a prompt begins.

    language: a BCP-47 tag. is_small: the model has so few parameters that it gets a short prompt and a short history.
    """

    partner: Partner = JOE
    level: Level = "intermediate"
    language: str = "en"
    is_small: bool = False


def system_prompt(briefing: Briefing) -> str:
    """The system message."""
    language, manner, partner = _language_name(briefing.language), MANNERS[briefing.level], briefing.partner
    if briefing.is_small:
        speaks = "" if language == "English" else f"You speak {language}. "
        return f"You are {partner.brief}. {speaks}{manner.small_rule}"
    facts = f"{partner.facts} " if partner.facts else ""
    return (
        f"You are {partner.who}. {facts}"
        f"You are talking with {partner.learner}, who is learning {language} ({briefing.level} level). "
        f"Speak {language} only, as people talk: no lists, no emoji. "
        f"{manner.rule} "
        "If there was a mistake in what your friend said, say that part again correctly, as if by the way. "
        "Answer questions about yourself. You are a person with a life of your own, never an assistant."
    )


def messages_for(briefing: Briefing, turns: Sequence[Turn], learner_says: str, *, max_chars: int) -> list[ChatMessage]:
    """The prompt for the reply to `learner_says`.

    When the history is longer than `max_chars`, the oldest turns are left out, several at a time. The prefix then stays
    the same, and cached, for many turns.
    """
    messages = [ChatMessage("system", system_prompt(briefing))]
    for example in lines_in(briefing.language).examples.get(briefing.level, ()):
        messages += [ChatMessage("user", example.learner), ChatMessage("assistant", example.partner)]
    first = _left_out(turns, learner_says, max_chars=max_chars, is_small=briefing.is_small)
    kept = [turn for turn in turns[first:] if turn.text]
    if kept and isinstance(kept[0], PartnerTurn):
        messages.append(ChatMessage("user", SOMETHING))
    for turn in (*kept, LearnerTurn(turn_id="", text=learner_says, started_s=0)):
        _append(messages, turn)
    return messages


def _left_out(turns: Sequence[Turn], learner_says: str, *, max_chars: int, is_small: bool) -> int:
    """How many turns at the beginning are left out."""
    first = 0
    if is_small:
        learners = [number for number, turn in enumerate(turns) if isinstance(turn, LearnerTurn)]
        while len(learners) > SMALL_MOST_EXCHANGES:
            learners = learners[SMALL_LEAVES_OUT:]
            first = learners[0]
    while sum(len(turn.text) for turn in turns[first:]) + len(learner_says) > max_chars and first < len(turns):
        first += 8
    return first


def _append(messages: list[ChatMessage], turn: Turn) -> None:
    """Add a turn. Successive turns of one speaker become one message, as chat templates want."""
    match turn:
        case PartnerTurn():
            role, content = "assistant", turn.text + (CUT_MARK if turn.interrupted else "")
        case LearnerTurn():
            role, content = "user", (INTERRUPTING if messages[-1].content.endswith(CUT_MARK) else "") + turn.text
    last = messages[-1]
    if last.role == role:
        messages[-1] = ChatMessage(last.role, f"{last.content} {content}")
    else:
        messages.append(ChatMessage("assistant" if role == "assistant" else "user", content))


def _language_name(tag: str) -> str:
    return LANGUAGE_NAMES.get(tag.partition("-")[0].lower(), tag)
