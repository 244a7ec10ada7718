"""Recognition of whole recordings over gRPC, as the port `Recordings`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import grpc
from aitalk.asr.v1 import asr_pb2, asr_pb2_grpc

from common.errors import ServiceError
from gateway.clients.asr import transcript_of
from gateway.clients.calls import Retries, open_call, service_errors
from gateway.clients.traced import TracedStub
from gateway.ports import Slip, Transcript


class GrpcRecordings:
    """Calls aitalk.asr.v1.AsrService."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = TracedStub(asr_pb2_grpc.AsrServiceStub(channel))

    async def recognize(
        self,
        pcm: bytes,
        *,
        sample_rate_hz: int,
        language: str = "",
        translate: bool = False,
        context: str = "",
        expected: str = "",
    ) -> Transcript:
        request = asr_pb2.RecognizeRequest(
            audio=pcm,
            sample_rate_hz=sample_rate_hz,
            language=language,
            translate=translate,
            context=context,
            expected_text=expected,
        )
        retries = Retries("ASR")
        while True:
            try:
                with service_errors("ASR"):
                    async with open_call(self._stub.Recognize(request)) as call:
                        return _recording_of(await call)
            except ServiceError as error:
                await retries.after_refusal(error)


def _recording_of(response: asr_pb2.RecognizeResponse) -> Transcript:
    slips = tuple(Slip(slip.word, slip.expected, slip.heard) for slip in response.slips)
    return replace(transcript_of(response.transcript), slips=slips)
