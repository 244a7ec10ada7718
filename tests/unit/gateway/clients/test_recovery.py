"""Streams that survive the loss of their replica: what the next replica gets, and what the reader sees. The tests run
in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_service.turn_taking.endpointing import Endpointing
from common.errors import BusyError, EngineError, InvalidInputError, ServiceError, UnavailableError
from common.speech import MAX_TURN_MS, PRE_ROLL_S
from gateway.clients.calls import RETRIES
from gateway.clients.recovering_asr import MOST_KEPT_S, SILENCE_S, RecentAudio, RecoveringAsr
from gateway.clients.recovering_tts import RecoveringTts
from gateway.ports import (
    AsrEvent,
    AsrStream,
    EagerEndOfTurn,
    EndOfTurn,
    Partial,
    Patience,
    SpeechChunk,
    SpeechStarted,
    SpokenWord,
    Transcript,
    TtsStream,
    TurnResumed,
    VoiceContinued,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

RATE = 1000
SECOND = bytes(2 * RATE)
GONE = UnavailableError("gone")
Script = list[tuple[int, AsrEvent | ServiceError]]


def said(text: str, start: int, end: int) -> Transcript:
    return Transcript(text, (), start, end)


@dataclass
class Recogniser:
    """A recogniser with a script for each stream: events, and the numbers of samples after which they come."""

    scripts: list[Script]
    heard: list[bytearray] = field(default_factory=list)
    patience: list[Patience] = field(default_factory=list)
    open_streams: int = 0

    @asynccontextmanager
    async def open(self, *, sample_rate_hz: int, language: str, patience: Patience) -> AsyncIterator[AsrStream]:
        self.patience.append(patience)
        self.heard.append(bytearray())
        self.open_streams += 1
        try:
            yield RecogniserStream(self.scripts.pop(0), self.heard[-1])
        finally:
            self.open_streams -= 1


class RecogniserStream:
    def __init__(self, script: Script, heard: bytearray) -> None:
        self._script, self._heard = script, heard
        self._changed = asyncio.Event()
        self._broken: ServiceError | None = None
        self._finished = False

    async def send(self, pcm: bytes) -> None:
        if self._broken:
            raise self._broken
        self._heard += pcm
        self._changed.set()

    async def set_patience(self, patience: Patience) -> None:
        """Do nothing: this recogniser doesn't use the patience."""

    async def finish(self) -> None:
        self._finished = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[AsrEvent]:
        while True:
            while self._script and 2 * self._script[0][0] <= len(self._heard):
                _, event = self._script.pop(0)
                if isinstance(event, ServiceError):
                    self._broken = event
                    raise event
                yield event
            if self._finished:
                return
            self._changed.clear()
            await self._changed.wait()


async def recognise(recogniser: Recogniser, seconds: int) -> list[AsrEvent]:
    """Speak for that many seconds, in pieces of one second, each with a number of its own. Returns the events."""
    asr = RecoveringAsr(recogniser)

    async def speak(stream: AsrStream) -> None:
        for number in range(seconds):
            await stream.send(bytes([number]) * len(SECOND))
            await asyncio.sleep(1)
        await stream.finish()

    async with (
        asr.open(sample_rate_hz=RATE, language="en", patience=Patience(2.0, 100)) as stream,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(speak(stream))
        events = [event async for event in stream]
    assert recogniser.open_streams == 0
    return events


async def test_a_turn_that_broke_off_is_heard_again_from_its_beginning_and_begins_once() -> None:
    first: Script = [(4000, SpeechStarted(3500)), (5000, Partial("so", "")), (6000, GONE)]
    # The second stream begins PRE_ROLL_S before the turn, so its positions are smaller by 3,200 than in the first.
    second: Script = [(2500, SpeechStarted(290)), (4000, EndOfTurn(said("so it is", 290, 3000), 321))]
    recogniser = Recogniser([first, second])
    assert await recognise(recogniser, 8) == [
        SpeechStarted(3500),
        Partial("so", ""),
        VoiceContinued(3490),
        EndOfTurn(said("so it is", 3490, 6200), 321),
    ]
    begin = 2 * round(3500 - PRE_ROLL_S * RATE)
    whole = b"".join(bytes([number]) * len(SECOND) for number in range(8))
    assert bytes(recogniser.heard[1]) == whole[begin:]


async def test_a_reply_that_was_prepared_is_dropped_when_the_turn_is_heard_again() -> None:
    first: Script = [
        (1000, SpeechStarted(500)),
        (2000, EagerEndOfTurn(said("so", 500, 1500))),
        (3000, EngineError("reset by a proxy")),
    ]
    second: Script = [
        (2000, SpeechStarted(300)),
        (2500, EagerEndOfTurn(said("so", 300, 1300))),
        (3000, EndOfTurn(said("so", 300, 1300))),
    ]
    events = await recognise(Recogniser([first, second]), 5)
    assert [type(event) for event in events] == [
        SpeechStarted,
        EagerEndOfTurn,
        TurnResumed,
        EagerEndOfTurn,
        EndOfTurn,
    ]


async def test_a_replica_that_drains_between_turns_costs_no_time_and_no_turn() -> None:
    first: Script = [(1000, SpeechStarted(500)), (3000, EndOfTurn(said("one", 500, 2000), 250)), (4000, GONE)]
    second: Script = [(3000, SpeechStarted(2500)), (4000, EndOfTurn(said("two", 2500, 3500)))]
    recogniser = Recogniser([first, second])
    began = asyncio.get_running_loop().time()
    events = await recognise(recogniser, 7)
    assert asyncio.get_running_loop().time() - began == 7
    # The next stream begins after the last sound of the answered turn, so nothing is heard twice.
    assert events[2:] == [SpeechStarted(4500), EndOfTurn(said("two", 4500, 5500))]
    assert recogniser.patience == [Patience(2.0, 100), Patience(2.0, 250)]


async def test_speech_while_no_replica_is_available_goes_to_the_next_one() -> None:
    busy: Script = [(0, BusyError("full"))]
    recogniser = Recogniser([[(1000, SpeechStarted(500)), (2000, GONE)], busy, busy, []])
    await recognise(recogniser, 6)
    assert len(recogniser.heard[-1]) == 2 * (6000 - 200)


async def test_nothing_is_dropped_of_a_sentence_that_began_while_no_replica_could_be_had() -> None:
    audio = RecentAudio(RATE)
    for _ in range(10):
        audio.add(SECOND)
    for _ in range(20):
        audio.add(SECOND, is_heard=False)
    assert audio.end - audio.begin == 20 * RATE + SILENCE_S * RATE
    for _ in range(round(MOST_KEPT_S)):
        audio.add(SECOND, is_heard=False)
    assert audio.end - audio.begin == MOST_KEPT_S * RATE
    audio.add(SECOND)
    assert audio.end - audio.begin == SILENCE_S * RATE


async def test_the_longest_turn_that_recognition_can_be_set_to_is_kept_whole() -> None:
    audio = RecentAudio(RATE)
    audio.add(SECOND)
    audio.turn_began(RATE // 2)
    longest = Endpointing().overridden(max_turn_ms=MAX_TURN_MS).max_turn_ms
    for _ in range(longest // 1000 + 1):  # the turn's end is reported late
        audio.add(SECOND)
    assert audio.begin == RATE // 2 - PRE_ROLL_S * RATE


async def test_after_some_tries_the_last_failure_is_raised() -> None:
    broken: list[Script] = [[(1000, SpeechStarted(500)), (1000, GONE)] for _ in range(RETRIES + 1)]
    with pytest.raises(ExceptionGroup) as failed:
        await recognise(Recogniser([*broken, []]), 9)
    assert failed.value.exceptions == (GONE,)


async def test_a_fault_of_ours_is_not_tried_again() -> None:
    with pytest.raises(ExceptionGroup):
        await recognise(Recogniser([[(1000, InvalidInputError("no such language"))], []]), 3)


@given(st.lists(st.tuples(st.sampled_from(["add", "begin", "end"]), st.integers(1, 4000)), max_size=60))
async def test_the_audio_kept_ends_now_and_begins_with_what_is_unanswered(steps: Sequence[tuple[str, int]]) -> None:
    audio, whole, answered, began = RecentAudio(RATE), b"", 0, None
    for step, number in steps:
        if step == "add":
            piece = (len(whole) // 2).to_bytes(4, "little")[:2] * number
            audio.add(piece)
            whole += piece
        elif step == "begin" and began is None:
            began = max(answered, audio.end - number % round(SILENCE_S * RATE))
            audio.turn_began(began)
        elif step == "end" and began is not None:
            answered, began = min(began + number, audio.end), None
            audio.turn_ended(answered)
        kept = b"".join(audio.kept())
        assert kept == whole[2 * audio.begin :]
        assert audio.begin >= answered
        if began is not None:
            assert audio.begin <= began


# --- speech -------------------------------------------------------------------------------------

WORD = 100  # samples


@dataclass
class Voice:
    """Speaks words of WORD samples, in chunks of `chunk` samples. breaks: after how many chunks each stream breaks; -1:
    never."""

    breaks: list[int]
    chunk: int = 60
    texts: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def open(self, *, sample_rate_hz: int, voice: str, speed: float, language: str) -> AsyncIterator[TtsStream]:
        self.texts.append("")
        yield VoiceStream(self, self.breaks.pop(0))


class VoiceStream:
    def __init__(self, voice: Voice, breaks_after: int) -> None:
        self._voice, self._breaks_after = voice, breaks_after
        self._done = asyncio.Event()

    async def send_text(self, text: str) -> None:
        self._voice.texts[-1] += text

    async def finish(self) -> None:
        self._done.set()

    async def __aiter__(self) -> AsyncIterator[SpeechChunk]:
        await self._done.wait()
        text = self._voice.texts[-1]
        words = [
            SpokenWord(word, at := text.index(word), at + len(word), i * WORD, (i + 1) * WORD)
            for i, word in enumerate(text.split())
        ]
        text_end = 0
        for count, begin in enumerate(range(0, len(words) * WORD, self._voice.chunk)):
            if count == self._breaks_after:
                raise GONE
            end = min(begin + self._voice.chunk, len(words) * WORD)
            begun = tuple(word for word in words if begin <= word.start_sample < end)
            text_start, text_end = text_end, begun[-1].text_end if begun else text_end
            yield SpeechChunk(bytes(2 * (end - begin)), begin, text_start, text_end, begun, timing_estimated=False)
        if self._breaks_after > len(words) * WORD:
            raise GONE


async def speak(voice: Voice, pieces: Sequence[str]) -> list[SpeechChunk]:
    async with RecoveringTts(voice).open(sample_rate_hz=RATE, voice="", speed=1, language="en") as stream:
        for piece in pieces:
            await stream.send_text(piece)
        await stream.finish()
        return [chunk async for chunk in stream]


@pytest.mark.parametrize("breaks_after", range(7))
async def test_a_reply_goes_on_from_the_first_word_that_was_not_spoken(breaks_after: int) -> None:
    pieces = ["one two ", "three four"]
    voice = Voice([breaks_after, -1])
    chunks = await speak(voice, pieces)
    text = "".join(pieces)
    ends = 0
    for chunk in chunks:  # the samples have no gap
        assert chunk.start_sample == ends
        ends += len(chunk.pcm) // 2
    words = [word for chunk in chunks for word in chunk.words]
    assert all(text[word.text_start : word.text_end] == word.text for word in words)
    whole = [word.text for word in words if word.end_sample <= ends]
    assert list(dict.fromkeys(whole)) == text.split()
    assert len(words) <= len(text.split()) + 1  # only the word in which the stream broke may be said twice


async def test_a_stream_that_breaks_after_the_last_word_has_done_its_work() -> None:
    chunks = await speak(Voice([1000]), ["one two"])
    assert sum(len(chunk.pcm) for chunk in chunks) == 2 * 2 * WORD


async def test_a_voice_that_cannot_be_had_is_an_error() -> None:
    with pytest.raises(UnavailableError):
        await speak(Voice([0] * (RETRIES + 1)), ["one two"])
