"""When an answer is due, and which answers arrived.

A learner's audio determines when its turn is probably over (eager) and when it is over (end). These positions in the
program are found once, by asking the recogniser itself frame by frame. The answer can begin once the turn is over and
recognition, language model and voice have taken their fixed times, counted from the eager end. Any longer wait is
caused by the mesh.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import grpc
from aitalk.asr.v1 import asr_pb2, asr_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.load.client import Turns
from bench.load.speech import FRAME, FRAME_S, RATE_HZ, Program
from common.grpc_client import open_channel

_START_TIMEOUT_S = 60.0
_SETTLE_S = 0.08  # by then, a recogniser without delays has sent the events that a frame causes
_WATCHED_S = 2.0  # after the voice; by then a turn is over
_ANSWER_WITHIN_S = 3.0


@dataclass(frozen=True)
class Ending:
    """Positions in the program, in frames: where a turn's voice ends, where its eager end is known, and where its
    end is known."""

    voice: int
    eager: int
    over: int


async def endings(asr_address: str, said: Program) -> list[Ending]:
    """Ask a recogniser that is like the measured one, except that its decodes take no time."""
    async with open_channel(asr_address) as channel:
        await _until_serving(channel)
        call = asr_pb2_grpc.AsrServiceStub(channel).StreamingRecognize()
        config = asr_pb2.StreamingConfig(sample_rate_hz=RATE_HZ, language="en")
        await call.write(asr_pb2.StreamingRecognizeRequest(config=config))
        events: list[str] = []

        async def read() -> None:
            async for response in call:
                events.append(str(response.WhichOneof("event")))  # noqa: PERF401  seen while it grows

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read())
            found = await _walk(call, said, events)
            await call.write(asr_pb2.StreamingRecognizeRequest(finish=asr_pb2.Finish()))
        return found


async def _until_serving(channel: grpc.aio.Channel) -> None:
    async with asyncio.timeout(_START_TIMEOUT_S):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        while (await stub.Check(request, wait_for_ready=True)).status != health_pb2.HealthCheckResponse.SERVING:
            await asyncio.sleep(0.1)


async def _walk(call: Any, said: Program, events: list[str]) -> list[Ending]:
    found: list[Ending] = []
    voices = [end // FRAME for _, end in said.voiced]
    eager = 0
    for index in range(said.frames):
        await call.write(asr_pb2.StreamingRecognizeRequest(audio=said.frame(index)))
        number = len(found)
        watched = number < len(voices) and 0 <= index - voices[number] + 5 < _WATCHED_S / FRAME_S
        seen = len(events)
        await asyncio.sleep(_SETTLE_S if watched else 0.002)
        for event in events[seen:]:
            if event == "eager_end_of_turn":
                eager = index
            elif event == "end_of_turn":
                found.append(Ending(voices[number], eager, index))
    if len(found) != len(voices):
        raise RuntimeError(f"the recogniser found {len(found)} turns in the program's {len(voices)}")
    return found


@dataclass(frozen=True)
class Answers:
    """The answers to all learners. added_ms: the part of each wait that the mesh causes; voice_to_voice_ms: from the
    voice's end to the answer."""

    due: int
    given: int
    added_ms: list[float]
    voice_to_voice_ms: list[float]


def answers(learners: Sequence[Turns], ends: Sequence[Ending], frames: int, models_s: float) -> Answers:
    """Which turns were answered in time, and how late. Turns at the beginning and at the end of the run don't count."""
    due, added, voice = 0, [], []
    for learner in learners:
        for ending in _turns_of(learner, ends, frames):
            sent = [
                learner.began_s + (at - learner.phase) * FRAME_S for at in (ending.voice, ending.eager, ending.over)
            ]
            possible = max(sent[2], sent[1] + models_s)
            due += 1
            answer = next((at for at in learner.answers_s if sent[0] < at < possible + _ANSWER_WITHIN_S), None)
            if answer is not None:
                added.append(1000 * (answer - possible))
                voice.append(1000 * (answer - sent[0]))
    return Answers(due, len(added), added, voice)


def _turns_of(learner: Turns, ends: Sequence[Ending], frames: int) -> list[Ending]:
    """The endings of a learner's complete turns. Frame numbers continue through repetitions of the program."""
    last = learner.phase + learner.sent_frames - round(_ANSWER_WITHIN_S / FRAME_S)
    first = learner.phase + round(5.0 / FRAME_S)  # the learner may have begun in the middle of a sentence
    return [
        Ending(begin + ending.voice, begin + ending.eager, begin + ending.over)
        for begin in range(0, last + frames, frames)
        for ending in ends
        if first <= begin + ending.voice and begin + ending.over <= last
    ]


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The value below which `percent` percent of the values are; None if there are no values."""
    if not values:
        return None
    if percent == 50:
        return median(values)
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]
