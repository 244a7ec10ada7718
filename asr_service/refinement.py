"""What happens after the end of a turn: it is heard again for hesitation sounds and mistakes, and if any are found, the
client gets the new transcript."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from asr_service import events
from asr_service.engine import Transcript
from asr_service.recognition.utterance import Utterance
from asr_service.recognition.word_edges import fit_words
from asr_service.stream import StreamConfig
from asr_service.verbatim.lane import VerbatimLane


def spoken_turn_of(utterance: Utterance, transcript: Transcript, end: int, *, rate: float) -> events.SpokenTurn:
    """The turn up to `end` as the client gets it, with word times that agree with the silences."""
    fitted = replace(transcript, words=fit_words(transcript.words, utterance.silences(end)))
    return events.spoken_turn(fitted, utterance.voice_start, end, offset=utterance.begin, rate=rate)


class Refinement:
    """The verbatim passes of one stream, as tasks of the group `tasks`. emit: sends an event to the client."""

    def __init__(
        self,
        lane: VerbatimLane,
        config: StreamConfig,
        tasks: asyncio.TaskGroup,
        emit: Callable[[events.Event], Awaitable[None]],
    ) -> None:
        self._lane = lane
        self._config = config
        self._tasks = tasks
        self._emit = emit
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, utterance: Utterance, transcript: Transcript, end: int) -> None:
        """Hear again the turn that ended at `end` (a sample at 16 kHz). Returns at once."""
        language = transcript.language or self._config.language
        if transcript.words and self._lane.takes(language):
            task = self._tasks.create_task(self._refine(utterance, transcript, end))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        """Stop the passes: the stream ends, and nobody waits for them."""
        for task in self._running:
            task.cancel()

    async def _refine(self, utterance: Utterance, transcript: Transcript, end: int) -> None:
        audio = utterance.cut(utterance.begin, end)
        said = await self._lane.hear(audio, transcript)
        if said is not transcript:
            turn = spoken_turn_of(utterance, said, end, rate=self._config.rate)
            await self._emit(events.VerbatimTranscript(turn))
