"""One stream: audio in, events out.

    requests ──▶ Listener: endpointing, record ──steps──▶ Answerer: decode, emit ──▶ events

The two halves run side by side, so that listening goes on while the model decodes. The channel between them is short,
so a client that sends faster than the model decodes is slowed down.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio

from asr_service.answerer import Answerer
from asr_service.audio import check_pcm
from asr_service.events import Event
from asr_service.listener import Listener
from asr_service.metrics import AUDIO_SECONDS
from asr_service.recognition.decoder import Decoder
from asr_service.refinement import Refinement
from asr_service.stream import Finish, OpenTurns, Request, Step, StreamConfig
from asr_service.turn_taking.endpointing import Endpointing
from asr_service.turn_taking.turn_judge import TurnJudge
from asr_service.verbatim.lane import VerbatimLane
from asr_service.voice.vad_thread import VadThread
from common.errors import InvalidInputError, SequenceError, UnavailableError
from common.pcm import BYTES_PER_SAMPLE

DRAINS = "this replica is shutting down; open the stream again at another one"
MAX_CHUNK_BYTES = 1024 * 1024
_STEPS = 8  # how many steps may wait for the model: those of a few pauses; at this number, listening waits, too


class StreamSession:
    """Recognises one stream. `emit` sends an event to the client; `vad_thread` runs voice detection.

    Once `draining` is set, the stream ends with UnavailableError as soon as no turn is open. The client then continues
    at another replica. verbatim: hears turns again, if the client wants that; the end of the stream does not wait for
    it.
    """

    def __init__(
        self,
        config: StreamConfig,
        *,
        decoder: Decoder,
        judge: TurnJudge,
        vad_thread: VadThread,
        emit: Callable[[Event], Awaitable[None]],
        draining: asyncio.Event | None = None,
        verbatim: VerbatimLane | None = None,
    ) -> None:
        self._config = config
        self._decoder = decoder
        self._judge = judge
        self._vad_thread = vad_thread
        self._vad_stream = vad_thread.open(config.sample_rate_hz)
        self._emit_one = emit
        self._emitting = asyncio.Lock()  # gRPC takes only one message at a time
        self._draining = draining or asyncio.Event()
        self._verbatim = verbatim if config.verbatim else None

    async def run(self, requests: AsyncIterator[Request]) -> None:
        """Run until the client has finished.

        Raises InvalidInputError and SequenceError for wrong requests, and UnavailableError between two turns if the
        replica drains.
        """
        send, receive = anyio.create_memory_object_stream[Step](_STEPS)
        open_turns = OpenTurns()
        with send, receive:
            async with asyncio.TaskGroup() as tasks:
                listener = Listener(
                    self._config,
                    decoder=self._decoder,
                    judge=self._judge,
                    tasks=tasks,
                    steps=send,
                    emit=self._emit,
                    open_turns=open_turns,
                )
                refinement = self._verbatim and Refinement(self._verbatim, self._config, tasks, self._emit)
                refine = {"refine": refinement.begin} if refinement else {}
                answerer = Answerer(self._config, emit=self._emit, open_turns=open_turns, **refine)
                answering = tasks.create_task(answerer.run(receive))
                leaving = tasks.create_task(self._leave_between_turns(open_turns))
                try:
                    await self._listen(requests, listener)
                finally:
                    listener.cancel()
                send.close()
                leaving.cancel()
                await asyncio.wait({answering})
                if refinement:
                    refinement.cancel()

    async def _leave_between_turns(self, open_turns: OpenTurns) -> None:
        await self._draining.wait()
        await open_turns.wait_for_none()
        raise UnavailableError(DRAINS)

    async def _listen(self, requests: AsyncIterator[Request], listener: Listener) -> None:
        async for request in requests:
            match request:
                case bytes():
                    await self._hear(request, listener)
                case Endpointing():
                    listener.reconfigure(request)
                case Finish():
                    await listener.hear(await self._vad_thread.hear(self._vad_stream, b"", last=True))
                    await listener.finish()
                    return
        raise SequenceError("the request stream ended without `finish`; send `finish` to have the open turn answered")

    async def _hear(self, pcm: bytes, listener: Listener) -> None:
        if len(pcm) > MAX_CHUNK_BYTES:
            raise InvalidInputError(
                f"an audio message has {len(pcm)} bytes; send at most {MAX_CHUNK_BYTES} at once, 20 to 100 ms is best"
            )
        check_pcm(pcm)
        AUDIO_SECONDS.inc(len(pcm) / BYTES_PER_SAMPLE / self._config.sample_rate_hz)
        # one second at a time, so that other streams get their turn
        second = BYTES_PER_SAMPLE * self._config.sample_rate_hz
        for begin in range(0, len(pcm), second):
            await listener.hear(await self._vad_thread.hear(self._vad_stream, pcm[begin : begin + second]))

    async def _emit(self, event: Event) -> None:
        async with self._emitting:
            await self._emit_one(event)
