"""Keeps the prompts of a long conversation short. The work is done while the partner is speaking and the model is idle.

When a reply has been sent and the conversation has grown long, the model reads the shortened prompt, so that the next
reply begins without delay. Then it writes a summary of the turns left out. A learner's request to the model goes first:
it ends this work, which is tried again after the next reply.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from common.errors import ServiceError
from gateway import metrics
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn, Memory, PartnerTurn, Turn
from gateway.ports import ChatMessage, Llm
from gateway.reply.idle_work import until_idle
from gateway.reply.prompt import SOMETHING, Briefing, messages_for
from gateway.reply.prompt_sizes import next_memory, sizes

SUMMARY_MAX_TOKENS = 120
# A longer summary is rejected.
SUMMARY_MAX_CHARS = 600
# For a summary, the model reads the previous one and at most this much of the turns left out since: the latest text.
# Earlier text of these turns is lost.
SUMMARY_READS_CHARS = 6000


class PromptShortener:
    """Shortens the prompts of one conversation. `changed` gets each new `Memory` and must put it into the record.

    A small model writes no summaries: those of a model with 135 million parameters are worse than none.
    """

    def __init__(
        self,
        llm: Llm,
        *,
        record: ConversationRecord,
        briefing: Callable[[], Briefing],
        max_chars: int,
        changed: Callable[[Memory], Awaitable[None]],
    ) -> None:
        self._llm = llm
        self._record = record
        self._briefing = briefing
        self._max_chars = max_chars
        self._changed = changed

    async def run(self) -> None:
        """Do the work that is due after a reply (a job of `IdleWork`)."""
        briefing, memory = self._briefing(), self._record.state.memory
        memory = await self._shorten(briefing, memory)
        if memory.left_out > memory.summarised and not briefing.is_small:
            await self._summarise(briefing, memory)

    async def _shorten(self, briefing: Briefing, memory: Memory) -> Memory:
        """Have the model read the prompt that follows from `next_memory`, unless the limit of a prompt is already
        exceeded. Returns the memory that is valid from now on."""
        turns = self._record.turns
        wanted = sizes(self._max_chars, is_small=briefing.is_small)
        shorter = next_memory(turns, memory, wanted)
        if shorter == memory:
            return memory
        is_full = not wanted.most.holds(turns[memory.left_out :])
        if not is_full:
            await until_idle(self._llm)
            if not await self._read(_prompt(briefing, turns, shorter, self._max_chars)):
                return memory
        metrics.PROMPT_SHORTENINGS.labels("unread" if is_full else "read").inc()
        await self._changed(shorter)
        return shorter

    async def _read(self, prompt: Sequence[ChatMessage]) -> bool:
        try:
            await self._llm.generate(prompt, max_tokens=1, gives_way=True)
        except ServiceError:
            return False
        return True

    async def _summarise(self, briefing: Briefing, memory: Memory) -> None:
        """Write a summary of all turns left out. It gets into the prompts after the next reply."""
        await until_idle(self._llm)
        question = _summary_question(memory, self._record.turns[memory.summarised : memory.left_out])
        try:
            written = await self._llm.generate(question, max_tokens=SUMMARY_MAX_TOKENS, temperature=0.2, gives_way=True)
        except ServiceError:
            return
        summary = " ".join(written.split())
        if summary and len(summary) <= SUMMARY_MAX_CHARS:
            metrics.SUMMARIES.inc()
            await self._changed(memory.model_copy(update={"summary": summary, "summarised": memory.left_out}))


def _prompt(briefing: Briefing, turns: Sequence[Turn], memory: Memory, max_chars: int) -> list[ChatMessage]:
    """The part of the next prompt that is already known: the turns in the record. The reply that is being heard is not
    among them yet."""
    if turns and isinstance(turns[-1], LearnerTurn):
        return messages_for(briefing, turns[:-1], turns[-1].prompt_text, memory=memory, max_chars=max_chars)
    return messages_for(briefing, turns, SOMETHING, memory=memory, max_chars=max_chars)


def _summary_question(memory: Memory, turns: Sequence[Turn]) -> list[ChatMessage]:
    """The prompt for a new summary, from the earlier summary and `turns`."""
    names = {LearnerTurn: "Learner", PartnerTurn: "Partner"}
    lines = [f"{names[type(turn)]}: {turn.text}" for turn in turns if turn.text]
    said = "\n".join(lines)[-SUMMARY_READS_CHARS:]
    earlier = f"Notes so far: {memory.summary}\n\n" if memory.summary else ""
    return [
        ChatMessage("system", "You keep short notes of a conversation, so that nothing important is forgotten."),
        ChatMessage(
            "user",
            f"{earlier}{said}\n\n"
            "Write new notes in two or three short sentences: who the learner is, what the learner has told, and what "
            "the partner has told. Write only what was said. Write in English.",
        ),
    ]
