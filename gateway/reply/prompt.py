"""The prompt: a description of the partner, examples, and the conversation so far, as messages.

    system                 who the partner is, and how it speaks to this level
    user, assistant, …     examples
    user, assistant, …     the conversation as it was heard; assistant, tool: calls of tools with their results
    user                   what the learner says now

The beginning stays the same from turn to turn, so that the model server's prefix cache contains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.history import Call, LearnerTurn, Level, Memory, PartnerTurn, Turn, call_in
from gateway.languages.names import language_name
from gateway.ports import ChatMessage
from gateway.reply.lines import Example, lines_in
from gateway.reply.partner import JOE, MANNERS, Partner
from gateway.reply.prompt_sizes import Size, first_kept, sizes, weight
from gateway.tools import ToolCall

# The marks of an interruption for the model: CUT_MARK ends the partner's words, INTERRUPTING comes before the
# learner's.
CUT_MARK = " —"
INTERRUPTING = "(interrupting you) "
# Stands for the learner's words while they are unknown, and before the words of a partner that speaks first. A chat
# template needs a user's message at the beginning and at the end.
SOMETHING = "Hello."

# If there is a summary of the turns that are left out, this comes before the learner's first words in the prompt.
NOTES = "(Notes on what you two have talked about: {summary}) "


# The memory of a conversation whose prompts leave nothing out.
ALL = Memory()


@dataclass(frozen=True, slots=True)
class Briefing:
    """The values that decide how a prompt begins.

    language: a BCP-47 tag. is_small: the model has so few parameters that it gets a short prompt and a short history.
    is_plain: if the partner has instructions, they are the whole system message. native_language: the learner's own, a
    BCP-47 tag; empty if unknown. corrects_aloud: the partner corrects mistakes explicitly. practice_words: words that
    the learner should use again. A small model gets no rules about the last three, because it would recite them.
    is_trained: the model was trained with the prompts of `trained_prompt`, so it needs no rules and no examples.
    """

    partner: Partner = JOE
    level: Level = "intermediate"
    language: str = "en"
    is_small: bool = False
    is_plain: bool = False
    is_trained: bool = False
    native_language: str = ""
    corrects_aloud: bool = False
    practice_words: tuple[str, ...] = ()


# How the partner treats mistakes, as part of the system message.
RECAST = "If there was a mistake in what your friend said, say that part again correctly, as if by the way. "
CORRECT_ALOUD = (
    "If there was a mistake in what your friend said, first say the correct sentence, like this: “You can say: I went "
    "there.” Then go on talking. "
)


def system_prompt(briefing: Briefing) -> str:
    """The system message. The partner comes first and the level after it: if the level changes, the beginning with the
    partner stays in the prefix cache."""
    language, manner, partner = language_name(briefing.language), MANNERS[briefing.level], briefing.partner
    if briefing.is_plain and partner.instructions:
        return partner.instructions
    if _suits_training(briefing):
        return trained_prompt(partner, briefing.level)
    if briefing.is_small:
        speaks = "" if language == "English" else f"You speak {language}. "
        return f"{partner.instructions or f'You are {partner.brief}.'} {speaks}{manner.small_rule}"
    if partner.instructions:
        return (
            f"{partner.instructions}\n"
            f"You are talking with someone who is learning {language} ({briefing.level} level). "
            f"Speak {language} only, as people talk: no lists, no emoji. {_two_languages(briefing)}"
            f"{CORRECT_ALOUD if briefing.corrects_aloud else ''}{manner.rule}{_practice(briefing)}"
        )
    facts = f"{partner.facts} " if partner.facts else ""
    return (
        f"You are {partner.who}. {facts}"
        f"You are talking with {partner.learner}, who is learning {language} ({briefing.level} level). "
        f"Speak {language} only, as people talk: no lists, no emoji. "
        f"{manner.rule} "
        f"{CORRECT_ALOUD if briefing.corrects_aloud else RECAST}"
        f"{_two_languages(briefing)}"
        "Answer questions about yourself. You are a person with a life of your own, never an assistant."
        f"{_practice(briefing)}"
    )


def trained_prompt(partner: Partner, level: Level) -> str:
    """The system message for a model that was trained as the partner: who it is, and the learner's level.

    In training, the model gets the conversations of `training/` with this message.
    """
    who = partner.instructions or " ".join(filter(None, (f"You are {partner.who}.", partner.facts)))
    return f"{who} You are talking with {partner.learner}, who is learning English ({level} level)."


def _suits_training(briefing: Briefing) -> bool:
    """Whether the model was trained for this conversation. The training is in English."""
    return briefing.is_trained and language_name(briefing.language) == "English"


def _practice(briefing: Briefing) -> str:
    """The rule about the words that the learner should use again; empty if there are none."""
    if not briefing.practice_words:
        return ""
    words = ", ".join(f"“{word}”" for word in briefing.practice_words)
    return (
        f" Your friend is learning these words: {words}. Use each of them once where it fits naturally, one at a time, "
        "and ask questions that your friend can answer with them. Never mention that these are words to learn."
    )


def _two_languages(briefing: Briefing) -> str:
    """What the partner does if the learner falls back into the native language; empty if that language is unknown."""
    if not briefing.native_language:
        return ""
    practised, own = language_name(briefing.language), language_name(briefing.native_language)
    explains_in = own if briefing.level == "beginner" else f"simple {practised}"
    return (
        f"Your friend's own language is {own}. If your friend uses {own} words, answer in simple {practised} and give "
        f"the {practised} words that were missing. If your friend asks how to say something, explain it in "
        f"{explains_in}, in one sentence. "
    )


def messages_for(
    briefing: Briefing, turns: Sequence[Turn], learner_says: str, *, max_chars: int, memory: Memory = ALL
) -> list[ChatMessage]:
    """The prompt for the reply to `learner_says`. If that is empty, the reply is to the result of a tool, which is the
    last turn.

    memory: how much of a long conversation is left out. Even more is left out if a very long turn makes that necessary.
    """
    messages = [ChatMessage("system", system_prompt(briefing))]
    for example in _examples(briefing):
        messages += [ChatMessage("user", example.learner), ChatMessage("assistant", example.partner)]
    now = LearnerTurn(turn_id="", text=learner_says, started_s=0)
    said = [turn for turn in (*turns[_left_out(turns, now, memory, max_chars, briefing) :], now) if _is_said(turn)]
    begins_with = len(messages)
    if said and isinstance(said[0], PartnerTurn):
        messages.append(ChatMessage("user", SOMETHING))
    for turn in said:
        _append(messages, turn)
    if memory.told and said:
        messages[begins_with] = ChatMessage("user", NOTES.format(summary=memory.told) + messages[begins_with].content)
    return messages


def _is_said(turn: Turn) -> bool:
    """Whether the prompt contains the turn. A call without a result is left out, because the result may still come."""
    call = call_in(turn)
    return bool(turn.text) if call is None else call.output is not None


def _examples(briefing: Briefing) -> Sequence[Example]:
    """The examples. There are none if the client has its own instructions, because those may ask for another manner.
    Nor are there any for a model that was trained for this conversation."""
    if briefing.partner.instructions or _suits_training(briefing):
        return ()
    return lines_in(briefing.language).examples.get(briefing.level, ())


def _left_out(turns: Sequence[Turn], now: LearnerTurn, memory: Memory, max_chars: int, briefing: Briefing) -> int:
    """How many turns at the beginning are left out of the prompt for the reply to `now`."""
    wanted = sizes(max_chars, is_small=briefing.is_small)
    if Size(max_chars, wanted.most.exchanges + 1).holds([*turns[memory.left_out :], now]):
        return memory.left_out
    return first_kept(turns, memory.left_out, Size(wanted.kept.chars - weight(now.text), wanted.kept.exchanges))


def _append(messages: list[ChatMessage], turn: Turn) -> None:
    """Add a turn. Successive turns of one speaker become one message, because chat templates require that."""
    match turn:
        case PartnerTurn(call=Call() as call):
            _append_call(messages, call)
            return
        case PartnerTurn():
            role, content = "assistant", turn.text + (CUT_MARK if turn.interrupted else "")
        case LearnerTurn():
            role, content = "user", (INTERRUPTING if messages[-1].content.endswith(CUT_MARK) else "") + turn.prompt_text
    last = messages[-1]
    if last.role == role:
        messages[-1] = ChatMessage(last.role, f"{last.content} {content}")
    else:
        messages.append(ChatMessage("assistant" if role == "assistant" else "user", content))


def _append_call(messages: list[ChatMessage], call: Call) -> None:
    """Add a call and its result. Chat templates require that calls in a row become one message, together with the text
    before them."""
    at = next(at for at in range(len(messages) - 1, -1, -1) if messages[at].role != "tool")
    made = ToolCall(call.id, call.name, call.arguments)
    before = messages[at]
    if before.role == "assistant":
        messages[at] = ChatMessage("assistant", before.content, (*before.tool_calls, made))
    else:
        messages.append(ChatMessage("assistant", "", (made,)))
    messages.append(ChatMessage("tool", call.output or "", tool_call_id=call.id))
