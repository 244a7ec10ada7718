"""When turns are decoded again: after a delay, while recognition is idle, one at a time, and without making a stream
wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import pytest
from prometheus_client import REGISTRY

from asr_service.audio import Audio
from asr_service.engine import Transcript, Word
from asr_service.events import EndOfTurn, VerbatimTranscript
from asr_service.stream import Finish
from asr_service.verbatim import lane as lane_module
from asr_service.verbatim.fillers import PROMPT
from asr_service.verbatim.lane import MOST_WAITING, VerbatimLane
from asr_service.verbatim.rewriter import LONGEST, Rewriter
from common.engine_info import EngineDescription
from tests.support.asr_stream import Stream, loud, open_engine, quiet

AUDIO: Audio = np.zeros(16_000, np.float32)
HEARD = Transcript("I bought it.", (Word(" I", 0, 5, 1.0), Word(" bought", 5, 9, 1.0), Word(" it.", 9, 12, 1.0)), "en")


def buyed(transcript: Transcript) -> Transcript:
    words = [replace(word, text=word.text.replace("bought", "buyed")) for word in transcript.words]
    return replace(transcript, text="".join(word.text for word in words).strip(), words=tuple(words))


@dataclass
class ScriptedRewriter:
    change: Callable[[Transcript], Transcript] = buyed
    heard: int = 0

    def rewrite(self, audio: Audio, transcript: Transcript) -> Transcript:
        self.heard += 1
        return self.change(transcript)


@dataclass
class ScriptedDecoder:
    """A decoder whose second decode of a turn gives `prompted`."""

    prompted: Transcript = HEARD
    name: str = "faster-whisper"
    has_idle_worker: bool = True
    prompts: list[str] = field(default_factory=list)

    @property
    def engine(self) -> ScriptedDecoder:
        return self

    def describe(self) -> EngineDescription:
        return EngineDescription(self.name, "", "cpu")

    async def decode_verbatim(self, audio: Audio, *, language: str, prompt: str) -> Transcript:
        self.prompts.append(prompt)
        return self.prompted


def open_lane(
    decoder: ScriptedDecoder | None = None, rewriter: ScriptedRewriter | None = None, delay_s: float = 0.0
) -> VerbatimLane:
    return VerbatimLane(
        cast("lane_module.VerbatimDecoder", decoder or ScriptedDecoder()),
        cast("Rewriter", rewriter or ScriptedRewriter()),
        delay_s=delay_s,
    )


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("aitalk_asr_verbatim_turns_total", {"outcome": outcome}) or 0.0


async def test_mistakes_and_fillers_are_added() -> None:
    prompted = Transcript("", (HEARD.words[0], Word(" um,", 5, 5, 0.8), *HEARD.words[1:]), "en")
    decoder = ScriptedDecoder(prompted)
    assert (await open_lane(decoder).hear(AUDIO, HEARD)).text == "I um, buyed it."
    assert decoder.prompts == [PROMPT]


async def test_an_engine_without_prompts_is_not_asked_again() -> None:
    decoder = ScriptedDecoder(name="kyutai")
    assert (await open_lane(decoder).hear(AUDIO, HEARD)).text == "I buyed it."
    assert not decoder.prompts


async def test_known_words_are_no_news() -> None:
    same = counted("same")
    assert await open_lane(rewriter=ScriptedRewriter(lambda transcript: transcript)).hear(AUDIO, HEARD) is HEARD
    assert counted("same") == same + 1


@pytest.mark.looptime
async def test_a_turn_waits_until_recognition_is_idle_and_is_dropped_if_that_takes_long() -> None:
    decoder, rewriter, dropped = ScriptedDecoder(has_idle_worker=False), ScriptedRewriter(), counted("dropped")
    assert await open_lane(decoder, rewriter, 2.0).hear(AUDIO, HEARD) is HEARD
    assert not rewriter.heard
    assert counted("dropped") == dropped + 1


@pytest.mark.looptime
async def test_only_some_turns_wait() -> None:
    lane = open_lane(ScriptedDecoder(has_idle_worker=False))
    waiting = [asyncio.create_task(lane.hear(AUDIO, HEARD)) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    clock = asyncio.get_running_loop().time
    before = clock()
    assert await lane.hear(AUDIO, HEARD) is HEARD
    assert clock() == before
    await asyncio.gather(*waiting)


async def test_a_long_turn_is_left_as_it_is() -> None:
    rewriter = ScriptedRewriter()
    assert await open_lane(rewriter=rewriter).hear(np.zeros(LONGEST + 1, np.float32), HEARD) is HEARD
    assert not rewriter.heard


async def test_a_failure_says_nothing_of_what_was_said(caplog: pytest.LogCaptureFixture) -> None:
    def fail(transcript: Transcript) -> Transcript:
        raise KeyError(transcript.text)

    assert await open_lane(rewriter=ScriptedRewriter(fail)).hear(AUDIO, HEARD) is HEARD
    assert "KeyError" in caplog.text
    assert "bought" not in caplog.text


async def test_where_the_networks_can_not_run_there_is_no_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("no library")

    monkeypatch.setattr(lane_module, "Phonemes", fail)
    lane = VerbatimLane(cast("lane_module.VerbatimDecoder", ScriptedDecoder(name="kyutai")))
    await lane.load()
    assert not lane.takes("en-US")


async def test_without_the_networks_only_fillers_are_added() -> None:
    prompted = Transcript("", (HEARD.words[0], Word(" um,", 5, 5, 0.8), *HEARD.words[1:]), "en")
    lane = VerbatimLane(cast("lane_module.VerbatimDecoder", ScriptedDecoder(prompted)), delay_s=0.0)
    assert lane.takes("en-US")
    assert (await lane.hear(AUDIO, HEARD)).text == "I um, bought it."


def test_only_english_is_heard_again() -> None:
    lane = open_lane()
    assert [lane.takes(tag) for tag in ("en", "en-GB", "fr", "")] == [True, True, False, False]


# --- in a stream --------------------------------------------------------------------------------


def renamed(transcript: Transcript) -> Transcript:
    words = tuple(replace(word, text=f"{word.text}ed") for word in transcript.words)
    return replace(transcript, text="".join(word.text for word in words).strip(), words=words)


async def test_a_stream_tells_of_other_words_after_the_end_of_the_turn() -> None:
    lane = open_lane(rewriter=ScriptedRewriter(renamed), decoder=ScriptedDecoder(name="fake"))
    events = await Stream(open_engine(), verbatim=lane, pause_s=0.1).run(
        loud(1), quiet(1), quiet(0.1), quiet(0.1), quiet(0.1), Finish()
    )
    end = next(event for event in events if isinstance(event, EndOfTurn))
    (verbatim,) = (event for event in events if isinstance(event, VerbatimTranscript))
    assert verbatim.turn.text == " ".join(f"{word.text}ed" for word in end.turn.words)
    assert (verbatim.turn.start_sample, verbatim.turn.end_sample) == (end.turn.start_sample, end.turn.end_sample)
    assert events.index(verbatim) > events.index(end)


async def test_the_end_of_a_stream_waits_for_no_turn() -> None:
    lane = open_lane(delay_s=60.0)
    async with asyncio.timeout(5):
        events = await Stream(open_engine(), verbatim=lane).run(loud(1), quiet(1), loud(1), Finish())
    assert len([event for event in events if isinstance(event, EndOfTurn)]) == 2
    assert not [event for event in events if isinstance(event, VerbatimTranscript)]
