"""`make bench-echo`: the partner on a loudspeaker, picked up by the learner's microphone, with and without the echo
guard.

What the partner says comes back from a room that reverberates, after each of DELAYS_MS and at each of LEVELS_DB. First
nobody else speaks: nothing may interrupt the partner, and no turn may appear. Then a recording of a person is played
over the partner: it must be heard, and interrupt the partner. The partner's words come from `bench.story_server`, so
that a reply is always longer than the measurement.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr

from bench.barge_in import ASK
from bench.clock import now
from bench.story_server import story_server
from tests.support.asr import Pcm, read_wav
from tests.support.learner import Learner, a_learner
from tests.support.mesh import running_mesh
from tests.support.voices import wheel_folder

RATE_HZ = 16_000
FRAME = RATE_HZ // 50
LEVELS_DB = (-10, -20, -30, -40, -50, -60)
DELAYS_MS = (50, 150, 250, 400)
# the part of each recording that is played, in seconds
RECORDINGS = {"beckett.wav": (0.3, 4.0), "two_cities.wav": (1.2, 5.0), "endgame_nagg_nell.wav": (0.0, 4.0)}
LEARNER_DB = -24.0  # root mean square of a recording, relative to full scale
NOISE = 16.0  # standard deviation of a sample: the microphone's noise, -66 dB of full scale
ALONE_S, OVER_S, INTERRUPT_AT_S = 15.0, 9.0, 3.0
TOGETHER = 3  # conversations at once


@dataclass
class Heard:
    """The result of one conversation. Times count from the learner's first voiced sample; None: never."""

    interruptions: int = 0
    turns: list[str] = field(default_factory=list)
    has_heard_itself: bool = False  # a voice was noticed before the learner spoke
    noticed_s: float | None = None
    interrupted_s: float | None = None
    late_s: float = 0.0  # the longest delay of a microphone frame; if it is long, the machine was too busy

    def note(self, kinds: set[str], ago_s: float) -> None:
        """Messages of these types have come since the learner began to speak `ago_s` ago."""
        if self.noticed_s is None and "speech_started" in kinds:
            self.noticed_s = ago_s
        if self.interrupted_s is None and "interrupted" in kinds:
            self.interrupted_s = ago_s


def room(delay_ms: float, level_db: float) -> np.ndarray:
    """The impulse response of a loudspeaker, a room with a reverberation of 0.3 s, and a microphone."""
    tail = np.random.default_rng(1).normal(0, 1, round(0.3 * RATE_HZ))
    tail *= 10 ** (-3 * np.arange(len(tail)) / len(tail))
    tail[: RATE_HZ // 400] = 0
    response = tail / np.sqrt(np.square(tail).sum())
    response[0] = 1
    response *= 10 ** (level_db / 20) / np.sqrt(2)
    return np.concatenate([np.zeros(round(delay_ms / 1000 * RATE_HZ)), response])


def recording(name: str) -> Pcm:
    """A part of a person's recording, at LEARNER_DB; its first sample is voiced."""
    pcm, rate_hz = read_wav(wheel_folder("moonshine_voice") / "assets" / name)
    begin, end = (round(seconds * rate_hz) for seconds in RECORDINGS[name])
    part = soxr.resample(pcm[begin:end].astype(np.float32), rate_hz, RATE_HZ)
    part = np.asarray(part) * 32768 * 10 ** (LEARNER_DB / 20) / np.sqrt(np.mean(np.square(part)))
    return np.asarray(np.clip(part[np.argmax(np.abs(part) > 1000) :], -32768, 32767), np.int16)


class Loudspeaker:
    """Plays what the gateway sends, and records it with a microphone in the same room."""

    def __init__(self, learner: Learner, response: np.ndarray, seconds: float) -> None:
        self._learner = learner
        self._size = 1 << (len(response) + FRAME).bit_length()
        self._response = np.fft.rfft(response, self._size)
        self._played = np.zeros(round((seconds + 5) * RATE_HZ))
        self._noise = np.random.default_rng(2)
        self._end = self._seen = 0
        self._resampler = soxr.ResampleStream(24_000, RATE_HZ, 1, dtype="float32")

    def listen(self, at: int) -> None:
        """Take the messages that have come so far. Audio is played from sample `at` on, but not before the earlier
        audio has ended. `interrupted` drops the audio after `at`."""
        messages = self._learner.messages[self._seen :]
        self._seen += len(messages)
        for message in messages:
            if message["type"] == "audio":
                pcm = self._resampler.resample_chunk(np.frombuffer(message["pcm"], "<i2").astype(np.float32))
                start = max(self._end, at)
                self._end = min(start + len(pcm), len(self._played))
                self._played[start : self._end] = pcm[: self._end - start]
            elif message["type"] == "interrupted":
                self._end = min(self._end, at)
                self._played[self._end :] = 0

    def record(self, at: int) -> np.ndarray:
        """The frame of the microphone that begins at sample `at`, without the learner's voice."""
        begin = at + FRAME - self._size
        said = np.concatenate([np.zeros(max(0, -begin)), self._played[max(0, begin) : at + FRAME]])
        echo = np.fft.irfft(np.fft.rfft(said) * self._response, self._size)[-FRAME:]
        return echo + self._noise.normal(0, NOISE, FRAME)


async def converse(url: str, response: np.ndarray, seconds: float, over: Pcm | None = None) -> Heard:
    """One conversation. over: what the learner says INTERRUPT_AT_S after the partner's first sound."""
    async with a_learner(url) as learner:
        await learner.send(type="start", audio={"encoding": "pcm_s16le", "sample_rate": RATE_HZ}, level="advanced")
        await learner.send(type="text", text=ASK)
        await learner.wait_for("audio")
        loudspeaker = Loudspeaker(learner, response, seconds)
        learner_at = round(INTERRUPT_AT_S * RATE_HZ) // FRAME * FRAME
        began_s, heard, before = now(), Heard(), 0
        for at in range(0, round(seconds * RATE_HZ), FRAME):
            loudspeaker.listen(max(at, round((now() - began_s) * RATE_HZ)))
            frame = loudspeaker.record(at)
            if over is not None and 0 <= at - learner_at < len(over):
                piece = over[at - learner_at : at - learner_at + FRAME]
                frame[: len(piece)] += piece
            await asyncio.sleep(max(0.0, began_s + (at + FRAME) / RATE_HZ - now()))
            heard.late_s = max(heard.late_s, now() - began_s - (at + FRAME) / RATE_HZ)
            await learner.socket.send(np.clip(frame, -32768, 32767).astype("<i2").tobytes())
            if over is not None and at == learner_at:
                before = len(learner.messages)
                heard.has_heard_itself = bool(learner.of("speech_started"))
            if over is not None and at >= learner_at:
                heard.note({message["type"] for message in learner.messages[before:]}, now() - began_s - INTERRUPT_AT_S)
                if heard.interrupted_s is not None:
                    break
        heard.interruptions = len(learner.of("interrupted"))
        heard.turns = [m["text"] for m in learner.of("transcript") if m["is_final"] and m["text"]]
        return heard


async def tables(url: str, levels_db: Sequence[int], delays_ms: Sequence[int]) -> list[str]:
    """The lines of both tables. The person speaks over echoes of the middle delay, and without an echo."""
    slots = asyncio.Semaphore(TOGETHER)

    async def one(response: np.ndarray, seconds: float, over: Pcm | None = None) -> Heard:
        async with slots:
            return await converse(url, response, seconds, over)

    rooms = [[room(delay, level) for delay in delays_ms] for level in levels_db]
    echoes = [f"{level} dB" for level in levels_db]
    alone = await _rows([[one(response, ALONE_S) for response in row] for row in rooms])
    lines = _table([f"{delay} ms" for delay in delays_ms], echoes, alone, _alone_cell)
    over_rooms = [*(row[len(row) // 2] for row in rooms), np.zeros(1)]
    over = await _rows([[one(response, OVER_S, recording(name)) for name in RECORDINGS] for response in over_rooms])
    lines += ["", *_table(list(RECORDINGS), [*echoes, "none"], over, _over_cell)]
    heard = [one.interrupted_s is not None for row in over for one in row]
    late_s = max(one.late_s for row in [*alone, *over] for one in row)
    return [
        *lines,
        "",
        f"The person interrupted the partner in {sum(heard)} of {len(heard)} conversations.",
        f"Frames of the microphones were sent up to {_ms(late_s)} ms late. The figures count only if that is little.",
    ]


async def _rows(rows: list[list[Coroutine[None, None, Heard]]]) -> list[list[Heard]]:
    """Hold these conversations, as many at once as there are slots."""
    return await asyncio.gather(*(asyncio.gather(*row) for row in rows))


def _table(columns: list[str], rows: list[str], cells: list[list[Heard]], cell: Callable[[Heard], str]) -> list[str]:
    lines = [f"| echo | {' | '.join(columns)} |", "| --- |" + " --- |" * len(columns)]
    return lines + [f"| {name} | {' | '.join(map(cell, row))} |" for name, row in zip(rows, cells, strict=True)]


def _alone_cell(heard: Heard) -> str:
    return f"{heard.interruptions} / {len(heard.turns)}"


def _over_cell(heard: Heard) -> str:
    itself = "itself, then " if heard.has_heard_itself else ""
    return f"{itself}{_ms(heard.noticed_s)} / {_ms(heard.interrupted_s)}"


def _ms(seconds: float | None) -> str:
    return "never" if seconds is None else f"{round(seconds * 1000)}"


def main() -> None:
    """Print the tables, without and with the guard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", type=int, nargs="+", default=LEVELS_DB, help="loudness of the echo in dB")
    parser.add_argument("--delays", type=int, nargs="+", default=DELAYS_MS, help="delays of the echo in ms")
    parser.add_argument("--only", choices=("on", "off"), help="run only with the guard on, or off")
    options = parser.parse_args()
    for guard in ("off", "on"):
        if options.only in {None, guard}:
            with (
                tempfile.TemporaryDirectory() as folder,
                story_server() as story,
                running_mesh(Path(folder), ECHO_CANCELLATION=str(guard == "on").lower(), **story) as mesh,
            ):
                print(f"echo guard {guard}. First table: interruptions / turns while nobody speaks.")
                print("Second table: ms until speech_started / until interrupted, when a person speaks.")
                print("\n".join(asyncio.run(tables(mesh.ws, options.levels, options.delays))), flush=True)


if __name__ == "__main__":
    main()
