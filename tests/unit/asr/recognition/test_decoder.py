"""The order of decodes: batches, room for the ends of turns, and the metrics of decoding."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from asr_service.engine import DecodeOptions, Quality, Request, Transcript
from asr_service.recognition.decode_queue import DecodeQueue, Urgency
from asr_service.recognition.decoder import BATCH_ON_GPU, Decoder
from common.engine_info import EngineDescription
from common.errors import EngineError

Heard = asyncio.Task[Transcript]


@dataclass
class BatchEngine:
    """An engine whose transcript is the length of the audio. It waits for `gate`, and stops a decode when told to."""

    device: str = "cpu"
    broken: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    batches: list[list[int]] = field(default_factory=list)
    contexts: set[str] = field(default_factory=set)

    def load(self) -> None: ...

    def close(self) -> None: ...

    def describe(self) -> EngineDescription:
        return EngineDescription("fake", "fake", self.device)

    def transcribe(self, audio: np.ndarray, options: DecodeOptions) -> Transcript:
        return self.transcribe_batch([(audio, options)])[0]

    def transcribe_batch(self, requests: Sequence[Request]) -> list[Transcript]:
        self.batches.append([len(audio) for audio, _ in requests])
        self.contexts |= {options.context for _, options in requests}
        while not self.gate.wait(0.002) and not all(options.is_cancelled() for _, options in requests):
            pass
        if self.broken:
            raise EngineError("the model failed")
        return [Transcript(str(len(audio))) for audio, _ in requests]


def decode(decoder: Decoder, length: int, quality: Quality = "final") -> Heard:
    """Request a decode in a task, as sessions do."""
    return asyncio.ensure_future(decoder.decode(np.zeros(length, np.float32), language="", quality=quality))


async def until_running(engine: BatchEngine, batches: int = 1) -> None:
    while len(engine.batches) < batches:
        await asyncio.sleep(0.001)


async def test_decodes_that_wait_form_the_next_batch() -> None:
    engine = BatchEngine()
    decoder = Decoder(engine, 1, max_batch=3)
    tasks = [decode(decoder, 1)]
    await until_running(engine)
    tasks += [decode(decoder, length) for length in (2, 3, 4, 5)]
    await asyncio.sleep(0)
    engine.gate.set()
    heard = [(await task).text for task in tasks]
    assert heard == ["1", "2", "3", "4", "5"]
    assert engine.batches == [[1], [2, 3, 4], [5]]
    await decoder.close()


async def test_the_first_does_not_wait_for_company() -> None:
    engine = BatchEngine()
    decoder = Decoder(engine, 2, max_batch=8)
    tasks = [decode(decoder, 1), decode(decoder, 2)]
    await until_running(engine, 2)
    assert sorted(engine.batches) == [[1], [2]]
    engine.gate.set()
    await asyncio.gather(*tasks)
    await decoder.close()


async def test_ends_of_turns_go_before_partials_and_these_before_recordings() -> None:
    engine = BatchEngine()
    decoder = Decoder(engine, 1, max_batch=4)
    tasks = [decode(decoder, 1)]
    await until_running(engine)
    recordings = [
        asyncio.ensure_future(decoder.decode_recording(lambda: np.zeros(300, np.float32), language="", context=context))
        for context in ("One.", "Two.")
    ]
    pieces = [
        asyncio.ensure_future(
            decoder.decode_recording(lambda: np.zeros(30, np.float32), language="", translate=translate, is_short=True)
        )
        for translate in (False, False, True)
    ]
    await asyncio.sleep(0)
    tasks += [decode(decoder, 20, "partial"), decode(decoder, 21, "partial")]
    await asyncio.sleep(0)
    tasks += [decode(decoder, 2), decode(decoder, 3)]
    await asyncio.sleep(0)
    engine.gate.set()
    await asyncio.gather(*tasks, *recordings, *pieces)
    assert engine.batches == [[1], [2, 3], [20, 21], [30, 30], [300], [300], [30]]
    assert engine.contexts == {"", "One.", "Two."}
    await decoder.close()


async def test_a_running_partial_makes_room_for_the_end_of_a_turn() -> None:
    engine = BatchEngine()
    decoder = Decoder(engine, 1)
    partial = decode(decoder, 10, "partial")
    await until_running(engine)
    final = decode(decoder, 11)
    with pytest.raises(asyncio.CancelledError):
        await partial
    await until_running(engine, 2)
    engine.gate.set()
    assert (await final).text == "11"
    await decoder.close()


async def test_a_partial_that_is_in_nobodys_way_goes_on() -> None:
    engine = BatchEngine()
    decoder = Decoder(engine, 2)
    partial = decode(decoder, 10, "partial")
    await until_running(engine)
    final = decode(decoder, 11)
    await until_running(engine, 2)
    engine.gate.set()
    assert [(await task).text for task in (partial, final)] == ["10", "11"]
    await decoder.close()


async def test_the_end_of_a_turn_is_not_stopped_for_another() -> None:
    engine = BatchEngine()
    decoder = Decoder(engine, 1)
    first, second = decode(decoder, 10), decode(decoder, 11)
    await until_running(engine)
    await asyncio.sleep(0.02)
    assert engine.batches == [[10]]
    engine.gate.set()
    assert [(await task).text for task in (first, second)] == ["10", "11"]
    await decoder.close()


async def test_partials_are_taken_while_there_is_room_for_them() -> None:
    engine = BatchEngine()
    decoder = Decoder(engine, 1, max_batch=2)
    tasks, room = [], []
    for length in (1, 2, 3):
        room.append(decoder.takes_partials)
        tasks.append(decode(decoder, length, "partial"))
        await asyncio.sleep(0)
    room.append(decoder.takes_partials)  # one decode runs, and the next batch is full
    tasks.pop().cancel()
    await asyncio.sleep(0)
    room.append(decoder.takes_partials)
    final = decode(decoder, 9)
    await asyncio.sleep(0)
    room.append(decoder.takes_partials)  # the end of a turn waits
    assert room == [True, True, True, False, True, False]
    engine.gate.set()
    await asyncio.wait([*tasks, final])
    await decoder.close()


async def test_a_cancelled_decode_leaves_the_rest_of_its_batch() -> None:
    engine = BatchEngine()
    decoder = Decoder(engine, 1, max_batch=4)
    first = decode(decoder, 1)
    await until_running(engine)
    tasks = [decode(decoder, length) for length in (2, 3, 4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    engine.gate.set()
    await asyncio.wait([first, *tasks])
    assert engine.batches == [[1], [2, 4]]
    assert tasks[1].cancelled()
    assert (tasks[0].result().text, tasks[2].result().text) == ("2", "4")
    await decoder.close()


async def test_a_failure_is_told_to_all_of_its_batch_and_the_next_one_is_run() -> None:
    engine = BatchEngine(broken=True)
    decoder = Decoder(engine, 1, max_batch=2)
    tasks = [decode(decoder, length) for length in (1, 2, 3, 4)]
    await until_running(engine)
    engine.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, EngineError) for result in results)
    assert engine.batches == [[1], [2, 3], [4]]
    await decoder.close()


async def test_closing_forgets_what_waits() -> None:
    engine = BatchEngine()
    decoder = Decoder(engine, 1)
    running, waiting = decode(decoder, 1), decode(decoder, 2)
    await until_running(engine)
    engine.gate.set()
    await decoder.close()
    await asyncio.wait([running, waiting])
    assert waiting.cancelled()
    assert engine.batches == [[1]]


@pytest.mark.parametrize(("device", "max_batch"), [("cpu", 1), ("cuda:1", BATCH_ON_GPU)])
async def test_how_many_go_together_is_the_devices_to_say(device: str, max_batch: int) -> None:
    engine = BatchEngine(device)
    decoder = Decoder(engine, 1, max_batch=0)
    await decoder.load()
    tasks = [decode(decoder, 100 + i) for i in range(2 * BATCH_ON_GPU)]
    await until_running(engine)
    engine.gate.set()
    await asyncio.gather(*tasks)
    assert max(len(batch) for batch in engine.batches) == max_batch
    await decoder.close()


async def test_batches_and_waiting_are_measured() -> None:
    def value(name: str) -> float:
        return REGISTRY.get_sample_value(f"aitalk_asr_{name}", {"kind": "final"}) or 0.0

    before = {name: value(name) for name in ("batch_size_sum", "batch_size_count", "queue_seconds_count")}
    engine = BatchEngine()
    decoder = Decoder(engine, 1, max_batch=4)
    tasks = [decode(decoder, length) for length in (1, 2, 3)]
    await until_running(engine)
    assert REGISTRY.get_sample_value("aitalk_asr_backlog") == 2
    engine.gate.set()
    await asyncio.gather(*tasks)
    assert REGISTRY.get_sample_value("aitalk_asr_backlog") == 0
    assert {name: value(name) - before[name] for name in before} == {
        "batch_size_sum": 3,
        "batch_size_count": 2,
        "queue_seconds_count": 3,
    }
    await decoder.close()


@given(st.lists(st.sampled_from([*Urgency, None]), max_size=40), st.integers(1, 5))
def test_whatever_comes_is_served_once_by_urgency_then_in_order(script: list[Urgency | None], limit: int) -> None:
    queue: DecodeQueue[int] = DecodeQueue()
    waiting: list[tuple[Urgency, int]] = []
    for number, urgency in enumerate([*script, *[None] * len(script)]):
        if urgency is not None:
            queue.add(number, urgency)
            waiting.append((urgency, number))
            continue
        batch = queue.next_batch(limit)
        waiting.sort()
        served, waiting = waiting[: len(batch)], waiting[len(batch) :]
        assert batch == [job for _, job in served]
        assert len({urgency for urgency, _ in served}) <= 1
        assert len(batch) <= (1 if served and served[0][0] is Urgency.RECORDING else limit)
        assert len(queue) == len(waiting)
    assert not waiting
