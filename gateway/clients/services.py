"""The three model servers as the gateway sees them: their channels, and what they report."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
from aitalk.tts.v1 import tts_pb2, tts_pb2_grpc

from common.grpc_client import open_channel
from common.security import Security
from gateway.clients.calls import service_errors
from gateway.clients.chat import GrpcChat
from gateway.clients.llm import LlmModel
from gateway.clients.model_service import DESCRIBE, PROBE_TIMEOUT_S, ModelService
from gateway.clients.recordings import GrpcRecordings
from gateway.clients.replicas import GrpcReplicas
from gateway.ports import KnownLanguages


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
        self._replicas = self._addresses | {name: one for name, one in (replicas or {}).items() if one}

    async def __aenter__(self) -> ModelServices:
        self._channels = {name: open_channel(address, self._security) for name, address in self._addresses.items()}
        self.asr, self.llm, self.tts = (self._channels[name] for name in ("asr", "llm", "tts"))
        self.recordings = GrpcRecordings(self.asr)
        self.chat = GrpcChat(self.llm)
        self._services = {
            name: ModelService(name, self._addresses[name], channel) for name, channel in self._channels.items()
        }
        self._all = GrpcReplicas(self._replicas, DESCRIBE, self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._all.close()
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    def _open(self, address: str, host: str) -> grpc.aio.Channel:
        """A channel to one replica. host: the host name in its certificate."""
        return open_channel(address, self._security, name=host)

    @property
    def llm_model(self) -> LlmModel:
        """The language model, as its service last described it."""
        engine = self._services["llm"].engine
        return LlmModel(engine.parameters, engine.adapter, tuple(engine.adapters))

    async def problems(self) -> dict[str, str]:
        """For each service: why it can't be used now, and what to do. Empty if its model is ready."""
        problems = await asyncio.gather(*(service.problem() for service in self._services.values()))
        return dict(zip(self._services, problems, strict=True))

    async def describe(self) -> dict[str, dict[str, Any]]:
        """For each service: engine, model, device, memory and slots; `error` if it does not answer."""
        answers = await asyncio.gather(*(service.described() for service in self._services.values()))
        return dict(zip(self._services, answers, strict=True))

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
        heard, spoken = await asyncio.gather(*(self._services[name].described() for name in ("asr", "tts")))
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
        described = await asyncio.gather(*(self._services[name].described() for name in ("llm", "tts")))
        return max(one["slots_in_use"] / one["slots_total"] if one.get("slots_total") else 1.0 for one in described)
