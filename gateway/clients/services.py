"""The three model servers as the gateway sees them: channels, readiness, and their descriptions of themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import grpc
from aitalk.asr.v1 import asr_pb2, asr_pb2_grpc
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc
from aitalk.tts.v1 import tts_pb2, tts_pb2_grpc
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2, health_pb2_grpc

from common.grpc_client import open_channel
from common.security import Security
from gateway.clients.calls import service_errors
from gateway.clients.chat import GrpcChat
from gateway.clients.llm import LlmModel
from gateway.clients.recordings import GrpcRecordings
from gateway.clients.replicas import GrpcReplicas
from gateway.ports import KnownLanguages

logger = logging.getLogger(__name__)

PROBE_TIMEOUT_S = 2.0


def _describing(stub: Any, request: Any) -> Callable[[grpc.aio.Channel], Callable[..., Any]]:
    return lambda channel: partial(stub(channel).Describe, request)


_DESCRIBE = {
    "asr": _describing(asr_pb2_grpc.AsrServiceStub, asr_pb2.DescribeRequest()),
    "llm": _describing(llm_pb2_grpc.LlmServiceStub, llm_pb2.DescribeRequest()),
    "tts": _describing(tts_pb2_grpc.TtsServiceStub, tts_pb2.DescribeRequest()),
}


class ModelServices:
    """The channels to the model servers, and what the servers report. `async with` opens and closes the channels.

    replicas: the addresses of a service's replicas, if they differ from the service's own address.
    """

    def __init__(
        self,
        *,
        asr: str,
        llm: str,
        tts: str,
        replicas: Mapping[str, str] | None = None,
        security: Security | None = None,
    ) -> None:
        self._security = security
        self._addresses = {"asr": asr, "llm": llm, "tts": tts}
        self._refusing: set[str] = set()  # services that refuse this gateway's calls; the log already says so
        self.llm_model = LlmModel()
        """The language model, as its service last described it."""
        self._replicas = self._addresses | {name: one for name, one in (replicas or {}).items() if one}

    async def __aenter__(self) -> ModelServices:
        self._channels = {name: open_channel(address, self._security) for name, address in self._addresses.items()}
        self.asr, self.llm, self.tts = (self._channels[name] for name in ("asr", "llm", "tts"))
        self.recordings = GrpcRecordings(self.asr)
        self.chat = GrpcChat(self.llm)
        self._describe = {name: describe(self._channels[name]) for name, describe in _DESCRIBE.items()}
        self._all = GrpcReplicas(self._replicas, _DESCRIBE, self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._all.close()
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    def _open(self, address: str, host: str) -> grpc.aio.Channel:
        """A channel to one replica, whose certificate has the service's name."""
        return open_channel(address, self._security, name=host)

    async def problems(self) -> dict[str, str]:
        """For each service: why it can't be used now, and what to do. Empty if its model is ready."""
        problems = await asyncio.gather(*(self._problem(name) for name in self._channels))
        return dict(zip(self._channels, problems, strict=True))

    async def describe(self) -> dict[str, dict[str, Any]]:
        """For each service: engine, model, device, memory and slots; `error` if it does not answer."""
        answers = await asyncio.gather(*(self._described(name) for name in self._channels))
        return dict(zip(self._channels, answers, strict=True))

    async def fallbacks(self) -> dict[str, str]:
        """For each service that does not run the requested engine: which one it runs, and why."""
        described = await self.describe()
        return {
            name: f"{one['engine']} ({one['model']}): {one['fallback_reason']}"
            for name, one in described.items()
            if one.get("fallback_reason")
        }

    async def voices(self) -> list[dict[str, Any]]:
        """The voices of the speech synthesis, the default first. Raises ServiceError if it does not answer."""
        stub: Any = tts_pb2_grpc.TtsServiceStub(self.tts)
        with service_errors("TTS"):
            answer = await stub.ListVoices(tts_pb2.ListVoicesRequest(), timeout=PROBE_TIMEOUT_S)
        return [
            {"id": one.id, "name": one.name, "language": one.language, "sample_rate": one.native_sample_rate_hz}
            for one in answer.voices
        ]

    async def languages(self) -> KnownLanguages:
        """The languages of the voices and of the recognition; empty for a service that does not report them."""
        heard, spoken = await asyncio.gather(*(self._described(name) for name in ("asr", "tts")))
        return KnownLanguages(tuple(spoken.get("languages", ())), tuple(heard.get("languages", ())))

    async def slots(self) -> dict[str, int | None]:
        """The slots of each service, summed over its ready replicas; None: no replica is ready."""
        return await self._all.slots()

    async def occupancy(self) -> float:
        """The share of slots in use, 0 to 1, of the language model or synthesis, whichever is higher; 1 if one of them
        does not answer.

        Recognition does not count: each learner holds one of its slots all the time, and an eager reply needs no
        further one.
        """
        described = await asyncio.gather(*(self._described(name) for name in ("llm", "tts")))
        return max(one["slots_in_use"] / one["slots_total"] if one.get("slots_total") else 1.0 for one in described)

    async def _problem(self, name: str) -> str:
        stub: Any = health_pb2_grpc.HealthStub(self._channels[name])
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=PROBE_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            why = error.code().name.lower()
            return (
                f"does not answer ({why}); see that it runs, and that {name.upper()}_ADDRESS and GRPC_TLS_* are right"
            )
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            return "loads its model, starts its model server again, or drains; wait, and see its log if that takes long"
        return await self._refusal(name)

    async def _refusal(self, name: str) -> str:
        """Why a service that reports itself healthy refuses our calls, if it does. Health checks need no token."""
        try:
            await self._describe[name](timeout=PROBE_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                problem = (
                    "refuses this gateway's SERVICE_TOKEN; set the same one for both, and restart what you changed"
                )
                if name not in self._refusing:
                    self._refusing.add(name)
                    logger.warning("%s %s", name, problem)
                return problem
        self._refusing.discard(name)
        return ""

    async def _described(self, name: str) -> dict[str, Any]:
        try:
            answer = await self._describe[name](timeout=PROBE_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            return {"error": f"{name} at {self._addresses[name]} does not answer: {error.code().name.lower()}"}
        engine = MessageToDict(
            answer.engine, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        if name == "llm":
            self.llm_model = LlmModel(answer.engine.parameters, answer.engine.adapter)
        # Protobuf's JSON writes 64-bit integers as strings, because JavaScript loses digits beyond 2^53. The numbers
        # here are far smaller.
        return {
            key: int(value) if key.endswith("_bytes") or key == "parameters" else value for key, value in engine.items()
        }
