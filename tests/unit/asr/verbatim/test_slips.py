"""Mispronounced sounds in a sentence that the speaker was to say. The networks are real; the speech is Piper's."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from asr_service.audio import ENGINE_RATE_HZ, Audio, pcm_to_float
from asr_service.pronunciation import MOST_WAITING, Pronunciation
from asr_service.verbatim.phonemes import Phonemes
from asr_service.verbatim.slips import LONGEST_WORDS, SLIPS, FoundSlip, Slip, SlipFinder, slipped
from tests.support.asr import spoken

SENTENCE = "I think the weather is very nice."


@pytest.fixture(scope="module")
def finder() -> SlipFinder:
    return SlipFinder(Phonemes())


def said(text: str) -> Audio:
    return pcm_to_float(spoken(text).tobytes())


def test_each_slip_is_made_at_each_place() -> None:
    versions = [(slip, "".join(word)) for slip, word in slipped(["θ", "ɪ", "θ"], [Slip("θ", "s"), Slip("ɪ", "")])]
    assert versions == [(Slip("θ", "s"), "sɪθ"), (Slip("ɪ", ""), "θθ"), (Slip("θ", "s"), "θɪs")]
    assert len(set(SLIPS)) == 20


def test_the_phonemes_of_all_slips_are_known(finder: SlipFinder) -> None:
    known = finder._phonemes.numbers
    assert {sound for slip in SLIPS for sound in slip if sound} <= set(known)


def test_what_was_said_right_has_no_slip(finder: SlipFinder) -> None:
    assert finder.find(said(SENTENCE), SENTENCE) == []


@pytest.mark.parametrize(
    ("spoken_as", "sentence", "word", "slip"),
    [
        ("Turn light after the school.", "Turn right after the school.", 1, Slip("ɹ", "l")),
        ("He wants to eat at home.", "He wants to heat at home.", 3, Slip("h", "")),
        ("Please take a sit by the door.", "Please take a seat by the door.", 3, Slip("i", "ɪ")),
    ],
)
def test_a_slip_is_found_in_its_word(finder: SlipFinder, spoken_as: str, sentence: str, word: int, slip: Slip) -> None:
    found = finder.find(said(spoken_as), sentence)
    assert [(one.word, one.slip) for one in found] == [(word, slip)]


def test_a_sentence_that_cannot_be_judged(finder: SlipFinder) -> None:
    noise = np.zeros(ENGINE_RATE_HZ, np.float32)
    assert finder.find(noise, "") == []
    assert finder.find(noise, "think … so") == []  # a word that can't be pronounced
    assert finder.find(noise, "think " * (LONGEST_WORDS + 1)) == []
    assert finder.find(noise[:0], "think so") == []


class Finder:
    """Finds one slip in every sentence."""

    def find(self, audio: Audio, sentence: str) -> list[FoundSlip]:
        return [FoundSlip(0, SLIPS[0], float(len(audio)))]


async def test_only_english_and_short_recordings_are_compared() -> None:
    pronunciation = Pronunciation(Finder)  # type: ignore[arg-type]
    second = np.zeros(ENGINE_RATE_HZ, np.float32)
    assert await pronunciation.slips(lambda: second, "think", "en-GB") == [(0, SLIPS[0], ENGINE_RATE_HZ)]
    assert await pronunciation.slips(lambda: second, "pienso", "es") == ()
    assert await pronunciation.slips(lambda: np.tile(second, 31), "think", "en") == ()
    pronunciation.close()


async def test_recognition_goes_on_without_the_networks(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[int] = []

    def load() -> SlipFinder:
        asked.append(1)
        raise OSError("no library for this machine")

    pronunciation = Pronunciation(load)
    both = [await pronunciation.slips(lambda: np.zeros(9, np.float32), "think", "en") for _ in range(2)]
    assert both == [(), ()]
    assert len(asked) == 1
    assert "no library for this machine" in caplog.text
    await asyncio.to_thread(pronunciation.close)


async def test_one_bad_recording_does_not_spoil_the_next(caplog: pytest.LogCaptureFixture) -> None:
    class FailsOnce(Finder):
        failures = 1

        def find(self, audio: Audio, sentence: str) -> list[FoundSlip]:
            self.failures -= 1
            if self.failures == 0:
                raise IndexError(sentence)
            return super().find(audio, sentence)

    pronunciation = Pronunciation(FailsOnce)  # type: ignore[arg-type]
    found = [await pronunciation.slips(lambda: np.zeros(9, np.float32), "think", "en") for _ in range(2)]
    assert found == [(), [(0, SLIPS[0], 9.0)]]
    assert "IndexError" in caplog.text
    assert "think" not in caplog.text
    pronunciation.close()


async def test_a_few_recordings_wait_and_more_are_not_judged() -> None:
    held = threading.Event()

    class Slow(Finder):
        def find(self, audio: Audio, sentence: str) -> list[FoundSlip]:
            held.wait(10)
            return super().find(audio, sentence)

    pronunciation = Pronunciation(Slow)  # type: ignore[arg-type]
    second = np.zeros(ENGINE_RATE_HZ, np.float32)
    waiting = [asyncio.create_task(pronunciation.slips(lambda: second, "think", "en")) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    assert await pronunciation.slips(lambda: second, "think", "en") == ()
    held.set()
    assert all(await asyncio.gather(*waiting))
    pronunciation.close()
