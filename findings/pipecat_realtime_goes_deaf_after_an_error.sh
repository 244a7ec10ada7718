#!/usr/bin/env bash
# Finding: after one `error` event, Pipecat's OpenAI Realtime service receives no more events of its session.
#
# Version: pipecat-ai 1.14.0, CPython 3.11, Linux x86-64.
# Expected: the session goes on. OpenAI's own types say of the event (openai 3.57.0, RealtimeErrorEvent): "Most errors are
#   recoverable and the session will stay open, we recommend to implementers to monitor and log error messages by
#   default."
# Seen: OpenAIRealtimeLLMService leaves its receive loop at every `error` but three (`item_retrieve_invalid_item_id`,
#   `response_cancel_not_active`, `conversation_already_has_active_response`). The pipeline runs on:
#   it gets one ErrorFrame that is not fatal. What the server sends afterwards, such as transcripts, reaches nobody.
# Who is hurt: a caller whose voice bot falls silent for the rest of the call after one invalid event, such as a
#   truncation that came too late; and servers of this API that report a delay as an `error`.
# Valid input: a server that sends session.created, session.updated, an error, and a transcript, as in the API's
#   reference. Fails if the transcript after the error arrives, or the one without an error does not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "pipecat-ai[openai,websocket]==1.14.0"
"$folder/venv/bin/python" - 2>"$folder/log" <<'PYTHON' || { tail -20 "$folder/log"; exit 1; }
import asyncio
import json
import sys

from pipecat.frames.frames import EndFrame, ErrorFrame, TranscriptionFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner
from websockets.asyncio.server import serve

CREATED = {"type": "session.created", "event_id": "e1", "session": {"type": "realtime"}}
UPDATED = {"type": "session.updated", "event_id": "e2", "session": {"type": "realtime"}}
WRONG = {
    "type": "error",
    "event_id": "e3",
    "error": {"type": "invalid_request_error", "code": "invalid_value", "message": "no", "param": None, "event_id": None},
}
HEARD = {
    "type": "conversation.item.input_audio_transcription.completed",
    "event_id": "e4",
    "item_id": "i1",
    "content_index": 0,
    "transcript": "Hello.",
    "usage": {"type": "duration", "seconds": 1},
}


class Ear(FrameProcessor):
    def __init__(self):
        super().__init__()
        self.frames = []

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        await self.push_frame(frame, direction)


async def session(events):
    """Returns the transcripts, and the errors as (text, is fatal), of a session in which the server sends these."""

    async def server(socket):
        await socket.send(json.dumps(CREATED))
        async for message in socket:
            if json.loads(message)["type"] == "session.update":
                for event in (UPDATED, *events):
                    await socket.send(json.dumps(event))

    ear, started = Ear(), asyncio.Event()
    async with serve(server, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        service = OpenAIRealtimeLLMService(api_key="any", base_url=f"ws://127.0.0.1:{port}/v1/realtime")
        worker = PipelineWorker(Pipeline([ear, service]), cancel_on_idle_timeout=False)
        worker.add_event_handler("on_pipeline_started", lambda *_: started.set())
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        run = asyncio.create_task(runner.run())
        await asyncio.wait_for(started.wait(), 20)
        await asyncio.sleep(3)
        transcripts = [frame.text for frame in ear.frames if isinstance(frame, TranscriptionFrame)]
        errors = [frame.fatal for frame in ear.frames if isinstance(frame, ErrorFrame)]
        await worker.queue_frame(EndFrame())
        await asyncio.wait_for(run, 20)
    return transcripts, errors


async def main():
    without, with_error = await session([HEARD]), await session([WRONG, HEARD])
    print(f"without an error: transcripts {without[0]}, errors {without[1]}")
    print(f"after an error:   transcripts {with_error[0]}, errors (fatal?) {with_error[1]}")
    if without != (["Hello."], []) or with_error != ([], [False]):
        sys.exit("this has changed")


asyncio.run(main())
PYTHON
