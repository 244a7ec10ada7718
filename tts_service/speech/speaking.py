"""Speaks clauses as they arrive, in a thread. The chunks go into a channel, and the work pauses while nobody reads it.

An engine that takes text as it arrives gets single words as clauses. The thread never waits for the next clause.
"""

from __future__ import annotations

from contextlib import closing, suppress
from functools import partial

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from opentelemetry import trace

from common.tracing import stage
from tts_service.metrics import FirstAudioTimer
from tts_service.speech.pacing import Pacer
from tts_service.speech.streaming_text import StreamingTextSynthesis
from tts_service.speech.synthesis import SpeechChunk, Synthesis
from tts_service.speech.worker import Worker
from tts_service.text.clauses import Clause


async def speak_all(
    reply: Synthesis,
    clauses: MemoryObjectReceiveStream[Clause],
    chunks: MemoryObjectSendStream[list[SpeechChunk]],
    worker: Worker,
    pacer: Pacer,
    timer: FirstAudioTimer,
) -> None:
    """Send the chunks of all `clauses` to `chunks`, as one list for each piece that the engine makes. Then close both
    channels.

    When cancelled, it returns once the engine has finished the current piece.
    """
    with clauses, chunks:
        if isinstance(reply, StreamingTextSynthesis):
            try:
                with stage("tts.synthesize"):
                    await _speak_streaming_text(reply, clauses, chunks, worker, pacer, timer)
            finally:
                reply.close()
            return
        async for clause in clauses:
            with closing(reply.speak(clause)) as pieces, stage("tts.synthesize", characters=len(clause.text)):
                while (piece := await pacer.make(partial(next, pieces, None))) is not None:
                    await _send(piece, chunks, timer)
        await chunks.send(await worker.run(reply.finish))


async def _speak_streaming_text(
    reply: StreamingTextSynthesis,
    words: MemoryObjectReceiveStream[Clause],
    chunks: MemoryObjectSendStream[list[SpeechChunk]],
    worker: Worker,
    pacer: Pacer,
    timer: FirstAudioTimer,
) -> None:
    """Speak the text that has arrived, then wait for more. Closing `reply` ends the work."""
    while True:
        while (piece := await pacer.make(reply.advance)) is not None:
            await _send(piece, chunks, timer)
            _push_what_came(reply, words)
        try:
            word = await words.receive()
        except anyio.EndOfStream:
            break
        await worker.run(partial(reply.push, word))  # in a thread: for the first word, `push` may block
    reply.end_text()
    while (piece := await pacer.make(reply.advance)) is not None:
        await _send(piece, chunks, timer)
    await chunks.send(await worker.run(reply.finish))


def _push_what_came(reply: StreamingTextSynthesis, words: MemoryObjectReceiveStream[Clause]) -> None:
    """Give the engine the words that have arrived since the last piece."""
    with suppress(anyio.WouldBlock, anyio.EndOfStream):
        while True:
            reply.push(words.receive_nowait())


async def _send(
    piece: list[SpeechChunk], chunks: MemoryObjectSendStream[list[SpeechChunk]], timer: FirstAudioTimer
) -> None:
    if any(chunk.pcm for chunk in piece) and timer.sound_made():
        trace.get_current_span().add_event("first_audio")
    await chunks.send(piece)
