"""One stream with a scripted model and a voice detector that measures loudness: order of events, limits, cancelling."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_service.engine import Transcript, Word
from asr_service.events import EagerEndOfTurn, EndOfTurn, SpeechStarted, TurnResumed, spoken_turn
from asr_service.recognition.decoder import Decoder
from asr_service.stream import Finish
from asr_service.turn_taking.decisions import EndReason
from common.errors import EngineError
from tests.support.asr_stream import RATE, LengthEngine, Stream, loud, open_engine, quiet, until

TWO_TURNS = loud(1.5) + quiet(0.45) + loud(1) + quiet(1) + loud(0.6) + quiet(0.1)


async def test_the_order_of_events() -> None:
    events = await Stream(open_engine()).run(TWO_TURNS, Finish())
    started, eager, resumed, again, end, second, last = events
    assert isinstance(started, SpeechStarted)
    assert isinstance(eager, EagerEndOfTurn)
    assert isinstance(resumed, TurnResumed)
    assert isinstance(again, EagerEndOfTurn)
    assert isinstance(end, EndOfTurn)
    assert isinstance(second, SpeechStarted)
    assert isinstance(last, EndOfTurn)
    assert eager.turn.text != again.turn.text == end.turn.text
    assert again.turn == end.turn
    assert (end.reason, last.reason) == (EndReason.SILENCE, EndReason.FINISHED)
    # Positions are at the stream's own rate, to within a window.
    assert resumed.start_sample == pytest.approx(1.95 * RATE, abs=256)
    assert end.turn.start_sample == 0
    assert end.turn.end_sample == pytest.approx(2.95 * RATE, abs=256)


async def test_the_end_is_not_decoded_again() -> None:
    engine = open_engine()
    await Stream(engine).run(loud(1) + quiet(1), Finish())
    assert [quality for quality, _ in engine.decodes] == ["final"]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, len(TWO_TURNS) // 2), max_size=30))
async def test_any_chunking_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(2 * cut for cut in cuts), len(TWO_TURNS)]
    pieces = [TWO_TURNS[begin:end] for begin, end in pairwise(edges)]
    whole = await Stream(open_engine()).run(TWO_TURNS, Finish())
    assert await Stream(open_engine()).run(*pieces, Finish()) == whole


async def test_the_first_sound_is_decoded_too_and_none_twice() -> None:
    engine = open_engine()
    await Stream(engine).run(quiet(1) + loud(1) + quiet(1) + loud(1) + quiet(1), Finish())
    (_, first), (_, second) = engine.decodes
    # 0.3 s of pre-roll, 1 s of voice and the 0.1 s of silence after which the decode begins, to within a few windows.
    assert first == pytest.approx(1.4 * 16_000, abs=4 * 512)
    assert second == pytest.approx(first, abs=4 * 512)


async def test_where_there_are_no_words_there_is_only_an_empty_end() -> None:
    started, end = await Stream(open_engine(deaf=True)).run(loud(0.5) + quiet(0.4) + loud(0.5) + quiet(1), Finish())
    assert isinstance(started, SpeechStarted)
    assert isinstance(end, EndOfTurn)
    assert (end.turn.text, end.turn.words, end.reason) == ("", (), EndReason.SILENCE)


async def test_a_voice_that_never_stops_is_cut_into_turns_of_bounded_length() -> None:
    engine = open_engine()
    events = await Stream(engine).run(*[loud(1)] * 22, Finish())
    ends = [event for event in events if isinstance(event, EndOfTurn)]
    assert [end.reason for end in ends] == [EndReason.MAX_LENGTH] * 4 + [EndReason.FINISHED]
    assert max(samples for _, samples in engine.decodes) <= 5.1 * 16_000
    assert sum(samples for _, samples in engine.decodes) == pytest.approx(22 * 16_000, abs=512)  # each sample once


async def test_listening_goes_on_while_the_model_decodes_but_not_without_bound() -> None:
    engine = LengthEngine()
    stream = Stream(engine)
    running = asyncio.ensure_future(stream.run(*[loud(0.5) + quiet(1)] * 100, Finish()))
    await until(lambda: stream.taken > 2)
    assert len(engine.decodes) == 1  # the first decode is still running
    await asyncio.sleep(0.3)
    assert stream.taken < 20
    engine.gate.set()
    assert sum(isinstance(event, EndOfTurn) for event in await running) == 100


async def test_a_failing_model_ends_the_stream_with_its_error() -> None:
    with pytest.raises(ExceptionGroup) as failed:
        await Stream(open_engine(broken=True)).run(loud(1) + quiet(1), Finish())
    assert failed.group_contains(EngineError, match="the model failed")


async def test_cancelling_forgets_what_waits_and_tells_what_runs() -> None:
    engine = LengthEngine()
    decoder = Decoder(engine, 1)
    decodes = [asyncio.ensure_future(decoder.decode(np.zeros(8_000, np.float32), language="", quality="final"))]
    decodes.append(asyncio.ensure_future(decoder.decode(np.zeros(9_000, np.float32), language="", quality="final")))
    await until(lambda: bool(engine.decodes))
    assert not decoder.has_idle_worker
    for decode in decodes:
        decode.cancel()
    await asyncio.wait(decodes)
    assert decoder.has_idle_worker is False  # the thread still runs
    engine.gate.set()
    await decoder.close()
    assert [samples for _, samples in engine.decodes] == [8_000]


@given(
    st.lists(st.tuples(st.integers(-500, 3_000), st.integers(-500, 3_000)), max_size=10),
    st.integers(0, 1_000),
    st.integers(0, 2_000),
    st.sampled_from([0.5, 1.0, 44_100 / 16_000, 3.0]),
)
def test_word_times_are_kept_in_order_and_within_the_turn(
    times: list[tuple[int, int]], start: int, length: int, rate: float
) -> None:
    words = tuple(Word(" word", begin, end, 1.0) for begin, end in times)
    turn = spoken_turn(Transcript("", words), start, start + length, offset=start - 100, rate=rate)
    flat = [sample for word in turn.words for sample in (word.start, word.end)]
    assert flat == sorted(flat)
    assert all(turn.start_sample <= sample <= turn.end_sample for sample in flat)
