"""One stream for which the turn model is asked whether the speaker is done."""

from __future__ import annotations

import asyncio

import pytest

from asr_service.events import EagerEndOfTurn, EndOfTurn, SpeechStarted
from asr_service.stream import Finish
from asr_service.turn_taking.endpointing import Endpointing
from tests.support.asr_stream import RATE, LengthEngine, ScriptedJudge, Stream, loud, open_engine, quiet, until

ASKING = Endpointing(eager_silence_ms=192, min_silence_ms=256, max_silence_ms=1_600, max_turn_ms=30_000)


async def test_the_end_comes_sooner_if_the_speaker_is_certainly_done() -> None:
    speech = loud(1) + quiet(1) + loud(1) + quiet(3)
    sure = await Stream(open_engine(sure=True), endpointing=ASKING, judge=ScriptedJudge([0.999])).run(speech, Finish())
    unsure = await Stream(open_engine(), endpointing=ASKING, judge=ScriptedJudge([0.001])).run(speech, Finish())
    assert sum(isinstance(event, EndOfTurn) for event in sure) == 2
    (end,) = (event for event in unsure if isinstance(event, EndOfTurn))
    assert end.turn.end_sample == pytest.approx(3 * RATE, abs=256)
    assert end.pauses.longest_ms == pytest.approx(1_000, abs=64)


async def test_the_turn_model_is_not_asked_where_the_words_decide() -> None:
    for sure in (True, False, None):
        judge = ScriptedJudge([0.5])
        await Stream(open_engine(sure=sure), endpointing=ASKING, judge=judge).run(loud(1) + quiet(3), Finish())
        assert bool(judge.asked) is (sure is None)


async def test_the_text_model_is_asked_once_in_each_pause_and_decides_what_the_recogniser_leaves_open() -> None:
    judge = ScriptedJudge([0.5], could_ends=[0.001, 0.99])
    speech = loud(1) + quiet(0.7) + loud(1) + quiet(3)
    events = await Stream(open_engine(sure=None), endpointing=ASKING, judge=judge).run(speech, Finish())
    # First an unfinished sentence, then a whole one.
    (end,) = (event for event in events if isinstance(event, EndOfTurn))
    assert end.turn.end_sample == pytest.approx(2.7 * RATE, abs=256)
    first, second = judge.texts
    assert second.startswith(first)


async def test_a_reply_may_begin_before_the_text_model_has_answered_and_the_turn_not_end() -> None:
    answer = asyncio.Event()
    judge = ScriptedJudge(could_ends=[0.9], reading=answer)
    stream = Stream(open_engine(sure=True), endpointing=ASKING, judge=judge)
    running = asyncio.ensure_future(stream.run(loud(1) + quiet(3), Finish()))
    await until(lambda: bool(judge.texts) and len(stream.events) == 2)
    assert [type(event) for event in stream.events] == [SpeechStarted, EagerEndOfTurn]
    answer.set()
    assert [type(event) for event in await running] == [SpeechStarted, EagerEndOfTurn, EndOfTurn]


async def test_with_the_turn_model_any_chunking_gives_the_same_events() -> None:
    speech = loud(1) + quiet(0.5) + loud(0.7) + quiet(0.3) + loud(0.2) + quiet(2)
    streams = []
    for size in (160, 1_000, 7_000, len(speech)):
        stream = Stream(open_engine(sure=None), endpointing=ASKING, judge=ScriptedJudge([0.9, 0.1, 0.6, 0.3, 0.8]))
        pieces = [speech[begin : begin + size] for begin in range(0, len(speech), size)]
        streams.append(await stream.run(*pieces, Finish()))
    assert streams[0]
    assert all(events == streams[0] for events in streams)


async def test_the_end_says_what_the_last_eager_end_said_and_the_pause_is_decoded_once() -> None:
    engine, judge = open_engine(sure=None), ScriptedJudge([0.3])
    events = await Stream(engine, endpointing=ASKING, judge=judge).run(loud(1) + quiet(3), Finish())
    started, eager, end = events
    assert isinstance(started, SpeechStarted)
    assert isinstance(eager, EagerEndOfTurn)
    assert isinstance(end, EndOfTurn)
    assert eager.turn == end.turn
    assert 0 < eager.probability < 1
    assert len(engine.decodes) == 1
    assert len(judge.asked) > 1  # asked again as the silence grows


async def test_a_gap_between_two_words_is_forgotten_even_where_its_decode_waits() -> None:
    engine = LengthEngine()
    stream = Stream(engine, endpointing=ASKING)
    running = asyncio.ensure_future(stream.run(*([loud(0.5) + quiet(0.15)] * 8), loud(0.5), Finish()))
    await until(lambda: stream.taken == 10)
    engine.gate.set()
    events = await running
    assert [type(event) for event in events] == [SpeechStarted, EndOfTurn]
    assert len(engine.decodes) < 4  # the first, which had begun, and the last, but not one for each gap
