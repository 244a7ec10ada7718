"""`make simulate CHECK=1`: the same load on the real mesh and in the simulation, side by side.

The real mesh is that of `make load`: gateway, Valkey, voice detection and endpointing are real, the models take fixed
times. Recognition has one thread, so that learners wait for one another; the simulation must predict these waits. The
simulated learners say the same program at the same times, and their turns end where the recogniser says.

The goal: the simulated p50 and p95 of voice to voice differ from the real ones by at most 20 %. On a machine that is
busy with other work (the column "late" shows it) the comparison is worthless.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import simpy
from aitalk.asr.v1 import asr_pb2, asr_pb2_grpc
from pydantic import BaseModel

from bench.load.delays import REPLY_S, Delays, reply_tokens
from bench.load.expected import Ending, endings, percentile
from bench.load.measure import Timeline, run_learners
from bench.load.processes import mesh, recognising
from bench.load.simulation.mesh import PREPARE_S, Mesh, Policy, Replicas
from bench.load.simulation.rhythm import Turn
from bench.load.simulation.stage_times import Profile, Recognition, Speaking, Writing
from bench.load.speech import FRAME, FRAME_S, RATE_HZ, Program, program
from common.grpc_client import open_channel
from common.pcm import VOICE_WINDOW_S
from deploy.ports import free_ports

WITHIN = 0.20
_MANY = 2000


class Compared(BaseModel):
    """One load. real_ms, simulated_ms: p50 and p95 of voice to voice. given, due: answers of the real mesh. cores: how
    many cores each process kept busy."""

    learners: int
    real_ms: tuple[float, float]
    simulated_ms: tuple[float, float]
    given: int
    due: int
    simulated_answers: int
    client_late_p99_ms: float
    cores: dict[str, float]

    @property
    def ratios(self) -> tuple[float, float]:
        """The ratios of simulated to real values."""
        return self.simulated_ms[0] / self.real_ms[0], self.simulated_ms[1] / self.real_ms[1]

    @property
    def is_within(self) -> bool:
        """Whether both ratios are within the goal."""
        return all(abs(ratio - 1) <= WITHIN for ratio in self.ratios)


@dataclass(frozen=True)
class Pause:
    """A pause, in seconds of the program. The last pause of a turn has no end."""

    begins_s: float
    lasts_s: float


@dataclass
class Scripted:
    """A learner of bench/load, who repeats the program whether or not it is answered. turns: see `script`."""

    env: simpy.Environment
    turns: Iterator[tuple[float, Turn]]

    def next_turn(self) -> Turn:
        """The next sentence of the program. If the learner is late, the sentence lacks its beginning."""
        begins, turn = next(self.turns)
        wait = max(0.0, begins - self.env.now)
        return Turn(wait, turn.speech_s - max(0.0, self.env.now - begins), *_rest(turn))


def _rest(turn: Turn) -> tuple[float, float, float, bool, int, tuple[tuple[float, float], ...], int, float, int, float]:
    return (
        turn.decode_s, turn.eager_s, turn.over_s, turn.in_vain, turn.words, turn.pauses_s,
        turn.reply_tokens, turn.reply_s, turn.clause_tokens, turn.clause_s,
    )  # fmt: skip


def script(said: Program, ends: Sequence[Ending], pauses: Sequence[Pause], phase: int) -> Iterator[tuple[float, Turn]]:
    """Each whole sentence after the frame `phase`: seconds from that frame to its beginning, and the turn."""
    for repetition in count():
        for (voice_begins, _), ending in zip(said.voiced, ends, strict=True):
            first = repetition * said.frames + voice_begins // FRAME
            if first < phase:
                continue
            begins_s, ends_s = voice_begins / RATE_HZ, ending.voice * FRAME_S
            eager_s = (ending.eager - ending.voice) * FRAME_S
            paused = [pause for pause in pauses if begins_s < pause.begins_s <= ending.over * FRAME_S]
            last = paused.pop()
            turn = Turn(
                wait_s=0.0,
                speech_s=(ending.voice - voice_begins // FRAME) * FRAME_S,
                decode_s=max(0.0, last.begins_s + PREPARE_S - ends_s),
                eager_s=eager_s,
                over_s=(ending.over - ending.voice) * FRAME_S,
                in_vain=False,
                words=0,
                pauses_s=tuple((one.begins_s - begins_s, max(PREPARE_S, one.lasts_s)) for one in paused),
                reply_tokens=len(reply_tokens()),
                reply_s=REPLY_S,
                clause_tokens=0,  # the stub's voice begins at the first token
                clause_s=REPLY_S,
            )
            yield (first - phase) * FRAME_S, turn


def profile_of(delays: Delays, threads: int, overhead_s: float) -> Profile:
    """The models of bench/load: as fast for many learners as for one, but recognition has only `threads` threads."""
    return Profile(
        machine="bench/load",
        asr=Recognition(
            model="stub",
            seconds_by_batch={1: delays.decode},
            partial_factor=delays.partial / delays.decode,
            workers=threads,
            max_batch=1,
            slots=_MANY,
        ),
        llm=Writing(model="stub", token_seconds_by_batch={1: delays.token}, prefill_s=delays.first_token, slots=_MANY),
        tts=Speaking(model="stub", seconds_by_batch={1: 1e-4}, first_audio_s=delays.speech, slots=_MANY),
        overhead_s=overhead_s,
        startup_s=0.0,
    )


def simulated(
    profile: Profile,
    said: Program,
    ends: Sequence[Ending],
    pauses: Sequence[Pause],
    learners: int,
    seconds: float,
) -> list[float]:
    """Voice to voice, in milliseconds, for the turns that bench/load would count."""
    env = simpy.Environment()
    world = Mesh(env, profile, Replicas(), Policy(speculation=1.0, partials_retried_s=VOICE_WINDOW_S), seed=1)
    world.record.since = 5.0  # as in bench.load.expected: the learner may have begun in the middle of a sentence
    for number in range(learners):
        turns = script(said, ends, pauses, number * said.frames // learners)
        env.process(world.converse(Scripted(env, turns), math.inf))
    env.run(seconds)
    return [1000 * wait for _, wait in world.record.answers]


def main() -> None:
    """Compare, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.load.simulation.check", description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--duration", type=float, default=60.0, help="seconds for which the learners speak")
    parser.add_argument("--asr-threads", type=int, default=1, help="decodes at once")
    parser.add_argument(
        "--overhead-ms", type=float, default=20.0, help="the time that gateway, gRPC and loopback add: assumed"
    )
    parser.add_argument(
        "--delays", type=Delays.model_validate_json, default=Delays(), help="JSON; see bench/load/delays.py"
    )
    parser.add_argument("--output", type=Path, default=Path("build/load/check.json"))
    arguments = parser.parse_args()
    rows = list(compare(arguments))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text("[" + ",\n".join(row.model_dump_json() for row in rows) + "]\n")
    print(table(rows))
    sys.exit(not all(row.is_within for row in rows))


def compare(arguments: argparse.Namespace) -> Iterator[Compared]:
    """One row for each number of learners. The real mesh is restarted for each."""
    delays: Delays = arguments.delays
    profile = profile_of(delays, arguments.asr_threads, arguments.overhead_ms / 1000)
    with tempfile.TemporaryDirectory(prefix="aitalk-check-") as name:
        folder = Path(name)
        said, ends, pauses = _program_and_endings(folder)
        said.save(folder / "program.npz")
        timeline = Timeline(folder / "program.npz", ends, said.frames, delays.to_first_audio)
        for sessions in arguments.sessions:
            print(f"{sessions} learners for {arguments.duration:.0f} s …", flush=True)
            with mesh(folder, delays, asr_threads=arguments.asr_threads) as system:
                outcome, came, use = run_learners("mesh", system, sessions, arguments.duration, timeline)
            waits = simulated(profile, said, ends, pauses, sessions, arguments.duration)
            yield Compared(
                learners=sessions,
                real_ms=_p50_p95(came.voice_to_voice_ms),
                simulated_ms=_p50_p95(waits),
                given=came.given,
                due=came.due,
                simulated_answers=len(waits),
                client_late_p99_ms=outcome.late_p99_ms,
                cores={name: round(one.cpu_s * sessions / 60, 2) for name, one in use.items()},
            )


def _program_and_endings(folder: Path, attempts: int = 3) -> tuple[Program, list[Ending], list[Pause]]:
    """A program, its endings and its pauses. Piper varies its speech; if a sentence is heard as two or none, the
    program is made again."""
    for attempt in range(1, attempts + 1):
        said = program()
        print("asking asr_service where the turns end …", flush=True)
        (port,) = free_ports(1)
        try:
            with recognising(folder, Delays(decode=0, partial=0, first_token=0, token=0, speech=0), port):
                address = f"127.0.0.1:{port}"
                return said, asyncio.run(endings(address, said)), asyncio.run(pauses_of(address, said))
        except* RuntimeError as failed:
            if attempt == attempts:
                raise
            print(f"  {failed.exceptions[0]}; once more", flush=True)
    raise AssertionError("the last attempt returns or raises")


async def pauses_of(asr_address: str, said: Program) -> list[Pause]:
    """The pauses that voice detection hears. Each one begins a decode of the turn so far."""
    async with open_channel(asr_address) as channel:
        call = asr_pb2_grpc.AsrServiceStub(channel).StreamingRecognize()
        config = asr_pb2.StreamingConfig(sample_rate_hz=RATE_HZ, language="en", voice_activity_events=True)
        await call.write(asr_pb2.StreamingRecognizeRequest(config=config))

        async def speak() -> None:
            for index in range(said.frames):
                await call.write(asr_pb2.StreamingRecognizeRequest(audio=said.frame(index)))
            await call.write(asr_pb2.StreamingRecognizeRequest(finish=asr_pb2.Finish()))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(speak())
            return [pause async for pause in _paused(call)]


async def _paused(responses: AsyncIterable[asr_pb2.StreamingRecognizeResponse]) -> AsyncIterator[Pause]:
    began: float | None = None
    async for response in responses:
        match response.WhichOneof("event"):
            case "voice_paused":
                began = response.voice_paused.end_sample / RATE_HZ
            case "voice_continued" | "turn_resumed" as event if began is not None:
                yield Pause(began, getattr(response, event).start_sample / RATE_HZ - began)
                began = None
            case "end_of_turn" if began is not None:
                yield Pause(began, math.inf)
                began = None


def _p50_p95(values: Sequence[float]) -> tuple[float, float]:
    middle, high = percentile(values, 50), percentile(values, 95)
    return middle or math.nan, high or math.nan


def table(rows: Sequence[Compared]) -> str:
    """Markdown."""
    lines = [
        "| learners | given / due | real p50 / p95 ms | simulated p50 / p95 ms | ratio | within 20 % | late | cores |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.learners} | {row.given} / {row.due} | {row.real_ms[0]:.0f} / {row.real_ms[1]:.0f} "
        f"| {row.simulated_ms[0]:.0f} / {row.simulated_ms[1]:.0f} | {row.ratios[0]:.2f} / {row.ratios[1]:.2f} "
        f"| {'yes' if row.is_within else 'NO'} | {row.client_late_p99_ms:.0f} "
        f"| {sum(row.cores.values()):.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
