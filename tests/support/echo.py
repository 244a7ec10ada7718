"""A partner on a loudspeaker, the learner's microphone in the same room, and the echo guard between them.

The room reverberates. The bundled voice is the partner, and recordings of people are the learners. The tests judge the
cleaned audio by recognition's own voice detector: 96 ms of voice begin a turn.
"""

from __future__ import annotations

import asyncio
import random
from functools import cache

import numpy as np
import numpy.typing as npt

from asr_service.voice.vad import SileroVad, VadStream
from bench.echo import NOISE, room
from gateway.echo import EchoGuard
from gateway.protocol import AiAudioStart
from tests.support.asr import LEARNER_LINES, Pcm, spoken

RATE_HZ = 16_000
WINDOW_S = 0.032
TURN_WINDOWS = 3
BEGIN_S = 0.3  # when the partner begins
SPEAKS_AT_S = 2.0  # when the learner begins
PARTNER_S = 3.0
CHUNK = 4000  # samples; each chunk is sent up to a second before it is played


@cache
def partner() -> Pcm:
    """Some seconds of the partner's speech, without a long pause."""
    return np.concatenate([spoken(line) for line in LEARNER_LINES])[: round(PARTNER_S * RATE_HZ)]


@cache
def echo(level_db: int, delay_ms: int) -> npt.NDArray[np.float64]:
    """The partner's speech as the room returns it to the microphone."""
    response = room(delay_ms, level_db)
    size = len(partner()) + len(response)
    return np.fft.irfft(np.fft.rfft(partner(), size) * np.fft.rfft(response, size), size)


def microphone(
    level_db: int | None, delay_ms: int, learner: Pcm | None = None, *, speaks_at_s: float = SPEAKS_AT_S
) -> Pcm:
    """What the microphone records. level_db: the level of the echo; None: there is no echo."""
    heard = np.random.default_rng(0).normal(0, NOISE, round((BEGIN_S + PARTNER_S + 0.3) * RATE_HZ))
    if level_db is not None:
        begin = round(BEGIN_S * RATE_HZ)
        heard[begin:] += echo(level_db, delay_ms)[: len(heard) - begin]
    if learner is not None:
        begin = round(speaks_at_s * RATE_HZ)
        heard[begin : begin + len(learner)] += learner[: len(heard) - begin]
    return np.asarray(np.clip(heard, -32768, 32767), np.int16)


def cleaned(heard: Pcm, sizes_ms: tuple[int, ...] = (20,), *, on_at_s: float = 0.0) -> tuple[Pcm, EchoGuard]:
    """The microphone's audio after the guard, and the guard.

    sizes_ms: each frame has one of these lengths, chosen at random. on_at_s: when the microphone is switched on.
    """
    now = 0.0
    guard = EchoGuard(RATE_HZ, lambda: now)
    out: list[bytes] = []
    sizes = random.Random(0)
    sending = [(BEGIN_S + max(0.0, at / RATE_HZ - 1), at) for at in range(0, len(partner()), CHUNK)]

    async def talk() -> None:
        nonlocal now
        at = 0
        guard.note(AiAudioStart(sample_rate=RATE_HZ, turn_id="1"))
        while at < len(heard):
            frame = heard[at : at + sizes.choice(sizes_ms) * RATE_HZ // 1000]
            at += len(frame)
            while sending and sending[0][0] <= at / RATE_HZ:
                now, first = sending.pop(0)
                guard.note(partner()[first : first + CHUNK].tobytes())
            now = at / RATE_HZ
            if now > on_at_s:
                out.append(await guard.clean(frame.tobytes()))

    asyncio.run(talk())
    return np.frombuffer(b"".join(out), "<i2"), guard


@cache
def detector() -> SileroVad:
    return SileroVad()


def voiced(pcm: Pcm) -> npt.NDArray[np.bool_]:
    """Whether there is a voice, for each window of 32 ms."""
    return np.array([probability >= 0.5 for _, probability in VadStream(detector(), RATE_HZ).hear(pcm.tobytes())])


def turns(windows: npt.NDArray[np.bool_]) -> list[int]:
    """The windows at which turns would begin."""
    runs = np.convolve(windows, np.ones(TURN_WINDOWS), "valid") == TURN_WINDOWS
    return np.flatnonzero(runs).tolist()
