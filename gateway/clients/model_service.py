"""One model server as the gateway sees it: whether it can be used, and its description of itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
from aitalk.asr.v1 import asr_pb2, asr_pb2_grpc
from aitalk.common.v1.engine_pb2 import EngineInfo
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc
from aitalk.tts.v1 import tts_pb2, tts_pb2_grpc
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2, health_pb2_grpc

logger = logging.getLogger(__name__)

PROBE_TIMEOUT_S = 2.0


def _describing(stub: Any, request: Any) -> Callable[[grpc.aio.Channel], Callable[..., Any]]:
    return lambda channel: partial(stub(channel).Describe, request)


DESCRIBE = {
    "asr": _describing(asr_pb2_grpc.AsrServiceStub, asr_pb2.DescribeRequest()),
    "llm": _describing(llm_pb2_grpc.LlmServiceStub, llm_pb2.DescribeRequest()),
    "tts": _describing(tts_pb2_grpc.TtsServiceStub, tts_pb2.DescribeRequest()),
}
"""A service's name → a function that takes a channel and returns the method `Describe` of the server behind it."""


class ModelService:
    """The server behind one channel. name: a key of DESCRIBE. engine: as the server last described it."""

    def __init__(self, name: str, address: str, channel: grpc.aio.Channel) -> None:
        self.engine = EngineInfo()
        self._name = name
        self._address = address
        self._channel = channel
        self._describe = DESCRIBE[name](channel)
        self._is_refusing = False  # it refuses this gateway's calls, and the log already says so

    async def problem(self) -> str:
        """Why it can't be used now, and what to do. Empty if its model is ready."""
        stub: Any = health_pb2_grpc.HealthStub(self._channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=PROBE_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            why, name = error.code().name.lower(), self._name.upper()
            return f"does not answer ({why}); see that it runs, and that {name}_ADDRESS and GRPC_TLS_* are right"
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            return "loads its model, starts its model server again, or drains; wait, and see its log if that takes long"
        return await self._refusal()

    async def _refusal(self) -> str:
        """Why a service that reports itself healthy refuses our calls, if it does. Health checks need no token, so
        they don't show it."""
        try:
            await self._describe(timeout=PROBE_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                problem = (
                    "refuses this gateway's SERVICE_TOKEN; set the same one for both, and restart what you changed"
                )
                if not self._is_refusing:
                    self._is_refusing = True
                    logger.warning("%s %s", self._name, problem)
                return problem
        self._is_refusing = False
        return ""

    async def described(self) -> dict[str, Any]:
        """Its engine, model, device, memory and slots; `error` if it does not answer."""
        try:
            answer = await self._describe(timeout=PROBE_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            return {"error": f"{self._name} at {self._address} does not answer: {error.code().name.lower()}"}
        self.engine = answer.engine
        engine = MessageToDict(
            answer.engine, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        # Protobuf's JSON writes 64-bit integers as strings, because JavaScript loses digits beyond 2^53. The numbers
        # here are far smaller.
        return {
            key: int(value) if key.endswith("_bytes") or key == "parameters" else value for key, value in engine.items()
        }
