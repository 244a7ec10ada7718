"""Help for a learner who is stuck: an offer that the partner makes after a long silence, and hints on request."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence

from common.errors import ServiceError
from common.letters import SENTENCE_ENDS
from common.speech import AVERAGE_PAUSE_MS
from gateway import metrics
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn, PartnerTurn, SessionState, Turn
from gateway.languages.names import language_name
from gateway.ports import ChatMessage, Llm
from gateway.reply.lines import lines_in

HINT_TIMEOUT_S = 8.0
HINT_MAX_TOKENS = 150
HINT_MAX_CHARS = 140
HINTS = 3
# How many turns the model reads for a hint.
HINT_TURNS = 8

_QUESTION = re.compile(rf"[^{SENTENCE_ENDS}]*[?？؟]\s*$")
_SENTENCE_END = re.compile(rf"[{SENTENCE_ENDS}][\"'”’»)]*$")
_SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "sentences": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": HINTS},
        },
        "required": ["sentences"],
        "additionalProperties": False,
    }
)


def help_is_due_after_s(help_after_s: float, *, patience: float, usual_pause_ms: int) -> float:
    """The silence after which this learner is offered help, in seconds. patience, usual_pause_ms: see
    `ports.Patience`.

    A usual pause above the average makes the silence longer in the same proportion, but at most twice as long.
    """
    return help_after_s * patience * min(2.0, max(1.0, usual_pause_ms / AVERAGE_PAUSE_MS))


def offer(state: SessionState, turns: Sequence[Turn]) -> str:
    """The partner's offer: a phrase of the scenario, or else the question that ended the partner's last turn, or else
    another topic.

    Empty if there are no lines in this language.
    """
    lines = lines_in(state.language).help
    if lines is None:
        return ""
    soft = lines.soft[len(turns) % len(lines.soft)]
    last = next((turn.text for turn in reversed(turns) if isinstance(turn, PartnerTurn) and turn.text), "")
    if phrases := _unsaid_phrases(state, turns):
        return f"{soft} {lines.could_say.format(phrase=phrases[0])}"
    question = _QUESTION.search(last)
    return f"{soft} {question.group().strip() if question else lines.other_topic}"


class Hints:
    """Finds sentences that the learner could say now, and calls `ready` with them.

    The model writes them. If it can't, they are the scenario's phrases, or else the hints that `lines` has for this
    language and level. There may be none.
    """

    def __init__(
        self,
        llm: Llm,
        record: ConversationRecord,
        tasks: asyncio.TaskGroup,
        ready: Callable[[tuple[str, ...]], Awaitable[None]],
    ) -> None:
        self._llm = llm
        self._record = record
        self._tasks = tasks
        self._ready = ready
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """The learner wants a hint. Has no effect while a hint is being made."""
        if self._task is None or self._task.done():
            self._task = self._tasks.create_task(self._make())

    def close(self) -> None:
        """Stop making a hint, because the conversation is over."""
        if self._task:
            self._task.cancel()

    async def _make(self) -> None:
        state, turns = self._record.state, list(self._record.turns)
        sentences = await self._written(state, turns)
        metrics.HINTS.labels("model" if sentences else "list").inc()
        if not sentences:
            sentences = _unsaid_phrases(state, turns) or lines_in(state.language).hints.get(state.level, ())
        await self._ready(sentences[:HINTS])

    async def _written(self, state: SessionState, turns: Sequence[Turn]) -> tuple[str, ...]:
        """The model's suggestions; none if it fails, takes too long, or is small."""
        if self._llm.is_small:
            return ()
        try:
            async with asyncio.timeout(HINT_TIMEOUT_S):
                answer = await self._llm.generate(
                    _question(state, turns), max_tokens=HINT_MAX_TOKENS, temperature=0.5, json_schema=_SCHEMA
                )
        except (ServiceError, TimeoutError):
            return ()
        return _usable(answer, turns)


def _question(state: SessionState, turns: Sequence[Turn]) -> list[ChatMessage]:
    language = language_name(state.language)
    names = {LearnerTurn: "Learner", PartnerTurn: "Partner"}
    said = (
        "\n".join(f"{names[type(turn)]}: {turn.text}" for turn in turns[-HINT_TURNS:] if turn.text)
        or "(Nothing was said yet.)"
    )
    scenario = state.scenario
    scene = f"The learner is {scenario.learner}. The learner wants: {scenario.goal}\n\n" if scenario else ""
    return [
        ChatMessage("system", f"You help a learner of {language} ({state.level} level) to keep a conversation going."),
        ChatMessage(
            "user",
            f"{scene}{said}\n\n"
            f"Write {HINTS} short sentences in {language}, each of which the learner could say next, as the learner's "
            f"own words. Use words that a learner of {state.level} level knows. At most 12 words each.",
        ),
    ]


def _usable(answer: str, turns: Sequence[Turn]) -> tuple[str, ...]:
    """The complete sentences of the model's answer that nobody has said yet; none if there are fewer than two."""
    try:
        sentences = json.loads(answer)["sentences"]
    except (ValueError, KeyError, TypeError):
        return ()
    if not isinstance(sentences, list):
        return ()
    found = dict.fromkeys(" ".join(one.split()) for one in sentences if isinstance(one, str))
    said = {_plain(turn.text) for turn in turns}
    good = [
        one for one in found if len(one) <= HINT_MAX_CHARS and _SENTENCE_END.search(one) and _plain(one) not in said
    ]
    return tuple(good) if len(good) > 1 else ()


def _unsaid_phrases(state: SessionState, turns: Sequence[Turn]) -> tuple[str, ...]:
    """The scenario's phrases that the learner has not used yet."""
    if state.scenario is None:
        return ()
    said = " ".join(_plain(turn.text) for turn in turns if isinstance(turn, LearnerTurn))
    return tuple(phrase for phrase in state.scenario.phrases if _plain(phrase) not in said)


def _plain(text: str) -> str:
    """The words of a text, without case and punctuation."""
    return " ".join(re.findall(r"[\w'’]+", text.lower()))
