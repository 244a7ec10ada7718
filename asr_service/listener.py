"""The listening half of a stream: it carries out the endpointer's decisions about each window.

    windows ──▶ Endpointer ──decisions──▶ Listener ──┬─ record, begin and cancel decodes
                    ▲                                ├─ VoicePaused, VoiceContinued: at once to the client
                    └──── judge: how probably done ──┴─ the others, as steps, to the answering half

The turn is decoded as soon as a pause begins. The decode is dropped if the voice goes on before EagerEndOfTurn.
Listening waits for the decode only when the endpointer asks whether the learner is done. The endpointer's decisions
depend on the audio alone, not on the speed of the models.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from anyio.streams.memory import MemoryObjectSendStream

from asr_service import events
from asr_service.audio import ENGINE_RATE_HZ
from asr_service.engine import Transcript
from asr_service.metrics import TURN_MODEL_SKIPPED
from asr_service.recognition.decoder import Decoder
from asr_service.recognition.utterance import Recorder, Utterance
from asr_service.recognition.utterance_decoder import UtteranceDecoder
from asr_service.stream import OpenTurns, PartialDue, PauseDecoded, Step, StreamConfig
from asr_service.turn_taking.decisions import (
    Assess,
    Decision,
    EagerEndOfTurn,
    EndOfTurn,
    SpeechStarted,
    TurnResumed,
    VoiceContinued,
    VoicePaused,
)
from asr_service.turn_taking.end_of_turn import probability_of_end
from asr_service.turn_taking.endpointer import Endpointer
from asr_service.turn_taking.endpointing import Endpointing
from asr_service.turn_taking.turn_judge import TurnJudge
from asr_service.turn_taking.voice_clock import ONSET_MS
from asr_service.voice.vad import WINDOW, Windows
from common.tracing import stage, under


@dataclass(slots=True)
class _Pause:
    """The present pause of the open turn. could_end: the text model's answer; None: there is no answer (yet)."""

    transcript: asyncio.Task[Transcript]
    could_end: float | None = None


class Listener:
    """Follows the turns of one stream.

    Decodes run in `tasks`. `steps` leads to the answering half; when it is full, listening waits. `emit` sends an event
    to the client at once. `judge` tells whether a turn sounds and reads complete; it is not used with a fixed
    `end_silence_ms`.
    """

    def __init__(
        self,
        config: StreamConfig,
        *,
        decoder: Decoder,
        judge: TurnJudge,
        tasks: asyncio.TaskGroup,
        steps: MemoryObjectSendStream[Step],
        emit: Callable[[events.Event], Awaitable[None]],
        open_turns: OpenTurns,
    ) -> None:
        self._config = config
        self._decoder = decoder
        self._judge = judge
        self._tasks = tasks
        self._steps = steps
        self._emit = emit
        self._open_turns = open_turns
        self._endpointer = Endpointer(config.endpointing, window=WINDOW, rate_hz=ENGINE_RATE_HZ)
        self._recorder = Recorder(WINDOW, ONSET_MS * ENGINE_RATE_HZ // 1000)
        self._turn: UtteranceDecoder | None = None  # the open turn
        self._pause: _Pause | None = None  # the present pause of that turn

    def reconfigure(self, endpointing: Endpointing) -> None:
        """Use new settings, from the next pause on."""
        self._endpointer.reconfigure(endpointing)

    async def hear(self, windows: Windows) -> None:
        """Handle the next windows of the stream, and wait for the decisions they lead to."""
        for window, probability in windows:
            self._recorder.add(window, probability)
            for decision in self._endpointer.hear(probability):
                if isinstance(decision, Assess):
                    await self._assess()
                else:
                    await self._perform(decision)
            await self._request_partial()

    async def finish(self) -> None:
        """There is no more audio: close the open turn."""
        await self._perform_all(self._endpointer.finish())

    def cancel(self) -> None:
        """The stream is over. If a turn is still open, there was an error, or the client has left."""
        if self._turn:
            self._turn.utterance.end_span("cancelled")

    # --- the decisions --------------------------------------------------------------------------

    async def _perform_all(self, decided: list[Decision]) -> None:
        for decision in decided:
            await self._perform(decision)

    async def _perform(self, decision: Decision) -> None:
        match decision, self._turn:
            case SpeechStarted(start), None:
                self._turn = self._open_turn(start)
                await self._pass_on(decision, self._turn)
            case VoicePaused(end), UtteranceDecoder() as turn:
                self._pause = _Pause(turn.begin_turn(self._endpointer.position))
                await self._tell_of_voice(events.VoicePaused(self._config.stream_sample(end)))
            case VoiceContinued(), UtteranceDecoder() as turn:
                turn.cancel_turn()
                self._pause = None
                position = self._config.stream_sample(self._endpointer.position)
                await self._tell_of_voice(events.VoiceContinued(position))
            case EagerEndOfTurn(), UtteranceDecoder() as turn:
                turn.cancel_partial()
                await self._pass_on(decision, turn)
            case TurnResumed(), UtteranceDecoder() as turn:
                await self._pass_on(decision, turn)
                turn.leave_turn()
                self._pause = None
            case EndOfTurn(), UtteranceDecoder() as turn:
                turn.cancel_partial()
                await self._pass_on(decision, turn)
                self._recorder.close()
                self._turn = self._pause = None
            case _:
                raise RuntimeError(f"{decision} must not come when {'a' if self._turn else 'no'} turn is open")

    def _open_turn(self, start: int) -> UtteranceDecoder:
        position = self._endpointer.position
        self._open_turns.begin()
        return UtteranceDecoder(
            self._recorder.open(start, position),
            self._decoder,
            self._tasks,
            language=self._config.language,
            partial_interval=self._config.partial_interval_ms * ENGINE_RATE_HZ // 1000,
            position=position,
        )

    async def _pass_on(
        self,
        what: SpeechStarted | PartialDue | PauseDecoded | EagerEndOfTurn | TurnResumed | EndOfTurn,
        turn: UtteranceDecoder,
    ) -> None:
        transcript = self._pause.transcript if self._pause else None
        pauses = self._endpointer.pauses.statistics
        await self._steps.send(Step(what, turn, self._endpointer.position, transcript, pauses))

    async def _tell_of_voice(self, event: events.VoicePaused | events.VoiceContinued) -> None:
        """Send the event to the client at once. A step would wait for earlier steps, such as a partial."""
        if self._config.voice_activity_events:
            await self._emit(event)

    async def _request_partial(self) -> None:
        """Request a partial if one is due and the voice goes on."""
        position = self._endpointer.position
        if self._turn and self._endpointer.is_voiced and self._turn.is_partial_due(position):
            self._turn.request_partial(position)
            await self._pass_on(PartialDue(), self._turn)

    # --- whether the learner is done ------------------------------------------------------------

    async def _assess(self) -> None:
        """Answer the endpointer's question from the words and the sound so far.

        The words alone are enough to begin a reply, but not to end the turn. If the turn probably goes on, the client
        still gets them at once, because they may interrupt the partner.
        """
        turn, pause = self._turn, self._pause
        if turn is None or pause is None:
            raise RuntimeError("the endpointer asks about a pause before it has begun")
        with stage("asr.end_of_turn", under(turn.utterance.span)):
            heard = await pause.transcript
            language = heard.language or self._config.language
            if pause.could_end is None:
                supposed = self._endpointer.suppose(probability_of_end(0.5, heard, language))
                await self._perform_all(supposed)
                if not supposed:  # otherwise EagerEndOfTurn tells the words
                    await self._pass_on(PauseDecoded(), turn)
                pause.could_end = await self._judge.could_end(heard.text, language)
            probability = await self._probability_of_end(turn.utterance, heard, language, pause.could_end)
        await self._perform_all(self._endpointer.judge(probability))

    async def _probability_of_end(
        self, utterance: Utterance, heard: Transcript, language: str, could_end: float | None
    ) -> float:
        """The probability that the learner is done, 0 to 1. The acoustic network costs CPU time, so it runs only if its
        answer can change the decision."""

        def given(acoustic: float) -> float:
            return probability_of_end(acoustic, heard, language, could_end)

        if self._endpointer.is_settled(given(0.0), given(1.0)):
            TURN_MODEL_SKIPPED.inc()
            return given(0.5)
        end = self._endpointer.position
        return given(await self._judge.acoustic(utterance.cut(end - self._judge.heard, end)))
