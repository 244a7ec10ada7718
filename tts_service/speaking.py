"""Speaks clauses as they come, in a thread, into a channel that holds the work back when nobody listens."""

from __future__ import annotations

from contextlib import closing
from functools import partial

from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from opentelemetry import trace

from common.tracing import stage
from tts_service.clauses import Clause
from tts_service.metrics import FirstAudioTimer
from tts_service.reply import Reply, SpeechChunk
from tts_service.worker import Worker


async def speak_all(
    reply: Reply,
    clauses: MemoryObjectReceiveStream[Clause],
    chunks: MemoryObjectSendStream[list[SpeechChunk]],
    worker: Worker,
    timer: FirstAudioTimer,
) -> None:
    """The chunks of all `clauses`, in lists of a sentence or so; closes both channels.

    Cancelled, it ends with the sentence being made.
    """
    with clauses, chunks:
        async for clause in clauses:
            with closing(reply.speak(clause)) as pieces, stage("tts.synthesize", characters=len(clause.text)):
                while (piece := await worker.run(partial(next, pieces, None))) is not None:
                    if any(chunk.pcm for chunk in piece) and timer.sound_made():
                        trace.get_current_span().add_event("first_audio")
                    await chunks.send(piece)
        await chunks.send(await worker.run(reply.finish))
