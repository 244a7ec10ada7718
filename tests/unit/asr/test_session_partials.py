"""One stream's partials, and the amount of decoding in long turns."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

from asr_service.audio import Audio
from asr_service.engine import DecodeOptions, Transcript, Word
from asr_service.events import EagerEndOfTurn, EndOfTurn, Partial, SpeechStarted
from asr_service.stream import Finish
from asr_service.turn_taking.endpointing import Endpointing
from tests.support.asr_stream import RATE, LengthEngine, Stream, loud, open_engine, quiet, until


async def test_partials_come_while_the_voice_goes_on_and_never_after_the_end() -> None:
    stream = Stream(open_engine(), partial_interval_ms=500)
    events = await stream.run(*[loud(0.1)] * 40, quiet(1), Finish())
    partials = [event for event in events if isinstance(event, Partial)]
    assert partials
    assert isinstance(events[-1], EndOfTurn)
    assert events.index(partials[-1]) < len(events) - 2
    for earlier, later in pairwise(partials):
        assert later.end_sample - earlier.end_sample >= 0.5 * RATE
        assert later.stable_text.startswith(earlier.stable_text)


async def test_with_the_model_busy_there_is_at_most_one_partial_in_waiting() -> None:
    engine = LengthEngine()
    stream = Stream(engine, partial_interval_ms=100)
    running = asyncio.ensure_future(stream.run(*[loud(0.1)] * 40, Finish()))
    await until(lambda: stream.taken == 41)
    await asyncio.sleep(0.05)
    assert [quality for quality, _ in engine.decodes] == ["partial"]
    engine.gate.set()
    await running
    assert [quality for quality, _ in engine.decodes] == ["partial", "final"]


async def test_the_words_before_a_pause_come_during_the_pause() -> None:
    """The interval between partials is longer than the whole test, so only a pause can cause a partial."""
    stream = Stream(open_engine(), partial_interval_ms=60_000, endpointing=Endpointing(max_silence_ms=1_600))
    events = await stream.run(loud(1), quiet(0.6), loud(1), quiet(3), Finish())
    started, first, second, *_ = events
    assert isinstance(started, SpeechStarted)
    assert isinstance(first, Partial)
    assert isinstance(second, Partial)
    assert (first.stable_text + first.unstable_text).split() == ["w0", "w1"]
    assert first.end_sample < 1.3 * RATE
    assert second.stable_text.startswith("w0 w1")
    assert isinstance(events[-1], EndOfTurn)


async def test_a_word_that_is_only_a_guess_is_not_told_in_a_pause() -> None:
    class Cough(LengthEngine):
        def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
            return Transcript("you", (Word("you", 0, 4_000, 0.3),), "en")

    stream = Stream(Cough(), partial_interval_ms=60_000, endpointing=Endpointing(max_silence_ms=1_600))
    events = await stream.run(loud(0.4), quiet(3), Finish())
    assert [type(event) for event in events] == [SpeechStarted, EagerEndOfTurn, EndOfTurn]


class EndlessPartials(LengthEngine):
    """Finishes a partial only when it is told to stop."""

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        while options.quality == "partial" and not options.is_cancelled():
            time.sleep(0.001)
        return super().transcribe(audio, options)


async def test_a_partial_makes_room_for_the_end_of_its_turn() -> None:
    engine = EndlessPartials()
    engine.gate.set()
    events = await Stream(engine, partial_interval_ms=100).run(*[loud(0.1)] * 15, quiet(1), *[loud(0.1)] * 15, Finish())
    assert [type(event) for event in events] == [SpeechStarted, EagerEndOfTurn, EndOfTurn, SpeechStarted, EndOfTurn]
    assert "partial" in [quality for quality, _ in engine.decodes]


async def test_the_work_of_partials_for_a_second_of_speech_does_not_grow_with_the_utterance() -> None:
    async def decoded(seconds: int) -> float:
        engine = open_engine()
        patient = Endpointing(end_silence_ms=500, max_turn_ms=600_000)
        stream = Stream(engine, partial_interval_ms=500, endpointing=patient)

        await stream.run(*[loud(0.1)] * (10 * seconds), quiet(1), Finish())
        return sum(samples for quality, samples in engine.decodes) / 16_000 / seconds

    short, long = await decoded(40), await decoded(160)
    assert long <= 1.3 * short  # if it grew, it would be four times as much; 1.3 allows for more or fewer partials


async def test_the_end_of_a_long_turn_is_decoded_from_where_its_words_are_agreed_on() -> None:
    engine = open_engine()
    endpointing = Endpointing(end_silence_ms=500, max_turn_ms=600_000)
    stream = Stream(engine, 500, endpointing, pause_s=0.002)  # otherwise a busy machine decodes only one partial
    events = await stream.run(*[loud(0.1)] * 400, quiet(1), Finish())
    (end,) = (event for event in events if isinstance(event, EndOfTurn))
    (final,) = (samples for quality, samples in engine.decodes if quality == "final")
    assert final < 15 * 16_000
    assert len(end.turn.words) >= 70  # the sound has 80, one in each half second
    times = [sample for word in end.turn.words for sample in (word.start, word.end)]
    assert times == sorted(times)
