"""The answering half of a stream: it carries out the steps of the listening half, one after the other.

So the client gets the events in order, however long the model takes for a step.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TypeAlias

from asr_service import events
from asr_service.engine import Transcript
from asr_service.metrics import PAUSE_PARTIALS, TURNS
from asr_service.recognition.local_agreement import PartialText
from asr_service.recognition.utterance import Utterance
from asr_service.refinement import spoken_turn_of
from asr_service.stream import OpenTurns, PartialDue, PauseDecoded, Step, StreamConfig
from asr_service.turn_taking import decisions
from common.tracing import to_traceparent

Refine: TypeAlias = Callable[[Utterance, Transcript, int], None]
"""Called with a turn that has ended: its utterance, its transcript, and its end as a sample at 16 kHz."""


class Answerer:
    """Makes events of steps. `emit` sends an event to the client. `refine` is called with each turn that has
    ended."""

    def __init__(
        self,
        config: StreamConfig,
        *,
        emit: Callable[[events.Event], Awaitable[None]],
        open_turns: OpenTurns,
        refine: Refine = lambda *_: None,
    ) -> None:
        self._config = config
        self._emit = emit
        self._open_turns = open_turns
        self._refine = refine
        self._is_eager_end_sent = False  # whether an EagerEndOfTurn was sent and not taken back

    async def run(self, steps: AsyncIterable[Step]) -> None:
        """Answer until there are no more steps. Raises what the model raises."""
        async for step in steps:
            await self._answer(step)

    async def _answer(self, step: Step) -> None:
        match step.what:
            case decisions.SpeechStarted(start):
                self._is_eager_end_sent = False
                traceparent = to_traceparent(step.turn.utterance.turn)
                await self._emit(events.SpeechStarted(self._config.stream_sample(start), traceparent))
            case PartialDue():
                if text := await step.turn.make_partial(step.position):
                    await self._emit_partial(step, text)
            case PauseDecoded():
                if text := step.turn.partial_at_pause(await self._transcript(step)):
                    PAUSE_PARTIALS.inc()
                    await self._emit_partial(step, text)
            case decisions.EagerEndOfTurn(end, probability):
                await self._answer_eager_end(step, end, probability)
            case decisions.TurnResumed(start):
                if self._is_eager_end_sent:
                    await self._emit(events.TurnResumed(self._config.stream_sample(start)))
                self._is_eager_end_sent = False
            case decisions.EndOfTurn(end, reason):
                transcript = await self._transcript(step)
                turn = spoken_turn_of(step.turn.utterance, transcript, end, rate=self._config.rate)
                TURNS.labels(reason.value).inc()
                step.turn.utterance.end_span(reason.value)
                await self._emit(events.EndOfTurn(turn, reason, step.pauses))
                self._open_turns.end()
                self._refine(step.turn.utterance, transcript, end)

    async def _emit_partial(self, step: Step, text: PartialText) -> None:
        await self._emit(events.Partial(text.stable, text.unstable, self._config.stream_sample(step.position)))

    async def _answer_eager_end(self, step: Step, end: int, probability: float) -> None:
        turn = await self._spoken_turn(step, end)
        if turn.text:  # without words there is no reply to prepare
            self._is_eager_end_sent = True
            step.turn.utterance.span.add_event("eager_end_of_turn", {"probability": probability})
            await self._emit(events.EagerEndOfTurn(turn, probability))

    async def _transcript(self, step: Step) -> Transcript:
        """The transcript of the whole turn: the one decoded at the pause, because only silence followed. Without a
        pause, the turn is decoded now."""
        return await (step.transcript or step.turn.decode_turn(step.position))

    async def _spoken_turn(self, step: Step, end: int) -> events.SpokenTurn:
        return spoken_turn_of(step.turn.utterance, await self._transcript(step), end, rate=self._config.rate)
