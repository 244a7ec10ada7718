"""Makes the replies of one conversation from its record: what the model is asked, and how the partner sounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from gateway.conversation_record import ConversationRecord
from gateway.history import Memory
from gateway.outbox import Outbox
from gateway.ports import ChatMessage, Llm, Tts
from gateway.reply.partner import MANNERS, partner_of
from gateway.reply.prefill import Prefill
from gateway.reply.prompt import SOMETHING, Briefing, messages_for
from gateway.reply.remembering import Remembering
from gateway.reply.reply import Limits, Reply, Voice
from gateway.reply.stages import Stages
from gateway.reply.writer import Writer, WrittenText


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """What does not change from one reply to the next.

    sample_rate_hz: of the speech. max_tokens: the longest reply. history_max_chars: how much of the history goes into
    a prompt.
    """

    sample_rate_hz: int
    max_tokens: int
    history_max_chars: int


class ReplyMaker:
    """Creates replies; they do nothing until they are run.

    Also has the model read ahead (see `prefill`), and keeps the prompts short (see `remembering`).
    """

    def __init__(
        self,
        llm: Llm,
        tts: Tts,
        options: ReplyOptions,
        *,
        record: ConversationRecord,
        outbox: Outbox,
        tasks: asyncio.TaskGroup,
        now: Callable[[], float],
        memory_changed: Callable[[Memory], Awaitable[None]],
    ) -> None:
        self._llm = llm
        self._tts = tts
        self._options = options
        self._record = record
        self._outbox = outbox
        self._now = now
        self._prefill = Prefill(llm, tasks)
        self._remembering = Remembering(
            llm,
            record=record,
            briefing=lambda: self._briefing,
            max_chars=options.history_max_chars,
            tasks=tasks,
            changed=memory_changed,
        )

    def reply_to(self, text: str, turn_id: str, *, voice_ended_s: float) -> Reply:
        """The model's reply to what the learner says, or to nothing. voice_ended_s: when latencies begin to count."""
        return self._make(turn_id, self._prompt(text or SOMETHING), self._llm, voice_ended_s)

    def say(self, text: str, turn_id: str, *, voice_ended_s: float) -> Reply:
        """A reply whose text is already written: the model is not asked."""
        return self._make(turn_id, [], WrittenText(text), voice_ended_s)

    def again(self, reply: Reply, turn_id: str, *, voice_ended_s: float) -> Reply:
        """The same reply from its beginning: what it answers has not been answered."""
        return self._make(turn_id, reply.messages, reply.writer, voice_ended_s)

    def read_ahead(self, text: str) -> None:
        """Have the model read the conversation so far and `text`, the learner's turn as far as it is understood."""
        self._prefill.read(self._prompt(text.rstrip(" .,!?…-") or SOMETHING))

    def close(self) -> None:
        """End what the model does in the background."""
        self._prefill.stop()
        self._remembering.stop()

    def give_way(self) -> None:
        """The learner begins to speak: give up what is done for later prompts."""
        self._remembering.stop()

    def _prompt(self, text: str) -> list[ChatMessage]:
        """What the model is asked for a reply to `text`."""
        return messages_for(
            self._briefing,
            self._record.turns,
            text,
            max_chars=self._options.history_max_chars,
            memory=self._record.state.memory,
        )

    @property
    def _briefing(self) -> Briefing:
        state = self._record.state
        return Briefing(partner_of(state), state.level, state.language, is_small=self._llm.is_small)

    def _make(self, turn_id: str, messages: Sequence[ChatMessage], writer: Writer, voice_ended_s: float) -> Reply:
        self._prefill.stop()
        self._remembering.stop()
        state, options = self._record.state, self._options
        manner = MANNERS[state.level]
        return Reply(
            turn_id,
            messages,
            writer=writer,
            tts=self._tts,
            voice=Voice(options.sample_rate_hz, state.voice, manner.speed, state.language),
            limits=Limits(
                max_tokens=min(manner.max_tokens, options.max_tokens),
                max_sentences=manner.small_max_sentences if self._llm.is_small else manner.max_sentences,
                ends_with_question=not state.instructions,
            ),
            stages=Stages(voice_ended_s),
            outbox=self._outbox,
            now=self._now,
            on_sent=self._remembering.begin,
        )
