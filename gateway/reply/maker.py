"""Makes the replies of one conversation from its record: with the prompt, the limits and the voice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from gateway import metrics
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn, Memory, Turn, call_in
from gateway.languages.names import language_name
from gateway.outbox import Outbox
from gateway.ports import ChatMessage, Llm, ReplyLimits, Tts, Writer
from gateway.reply.idle_work import IdleWork, Job
from gateway.reply.once_more import SLOWER, once_more
from gateway.reply.partner import MANNERS, partner_of
from gateway.reply.prefill import Prefill
from gateway.reply.prompt import ALL, SOMETHING, Briefing, messages_for
from gateway.reply.prompt_shortener import PromptShortener
from gateway.reply.reply import Reply, Voice
from gateway.reply.request import Delivery, ReplyRequest
from gateway.reply.stages import Stages
from gateway.reply.told_name import KnowsName, has_told_name
from gateway.reply.tool_rounds import ReplyTools
from gateway.reply.written_text import WrittenText
from gateway.tools import NoTools, ToolRunner, ToolUse


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """What all replies of a gateway share.

    sample_rate_hz: the rate of the speech. max_tokens: the longest reply. history_max_chars: how much of the history
    goes into a prompt.
    """

    sample_rate_hz: int
    max_tokens: int
    history_max_chars: int


class ReplyMaker:
    """Creates replies. A reply does nothing until it is run.

    It also prefills the model (see `prefill`), and keeps the prompts short (see `prompt_shortener`). delivery: returns
    how to make a reply that no client has requested. runner: runs tools. on_calls: called with a requested reply that
    ends with calls of the client's tools. idle_jobs: more work for the model after each reply (see `idle_work`).
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
        delivery: Callable[[], Delivery] = Delivery,
        runner: ToolRunner | None = None,
        on_calls: Callable[[Reply], Awaitable[None]] | None = None,
        idle_jobs: Sequence[Job] = (),
    ) -> None:
        self._llm = llm
        self._tts = tts
        self._options = options
        self._record = record
        self._outbox = outbox
        self._now = now
        self._delivery = delivery
        self._runner = runner or NoTools()
        self._on_calls = on_calls
        self._prefill = Prefill(llm, tasks)
        shortener = PromptShortener(
            llm,
            record=record,
            briefing=lambda: self._briefing,
            max_chars=options.history_max_chars,
            changed=memory_changed,
        )
        self._idle_work = IdleWork(tasks, [shortener.run, *idle_jobs])

    def reply_to(self, text: str, turn_id: str, *, voice_ended_s: float) -> Reply:
        """The reply to `text`, the learner's turn; if it is empty, the partner begins. voice_ended_s: the moment from
        which latencies are counted."""
        if words := self._asked_for_again(text):
            metrics.ONCE_MORE.inc()
            usual = self._delivery()
            slower = replace(usual, speed=(usual.speed or MANNERS[self._record.state.level].speed) * SLOWER)
            return self._make(turn_id, [], WrittenText(words), voice_ended_s, slower)
        return self._make(
            turn_id, self._prompt(text or SOMETHING), self._writer(text), voice_ended_s, tools=self._tools()
        )

    def _writer(self, text: str) -> Writer:
        """Who writes the reply to `text`."""
        is_told = self._llm.is_trained and has_told_name(self._record.turns, text)
        return KnowsName(self._llm) if is_told else self._llm

    def _asked_for_again(self, text: str) -> str:
        """The words that the learner asks to hear again. Empty if the model should reply; a model that is not
        small always does."""
        state = self._record.state
        if not self._llm.is_small or state.is_plain or language_name(state.language) != "English":
            return ""
        return once_more(self._record.turns, text)

    def say(self, text: str, turn_id: str, *, voice_ended_s: float) -> Reply:
        """A reply whose text is already written, so the model is not asked."""
        return self._make(turn_id, [], WrittenText(text), voice_ended_s)

    def answer(self, request: ReplyRequest, turn_id: str) -> Reply:
        """The reply that a client requests. If the learner spoke last, it answers the learner's words."""
        turns = self._record.turns if request.context is None else request.context
        memory = self._record.state.memory if request.context is None else ALL
        briefing = self._briefing
        if request.instructions is not None:
            partner = replace(briefing.partner, instructions=request.instructions)
            briefing = replace(briefing, partner=partner, is_plain=True)
        before, says = _last_words(turns)
        prompt = messages_for(briefing, before, says, max_chars=self._options.history_max_chars, memory=memory)
        on_calls = None if request.is_aside else self._on_calls
        tools = self._tools(request.tools)
        return self._make(turn_id, prompt, self._llm, self._now(), request.delivery, tools=tools, on_calls=on_calls)

    def again(self, reply: Reply, turn_id: str, *, voice_ended_s: float) -> Reply:
        """The same reply from its beginning, because the learner's turn has not been answered yet."""
        messages = [*reply.messages, *reply.rounds.exchanges]  # so that no tool is run twice
        return self._make(turn_id, messages, reply.writer, voice_ended_s, tools=reply.tools)

    def prefill(self, text: str) -> None:
        """Have the model read the conversation so far and `text`, the learner's turn as recognised so far."""
        self._prefill.read(self._prompt(text.rstrip(" .,!?…-") or SOMETHING), self._tools().use)

    def stop_background_work(self) -> None:
        """Stop the prefill and the idle work: the model is needed, or the conversation is over."""
        self._prefill.stop()
        self._idle_work.stop()

    def give_way(self) -> None:
        """The learner begins to speak: stop the idle work."""
        self._idle_work.stop()

    def _prompt(self, text: str) -> list[ChatMessage]:
        """The prompt for a reply to `text`."""
        return messages_for(
            self._briefing,
            self._record.turns,
            text,
            max_chars=self._options.history_max_chars,
            memory=self._record.state.memory,
        )

    def _tools(self, wanted: ToolUse | None = None) -> ReplyTools:
        """The client's tools and those that the gateway runs. wanted: replaces the session's tools."""
        state = self._record.state
        use = wanted or ToolUse(state.tools, state.tool_choice, state.parallel_calls)
        names = {tool.name for tool in use.tools}
        more = (tool for tool in self._runner.tools if tool.name not in names)
        return ReplyTools(replace(use, tools=(*use.tools, *more)), self._runner)

    @property
    def _briefing(self) -> Briefing:
        state = self._record.state
        return Briefing(
            partner_of(state),
            state.level,
            state.language,
            is_small=self._llm.is_small,
            is_trained=self._llm.is_trained,
            is_plain=state.is_plain,
            native_language=state.native_language,
            corrects_aloud=state.corrections == "aloud",
            practice_words=state.practice_words,
        )

    def _make(
        self,
        turn_id: str,
        messages: Sequence[ChatMessage],
        writer: Writer,
        voice_ended_s: float,
        delivery: Delivery | None = None,
        *,
        tools: ReplyTools | None = None,
        on_calls: Callable[[Reply], Awaitable[None]] | None = None,
    ) -> Reply:
        self.stop_background_work()
        delivery = delivery or self._delivery()
        options, state = self._options, self._record.state
        return Reply(
            turn_id,
            messages,
            writer=writer,
            tts=self._tts,
            voice=Voice(
                options.sample_rate_hz,
                delivery.voice or state.voice,
                delivery.speed or MANNERS[state.level].speed,
                state.language,
                is_silent=not delivery.speaks,
            ),
            limits=self._limits(delivery),
            stages=Stages(voice_ended_s),
            outbox=self._outbox,
            now=self._now,
            tools=tools,
            on_sent=self._idle_work.begin,
            on_calls=on_calls,
        )

    def _limits(self, delivery: Delivery) -> ReplyLimits:
        state, manner = self._record.state, MANNERS[self._record.state.level]
        if state.is_plain:
            return ReplyLimits(
                max_tokens=min(delivery.max_tokens or self._options.max_tokens, self._options.max_tokens)
            )
        return ReplyLimits(
            max_tokens=min(delivery.max_tokens or manner.max_tokens, self._options.max_tokens),
            max_sentences=manner.small_max_sentences if self._llm.is_small else manner.max_sentences,
            ends_with_question=not state.instructions,
        )


def _last_words(turns: Sequence[Turn]) -> tuple[Sequence[Turn], str]:
    """The turns before the learner's words that a reply answers, and these words.

    If the last turn is the learner's, the words are its words. Otherwise the turns are all turns, and the words are
    `SOMETHING`, or empty if the last turn is a call with its result.
    """
    last = turns[-1] if turns else None
    if last and (call := call_in(last)) and call.output is not None:
        return turns, ""
    return (turns[:-1], last.prompt_text) if isinstance(last, LearnerTurn) else (turns, SOMETHING)
