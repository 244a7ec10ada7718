"""A sentence with a hesitation of known length: checks the pause and the speech rates that the analysis computes from
real recognition."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from itertools import pairwise

import numpy as np
import pytest
import pytest_asyncio
from aitalk.asr.v1 import asr_pb2 as pb

from gateway.analysis.fluency import measure_fluency, word_count
from gateway.analysis.words import load_lexicon
from gateway.history import LearnerTurn, Word
from tests.support.asr import (
    FINISH,
    AsrServer,
    asr_server,
    asr_settings,
    audio,
    beckett_path,
    config,
    read_wav,
    silence,
    spoken,
    stream,
    turns,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE = 16_000
HALVES = (
    ("Yesterday I went to the market", "with my sister and we bought some apples."),
    ("Could you tell me", "how to get to the train station?"),
    ("I have been learning English for two years", "because I want to work abroad."),
    ("My favorite food is rice", "with chicken and vegetables."),
    ("On the weekend I usually", "read a book in the garden."),
    ("We stayed at a small hotel", "near the beach for one week."),
)
ROOM = 30.0  # the noise of a quiet room, -61 dBFS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[AsrServer]:
    async with asr_server(asr_settings()) as running:
        yield running


@pytest.mark.parametrize("room", [0.0, ROOM], ids=["silent", "room"])
@pytest.mark.parametrize("pause_s", [0.5, 0.9])
@pytest.mark.parametrize("halves", HALVES, ids=lambda halves: halves[0].split()[-1])
async def test_a_hesitation_is_measured_within_5_percent(
    server: AsrServer, halves: tuple[str, str], pause_s: float, room: float
) -> None:
    first, second = map(spoken, halves)
    pcm = np.concatenate([silence(0.5), first, silence(pause_s), second, silence(2.0)])
    noise = np.random.default_rng(0).normal(0, room, len(pcm))
    pcm = np.clip(pcm + noise, -32_768, 32_767).astype(np.int16)
    waits = pb.Endpointing(end_silence_ms=1_500)
    events = await stream(server, [config(endpointing=waits, disable_partials=True), audio(pcm), FINISH])
    (end,) = turns(events)

    heard, lexicon = learner_turn(end.transcript), load_lexicon("en")
    fluency = measure_fluency([heard], lexicon)
    assert fluency.pauses is not None
    assert fluency.pauses.count == 1
    for measured_s in (fluency.pauses.total_s, fluency.pauses.mean_s, fluency.pauses.longest_s):
        assert measured_s == pytest.approx(pause_s, rel=0.05)
    speech_s = (len(first) + len(second)) / RATE
    assert fluency.words == word_count(" ".join(halves), lexicon)
    assert fluency.speaking_time_s == pytest.approx(speech_s + pause_s, rel=0.05)
    assert fluency.words_per_minute == pytest.approx(fluency.words * 60 / (speech_s + pause_s), rel=0.05)
    assert fluency.articulation_rate_wpm == pytest.approx(fluency.words * 60 / speech_s, rel=0.05)
    # The word before the pause ends where the pause begins, and the word after it begins where the pause ends.
    pause_begin = 0.5 + len(first) / RATE
    before, after = next(pair for pair in pairwise(heard.words) if is_pause(*pair))
    start_s = end.transcript.start_sample / RATE
    assert start_s + before.end_s == pytest.approx(pause_begin, abs=0.03)
    assert start_s + after.start_s == pytest.approx(pause_begin + pause_s, abs=0.03)


async def test_the_pauses_of_a_person_are_between_the_phrases(server: AsrServer) -> None:
    pcm, rate = read_wav(beckett_path())
    waits = pb.Endpointing(end_silence_ms=3_000)
    events = await stream(server, [config(rate, endpointing=waits, disable_partials=True), audio(pcm), FINISH])
    (end,) = turns(events)
    heard = learner_turn(end.transcript)
    phrases, text = [], ""
    for word, following in zip(heard.words, [*heard.words[1:], None], strict=True):
        text += f" {word.text}"
        if following is None or is_pause(word, following):
            phrases.append(re.sub(r"\W+", " ", text).strip().lower())
            text = ""
    assert phrases == ["ever tried", "ever failed", "no matter", "try again", "fail again", "fail better"]
    assert max(word.end_s - word.start_s for word in heard.words) < 0.8


def learner_turn(transcript: pb.Transcript) -> LearnerTurn:
    """The turn as the gateway keeps it. The times of its words are in seconds since the turn began."""
    start = transcript.start_sample
    return LearnerTurn(
        turn_id="1",
        text=transcript.text,
        started_s=start / RATE,
        duration_s=(transcript.end_sample - start) / RATE,
        words=tuple(
            Word(
                text=word.text,
                start_s=(word.start_sample - start) / RATE,
                end_s=(word.end_sample - start) / RATE,
                confidence=word.confidence,
            )
            for word in transcript.words
        ),
    )


def is_pause(before: Word, after: Word) -> bool:
    return after.start_s - before.end_s >= 0.25
