"""Optimisations for many streams don't change what recognition hears."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from asr_service.audio import Audio
from asr_service.turn_taking.decisions import VoicePaused
from asr_service.turn_taking.endpointer import Endpointer
from asr_service.turn_taking.endpointing import Endpointing
from asr_service.voice.vad import WINDOW, SileroVad, VadState, VadStream
from asr_service.voice.vad_thread import GATHER_S, VadThread
from common.errors import EngineError
from gateway.audio import AudioInput, DecodedAudio, Expected, Gathering, Quiet
from tests.support.asr import beckett_path, read_wav

STREAMS = 5


class CountingVad:
    """Keeps the number of windows in each run."""

    def __init__(self, *, broken: bool = False) -> None:
        self.runs: list[int] = []
        self.broken = broken

    def infer(self, audio: Audio, state: VadState) -> tuple[Audio, VadState]:
        if self.broken:
            raise EngineError("the network failed")
        self.runs.append(len(audio))
        return np.abs(audio[:, -1]), state


class CountingThread(ThreadPoolExecutor):
    """An executor with one thread. Counts the submitted calls."""

    def __init__(self) -> None:
        super().__init__(1)
        self.ways = 0

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        self.ways += 1
        return super().submit(*args, **kwargs)


def level(value: int, windows: int = 1) -> bytes:
    return np.full(WINDOW * windows, value, "<i2").tobytes()


async def test_streams_that_come_together_share_a_way_to_the_thread_and_each_gets_its_own() -> None:
    with CountingThread() as thread:
        listening = VadThread(CountingVad(), thread)
        ears = [listening.open(16_000) for _ in range(STREAMS)]
        heard = await asyncio.gather(*(listening.hear(ear, level(1024 * i)) for i, ear in enumerate(ears)))
    assert thread.ways == 1
    assert [[p for _, p in windows] for windows in heard] == [[i / 32] for i in range(STREAMS)]


def test_the_windows_of_a_stream_share_a_run() -> None:
    vad = CountingVad()
    assert len(VadStream(vad, 16_000).hear(level(1, windows=3))) == 3
    assert vad.runs == [3]


class BlockedVad(CountingVad):
    """A detector whose first run waits until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.may_go_on = threading.Event(), threading.Event()

    def infer(self, audio: Audio, state: VadState) -> tuple[Audio, VadState]:
        self.began.set()
        self.may_go_on.wait(10)
        return super().infer(audio, state)


async def test_calls_that_come_while_the_thread_is_busy_share_the_next_run() -> None:
    vad = BlockedVad()
    with CountingThread() as thread:
        listening = VadThread(vad, thread)
        ears = [listening.open(16_000) for _ in range(STREAMS)]
        tasks = [asyncio.ensure_future(listening.hear(ears[0], level(1)))]
        await asyncio.to_thread(vad.began.wait, 10)
        tasks += [asyncio.ensure_future(listening.hear(ear, level(1))) for ear in ears[1:]]
        await asyncio.sleep(2 * GATHER_S)
        vad.may_go_on.set()
        await asyncio.gather(*tasks)
    assert len(vad.runs) == STREAMS
    assert thread.ways == 2


def test_no_threads_of_numpy_spin_beside_the_networks() -> None:
    """This runs in a process of its own, because OpenBLAS starts its threads when numpy is first imported."""
    script = "import asr_service.audio, psutil; print(psutil.Process().num_threads())"
    done = subprocess.run([sys.executable, "-c", script], env={}, capture_output=True, text=True, check=True)
    assert int(done.stdout) == 1


def test_objects_loaded_at_the_start_are_not_collected_and_later_cycles_are() -> None:
    """This runs in a process of its own, because it changes the process's garbage collector."""
    script = (
        "import gc, weakref; from common.process import collect_garbage_rarely\n"
        "class Node: pass\n"
        "collect_garbage_rarely(); frozen = gc.get_freeze_count(); seen = []\n"
        "for _ in range(20_000):\n"
        "    node = Node(); node.itself = node; seen.append(weakref.ref(node))\n"
        "print(frozen > 10_000, any(ref() is None for ref in seen))"
    )
    done = subprocess.run([sys.executable, "-c", script], env={}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


async def test_a_stream_that_is_cancelled_leaves_the_others_alone() -> None:
    with ThreadPoolExecutor(1) as thread:
        listening = VadThread(CountingVad(), thread)
        gone, stays = listening.open(16_000), listening.open(16_000)
        leaving = asyncio.ensure_future(listening.hear(gone, level(1)))
        staying = asyncio.ensure_future(listening.hear(stays, level(1024)))
        await asyncio.sleep(0)
        leaving.cancel()
        assert [p for _, p in await staying] == [1 / 32]
        assert [p for _, p in await listening.hear(stays, level(2048))] == [1 / 16]


async def test_a_failure_reaches_all_who_wait() -> None:
    with ThreadPoolExecutor(1) as thread:
        listening = VadThread(CountingVad(broken=True), thread)
        ears = [listening.open(16_000) for _ in range(2)]
        outcomes = await asyncio.gather(*(listening.hear(ear, level(1)) for ear in ears), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [EngineError, EngineError]


def test_no_pause_waits_to_be_noticed() -> None:
    """Real speech is added window by window. Whether the endpointer hears a voice decides what is expected of the next
    window."""
    pcm, rate_hz = read_wav(beckett_path())
    probabilities = [p for _, p in VadStream(SileroVad(), rate_hz).hear(pcm.tobytes())]
    endpointer = Endpointer(Endpointing(end_silence_ms=700), window=WINDOW, rate_hz=rate_hz)
    gathering, held, pauses = Gathering(WINDOW), 0, 0
    for index, probability in enumerate(probabilities):
        goes = gathering.add(pcm[index * WINDOW : (index + 1) * WINDOW].tobytes())
        decisions = endpointer.hear(probability)
        held += not goes
        if any(isinstance(decision, VoicePaused) for decision in decisions):
            assert goes
            pauses += 1
        gathering.expected = Expected.PAUSE if endpointer.is_voiced else Expected.ANYTHING
    assert pauses > 5
    assert held > 40


async def test_gathered_pcm_comes_out_with_each_whole_window_and_nothing_is_lost() -> None:
    sent = [bytes([i]) * 640 for i in range(8)]  # 320 samples each
    async with AudioInput(sample_rate_hz=16_000, encoding="pcm_s16le") as audio:
        audio.plain.gathering = Gathering(512)
        came: list[bytes] = []

        async def listen() -> None:
            came.extend([item.pcm async for item in audio if isinstance(item, DecodedAudio)])

        listening = asyncio.create_task(listen())
        for frame in sent:
            await audio.feed(frame)
            await asyncio.sleep(0.001)
        await audio.feed(b"\1\2")
        await audio.finish()
        await listening
    assert b"".join(came) == b"".join(sent) + b"\1\2"
    # Audio is given out whenever another window of 512 samples is whole: after 640, 1280, 1600, 2240 and 2560 samples.
    # The last sample comes at the end.
    assert [len(pcm) // 2 for pcm in came] == [640, 640, 320, 640, 320, 1]


async def test_audio_that_comes_between_two_reads_is_one_piece() -> None:
    async with AudioInput(sample_rate_hz=16_000, encoding="pcm_s16le") as audio:
        await audio.feed(b"\1" * 640)
        await audio.feed(b"\2" * 640)
        assert isinstance(item := await anext(audio), DecodedAudio)
        assert item.pcm == b"\1" * 640 + b"\2" * 640


async def test_audio_says_how_much_more_must_come_to_be_of_use() -> None:
    async with AudioInput(sample_rate_hz=16_000, encoding="pcm_s16le") as audio:
        assert audio.plain.missing_bytes == 1
        audio.plain.gathering = Gathering(512)
        assert audio.plain.missing_bytes == 1  # the format is not known yet
        await audio.feed(bytes(640))
        assert audio.plain.missing_bytes == 384
        await audio.feed(bytes(640))
        assert audio.plain.missing_bytes == 2 * 1024 - 1280
        audio.plain.gathering.expected = Expected.VOICE  # as when nobody speaks
        assert audio.plain.missing_bytes == 2 * 1024
    async with AudioInput(sample_rate_hz=16_000, encoding="pcm_s16le", pcm_sample_rate_hz=48_000) as audio:
        audio.plain.gathering = Gathering(512)
        await audio.feed(bytes(1920))
        assert audio.plain.missing_bytes == 1  # this audio must be resampled, so each byte is useful


@pytest.mark.looptime
async def test_a_microphone_that_is_switched_off_leaves_its_last_sounds_and_then_quiet() -> None:
    async with AudioInput(sample_rate_hz=16_000, encoding="pcm_s16le") as audio:
        audio.plain.gathering, audio.quiet.after_s = Gathering(512), 0.4
        await audio.feed(b"\1" * 1024)
        assert isinstance(whole := await anext(audio), DecodedAudio)
        assert len(whole.pcm) == 1024
        await audio.feed(b"\2" * 640)
        assert isinstance(rest := await anext(audio), DecodedAudio)
        assert rest.pcm == b"\2" * 640
        quiet = [await anext(audio) for _ in range(2)]
        assert [round(item.seconds, 1) for item in quiet if isinstance(item, Quiet)] == [4.4, 0.4]
        await audio.feed(b"\3" * 2048)
        assert isinstance(await anext(audio), DecodedAudio)
