"""One stream with a scripted model and a voice detector that hears loudness: order of events, bounds, cancelling."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_service.audio import Audio
from asr_service.decoding import Decoder
from asr_service.endpointing import EndReason
from asr_service.engine import Closing, DecodeOptions, Transcript, Word
from asr_service.events import EagerEndOfTurn, EndOfTurn, Event, Partial, TurnResumed, TurnStarted, spoken_turn
from asr_service.listening import Listening
from asr_service.patience import Endpointing
from asr_service.session import Finish, Request, StreamConfig, StreamSession
from common.engine_info import EngineDescription
from common.errors import EngineError

RATE = 8_000
# Silence alone first: what it does does not depend on words.
ENDPOINTING = Endpointing(eager_silence_ms=320, end_silence_ms=640, max_turn_ms=5_000)


class LoudnessVad:
    """Whatever is loud is a voice."""

    def infer(self, audio: Audio, state: Audio) -> tuple[Audio, Audio]:
        return (np.abs(audio[:, -512:]).max(axis=1) > 0.1).astype(np.float32), state


@dataclass
class ScriptedJudge:
    """Finds every end of a turn as probable as it is told."""

    acoustics: list[float] = field(default_factory=lambda: [0.99])
    heard: int = 8_000
    asked: list[int] = field(default_factory=list)

    async def acoustic(self, audio: Audio) -> float:
        self.asked.append(len(audio))
        return self.acoustics.pop(0) if len(self.acoustics) > 1 else self.acoustics[0]


@dataclass
class LengthEngine:
    """Hears one word in every half second; `gate` holds it up, `deaf` makes it hear nothing, `broken` fail.

    `sure`: of its words and that they are a sentence.
    """

    gate: threading.Event = field(default_factory=threading.Event)
    deaf: bool = False
    broken: bool = False
    sure: bool | None = False  # of the speaker's being done; None: neither that nor the contrary
    decodes: list[tuple[str, int]] = field(default_factory=list)

    def load(self) -> None: ...

    def close(self) -> None: ...

    def describe(self) -> EngineDescription:
        return EngineDescription("fake", "fake", "cpu")

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        self.decodes.append((options.quality, len(audio)))
        self.gate.wait(10)
        if self.broken:
            raise EngineError("the model failed")
        count = 0 if self.deaf else len(audio) // 8_000
        mark, confidence, closing = ("", 0.5, None) if self.sure is False else (".", 0.98, Closing(0.95, 0.5))
        if self.sure is None:
            confidence, closing = 0.97, Closing(0.7, 0.4)
        words = tuple(Word(f" w{i}{mark}", 8_000 * i, 8_000 * (i + 1), confidence) for i in range(count))
        return Transcript("".join(word.text for word in words).strip(), words, "en" if words else "", closing)


def open_engine(*, deaf: bool = False, broken: bool = False, sure: bool | None = False) -> LengthEngine:
    engine = LengthEngine(deaf=deaf, broken=broken, sure=sure)
    engine.gate.set()
    return engine


def loud(seconds: float) -> bytes:
    return np.full(round(seconds * RATE), 10_000, np.int16).tobytes()


def quiet(seconds: float) -> bytes:
    return bytes(2 * round(seconds * RATE))


@dataclass
class Stream:
    """A session under test, and what it emitted."""

    engine: LengthEngine
    partial_interval_ms: int = 0
    endpointing: Endpointing = ENDPOINTING
    judge: ScriptedJudge = field(default_factory=ScriptedJudge)
    events: list[Event] = field(default_factory=list)
    taken: int = 0

    async def run(self, *requests: Request) -> list[Event]:
        async def give() -> AsyncIterator[Request]:
            for request in requests:
                self.taken += 1
                yield request

        async def emit(event: Event) -> None:
            self.events.append(event)

        decoder = Decoder(self.engine, 1)
        config = StreamConfig(RATE, "en", self.endpointing, self.partial_interval_ms)
        with ThreadPoolExecutor(1) as thread:
            listening = Listening(LoudnessVad(), thread)
            session = StreamSession(config, decoder=decoder, judge=self.judge, listening=listening, emit=emit)
            try:
                await session.run(give())
            finally:
                self.engine.gate.set()
                await decoder.close()
        return self.events


async def until(condition: Callable[[], bool]) -> None:
    """Come back once it is so; the test's time-out is the limit."""
    while not condition():
        await asyncio.sleep(0.001)


TWO_TURNS = loud(1.5) + quiet(0.45) + loud(1) + quiet(1) + loud(0.6) + quiet(0.1)


async def test_the_order_of_events() -> None:
    events = await Stream(open_engine()).run(TWO_TURNS, Finish())
    started, eager, resumed, again, end, second, last = events
    assert isinstance(started, TurnStarted)
    assert isinstance(eager, EagerEndOfTurn)
    assert isinstance(resumed, TurnResumed)
    assert isinstance(again, EagerEndOfTurn)
    assert isinstance(end, EndOfTurn)
    assert isinstance(second, TurnStarted)
    assert isinstance(last, EndOfTurn)
    assert eager.turn.text != again.turn.text == end.turn.text
    assert again.turn == end.turn
    assert (end.reason, last.reason) == (EndReason.SILENCE, EndReason.FINISHED)
    # At the stream's own rate, to within a window.
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
    # Pre-roll, voice and the silence after which the decode begins of 0.3, 1 and 0.1 seconds, to within a few windows.
    assert first == pytest.approx(1.4 * 16_000, abs=4 * 512)
    assert second == pytest.approx(first, abs=4 * 512)


async def test_where_there_are_no_words_there_is_only_an_empty_end() -> None:
    started, end = await Stream(open_engine(deaf=True)).run(loud(0.5) + quiet(0.4) + loud(0.5) + quiet(1), Finish())
    assert isinstance(started, TurnStarted)
    assert isinstance(end, EndOfTurn)
    assert (end.turn.text, end.turn.words, end.reason) == ("", (), EndReason.SILENCE)


async def test_a_voice_that_never_stops_is_cut_into_turns_of_bounded_length() -> None:
    engine = open_engine()
    events = await Stream(engine).run(*[loud(1)] * 22, Finish())
    ends = [event for event in events if isinstance(event, EndOfTurn)]
    assert [end.reason for end in ends] == [EndReason.MAX_LENGTH] * 4 + [EndReason.FINISHED]
    assert max(samples for _, samples in engine.decodes) <= 5.1 * 16_000
    assert sum(samples for _, samples in engine.decodes) == pytest.approx(22 * 16_000, abs=512)  # all, and once


async def test_listening_goes_on_while_the_model_decodes_but_not_without_bound() -> None:
    engine = LengthEngine()
    stream = Stream(engine)
    running = asyncio.ensure_future(stream.run(*[loud(0.5) + quiet(1)] * 100, Finish()))
    await until(lambda: stream.taken > 2)
    assert len(engine.decodes) == 1  # it is held up
    await asyncio.sleep(0.3)
    assert stream.taken < 20
    engine.gate.set()
    assert sum(isinstance(event, EndOfTurn) for event in await running) == 100


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


class EndlessPartials(LengthEngine):
    """Has done with a partial only when it is told to stop."""

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        while options.quality == "partial" and not options.is_cancelled():
            time.sleep(0.001)
        return super().transcribe(audio, options)


async def test_a_partial_makes_room_for_the_end_of_its_turn() -> None:
    engine = EndlessPartials()
    engine.gate.set()
    events = await Stream(engine, partial_interval_ms=100).run(*[loud(0.1)] * 15, quiet(1), *[loud(0.1)] * 15, Finish())
    assert [type(event) for event in events] == [TurnStarted, EagerEndOfTurn, EndOfTurn, TurnStarted, EndOfTurn]
    assert "partial" in [quality for quality, _ in engine.decodes]


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


# --- with the turn model --------------------------------------------------------------------------

ASKING = Endpointing(eager_silence_ms=192, min_silence_ms=256, max_silence_ms=1_600, max_turn_ms=30_000)


async def test_the_end_comes_sooner_where_the_speaker_is_surely_done() -> None:
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
    assert isinstance(started, TurnStarted)
    assert isinstance(eager, EagerEndOfTurn)
    assert isinstance(end, EndOfTurn)
    assert eager.turn == end.turn
    assert 0 < eager.probability < 1
    assert len(engine.decodes) == 1
    assert len(judge.asked) > 1  # as the silence grows


async def test_a_gap_between_two_words_is_forgotten_even_where_its_decode_waits() -> None:
    engine = LengthEngine()
    stream = Stream(engine, endpointing=ASKING)
    running = asyncio.ensure_future(stream.run(*([loud(0.5) + quiet(0.15)] * 8), loud(0.5), Finish()))
    await until(lambda: stream.taken == 10)
    engine.gate.set()
    events = await running
    assert [type(event) for event in events] == [TurnStarted, EndOfTurn]
    assert len(engine.decodes) < 4  # the first, which had begun, and the last


async def test_the_work_of_partials_for_a_second_of_speech_does_not_grow_with_the_utterance() -> None:
    async def decoded(seconds: int) -> float:
        engine = open_engine()
        patient = Endpointing(end_silence_ms=500, max_turn_ms=600_000)
        stream = Stream(engine, partial_interval_ms=500, endpointing=patient)

        await stream.run(*[loud(0.1)] * (10 * seconds), quiet(1), Finish())
        return sum(samples for quality, samples in engine.decodes) / 16_000 / seconds

    short, long = await decoded(40), await decoded(160)
    assert long <= 1.3 * short  # it would be four times as much; which partials there is time for varies


async def test_the_end_of_a_long_turn_is_decoded_from_where_its_words_are_agreed_on() -> None:
    engine = open_engine()
    endpointing = Endpointing(end_silence_ms=500, max_turn_ms=600_000)
    events = await Stream(engine, 500, endpointing).run(*[loud(0.1)] * 400, quiet(1), Finish())
    (end,) = (event for event in events if isinstance(event, EndOfTurn))
    (final,) = (samples for quality, samples in engine.decodes if quality == "final")
    assert final < 15 * 16_000
    assert len(end.turn.words) >= 70  # of 80 half seconds
    times = [sample for word in end.turn.words for sample in (word.start, word.end)]
    assert times == sorted(times)
