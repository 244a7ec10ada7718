"""For tests of speech recognition: speech, a server, and the events of a stream."""

from __future__ import annotations

import asyncio
import random
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr
from aitalk.asr.v1 import asr_pb2 as pb
from aitalk.asr.v1 import asr_pb2_grpc

from asr_service.config import AsrSettings
from asr_service.engines import create_engine
from asr_service.service import create_service
from common.grpc_client import open_channel
from common.grpc_server import ModelServer
from tests.support.voices import say, wheel_folder

Pcm = npt.NDArray[np.int16]

BECKETT_WORDS = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."
LEARNER_LINES = (
    "Yesterday I went to the market with my sister and we bought some apples.",
    "Could you tell me how to get to the train station?",
    "I have been learning English for two years because I want to work abroad.",
    "My favorite food is rice with chicken and vegetables.",
)


def beckett_path() -> Path:
    """Ten seconds of a person speaking, 16 kHz, with long pauses."""
    return wheel_folder("moonshine_voice") / "assets" / "beckett.wav"


def read_wav(path: Path) -> tuple[Pcm, int]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()


@cache
def spoken(text: str, rate: int = 16_000, take: int = 1) -> Pcm:
    """`text` as Piper speaks it, without silence before and after, at `rate` Hz. take: see `say`."""
    audio, rate_hz = say(text, take)
    loud = np.flatnonzero(np.abs(audio.astype(np.int32)) > 300)
    audio = audio[loud[0] : loud[-1] + 1]
    return np.asarray(soxr.resample(audio, rate_hz, rate), np.int16)


def silence(seconds: float, rate: int = 16_000) -> Pcm:
    return np.zeros(round(seconds * rate), np.int16)


# --- a server and its client --------------------------------------------------------------------


@dataclass(frozen=True)
class AsrServer:
    model_server: ModelServer
    stub: asr_pb2_grpc.AsrServiceAsyncStub
    channel: Any

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.model_server.port}"


def asr_settings(**overrides: Any) -> AsrSettings:
    """The settings with a drain of 5 s and these overrides. All others are read as usual, from the environment too."""
    return AsrSettings.model_validate({"drain_timeout_s": 5.0, **overrides})


@asynccontextmanager
async def asr_server(settings: AsrSettings, *, warm: bool = True) -> AsyncIterator[AsrServer]:
    """The real service on a free port."""
    service = create_service(create_engine(settings), settings)
    async with ModelServer(service, settings, 0) as server, open_channel(f"127.0.0.1:{server.port}") as channel:
        if warm:
            await server.warm_up()
        yield AsrServer(server, asr_pb2_grpc.AsrServiceStub(channel), channel)


def config(rate: int = 16_000, **fields: Any) -> pb.StreamingRecognizeRequest:
    return pb.StreamingRecognizeRequest(config=pb.StreamingConfig(sample_rate_hz=rate, **fields))


def audio(pcm: Pcm | bytes) -> pb.StreamingRecognizeRequest:
    return pb.StreamingRecognizeRequest(audio=pcm if isinstance(pcm, bytes) else pcm.tobytes())


FINISH = pb.StreamingRecognizeRequest(finish=pb.Finish())


def chunked(pcm: Pcm, *, seed: int, largest: int = 4000) -> Iterator[pb.StreamingRecognizeRequest]:
    """The audio as requests, cut at random places."""
    sizes, begin = random.Random(seed), 0
    while begin < len(pcm):
        end = begin + sizes.randint(1, largest)
        yield audio(pcm[begin:end])
        begin = end


async def stream(
    server: AsrServer, requests: list[pb.StreamingRecognizeRequest], *, pause_s: float = 0.0
) -> list[pb.StreamingRecognizeResponse]:
    """All events of a stream of these messages, sent `pause_s` apart."""
    call = server.stub.StreamingRecognize()

    async def send() -> None:
        for request in requests:
            await call.write(request)
            await asyncio.sleep(pause_s)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(send())
        return [event async for event in call]


def kinds(events: list[pb.StreamingRecognizeResponse]) -> list[str]:
    """The kinds of the events, without partials."""
    names = [str(event.WhichOneof("event")) for event in events]
    return [name for name in names if name != "partial"]


def turns(events: list[pb.StreamingRecognizeResponse]) -> list[pb.EndOfTurn]:
    return [event.end_of_turn for event in events if event.HasField("end_of_turn")]


def whole_text(events: list[pb.StreamingRecognizeResponse]) -> str:
    return " ".join(turn.transcript.text for turn in turns(events))
