"""Ends a conversation: hears the last words, then analyses the conversation or hands it over to another gateway.

The measured parts of the analysis are sent at once. Then the learner gives the seat back, as nothing more will be said.
The parts that the language model writes are sent as they are made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass

from gateway import metrics
from gateway.analysis import Analysis, Stage, analyse
from gateway.audio import AudioError, AudioInput
from gateway.closing import ENDED, LEFT, Closing
from gateway.conversation.events import AnalysisGrown, Left, SessionEvent
from gateway.conversation.hearing import Hearing
from gateway.conversation.hearing_events import Heard, HearingEnded, HearingFailed
from gateway.conversation.open_turn import OpenTurn
from gateway.conversation_record import ConversationRecord
from gateway.history import call_in
from gateway.outbox import Outbox
from gateway.ports import EndOfTurn, Llm
from gateway.protocol import AnalysisMessage, AnalysisProgress, Reconnect

logger = logging.getLogger(__name__)

# How long to wait for the recognition of the last words.
LAST_WORDS_S = 5.0
# The parts of an analysis that the language model writes; the others are measured.
LLM_PARTS = {"summary", "grammar", "meanings", "next_steps", "goals"}


@dataclass(frozen=True, slots=True)
class Ending:
    """Reads the session's inbox once the session no longer converses. `post` puts an event into that inbox.

    needs_no_seat: called at most once, when nothing more will be said or heard. keep: called with the last analysis, so
    that the learner's progress can be kept.
    """

    inbox: AsyncIterable[SessionEvent]
    post: Callable[[SessionEvent], Awaitable[None]]
    record: ConversationRecord
    outbox: Outbox
    audio: AudioInput
    hearing: Hearing
    open_turn: OpenTurn
    llm: Llm
    needs_no_seat: Callable[[], Awaitable[None]]
    keep: Callable[[Analysis], Awaitable[None]]

    async def end(self, tasks: asyncio.TaskGroup) -> Closing:
        """The learner has ended the conversation: recognise the last words, then send the analysis as it grows."""
        if not await self.hear_last_words(tasks):
            return LEFT
        analysing = tasks.create_task(self._analyse())
        measured: Analysis | None = None
        async for event in self.inbox:
            match event:
                case AnalysisGrown(stage):
                    measured = stage.analysis
                    if await self._send(stage):
                        return ENDED
                case Left():
                    break
        analysing.cancel()
        if measured:
            await self.keep(measured)
        return LEFT

    async def hand_over(self, reconnect: Reconnect, tasks: asyncio.TaskGroup) -> None:
        """Let another gateway continue. What waits to be saved is saved first, as the other gateway may begin at once.
        Then the client is told: from then on it stores what the learner says, and later sends that to the other
        gateway."""
        await self.record.save()
        await self.outbox.send(reconnect)
        metrics.HANDOVERS.labels("in_turn" if self.hearing.turn_is_open else "between_turns").inc()
        if self.hearing.turn_is_open:
            await self.hear_last_words(tasks)

    async def _send(self, stage: Stage) -> bool:
        """Send the analysis so far. Returns whether it is whole."""
        data = stage.analysis.model_dump(mode="json")
        if stage.analysis.pending:
            await self.outbox.send(AnalysisProgress(done=stage.done, total=stage.total, data=data))
            if stage.done == 0:
                await self.needs_no_seat()
            return False
        missing = LLM_PARTS & stage.analysis.unavailable.keys()
        metrics.ANALYSES.labels("partial" if missing else "whole").inc()
        # before the message, so that a client that has received it can ask for the progress
        await self.keep(stage.analysis)
        await self.outbox.send(AnalysisMessage(data=data))
        await self.record.change(state="ended")
        return True

    async def hear_last_words(self, tasks: asyncio.TaskGroup) -> bool:
        """Finish the audio and keep the turns that it still contains. Returns False if the learner has left."""
        finishing = tasks.create_task(self._finish_audio())
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                async for event in self.inbox:
                    match event:
                        case Heard(EndOfTurn(transcript)) if transcript.text:
                            await self.record.remember(await self.open_turn.show(transcript))
                        case HearingEnded() | HearingFailed():
                            break
                        case Left():
                            return False
        except TimeoutError:
            logger.warning("session %s: the last words were not recognised in time", self.record.state.session_id)
        finally:
            finishing.cancel()
        return True

    async def _finish_audio(self) -> None:
        with contextlib.suppress(AudioError):  # the last bytes are too few to be audio, so they contain no words
            await self.audio.finish()

    async def _analyse(self) -> None:
        record = self.record
        stages = analyse(
            [turn for turn in record.turns if not call_in(turn)],
            level=record.state.level,
            language=record.state.language,
            duration_s=record.elapsed_s(),
            llm=self.llm,
            scenario=record.state.scenario,
            native_language=record.state.native_language,
        )
        began_s = time.monotonic()
        async for stage in stages:
            if stage.done == 0 or not stage.analysis.pending:
                part = "measured" if stage.analysis.pending else "whole"
                metrics.ANALYSIS_SECONDS.labels(part).observe(time.monotonic() - began_s)
            await self.post(AnalysisGrown(stage))
