"""The rewriter: with the real phoneme networks on Piper's speech, and without sound."""

from __future__ import annotations

import numpy as np
import pytest

from asr_service.audio import ENGINE_RATE_HZ, Audio, pcm_to_float
from asr_service.engine import Transcript, Word
from asr_service.verbatim.phonemes import Phonemes
from asr_service.verbatim.rewriter import LONGEST, Rewriter, _pieces
from tests.support.asr import silence, spoken


@pytest.fixture(scope="module")
def rewriter() -> Rewriter:
    return Rewriter(Phonemes())


def sound(text: str) -> Audio:
    return pcm_to_float(np.concatenate([silence(0.25), spoken(text), silence(0.25)]).tobytes())


def transcript(text: str, audio: Audio) -> Transcript:
    words = text.split()
    edges = [len(audio) * i // len(words) for i in range(len(words) + 1)]
    return Transcript(text, tuple(Word(f" {word}", edges[i], edges[i + 1], 0.9) for i, word in enumerate(words)), "en")


@pytest.mark.parametrize(
    ("said", "recognised"),
    [
        ("The peoples likes to dance.", "The people like to dance."),
        ("I must to go home.", "I must go home."),
    ],
)
def test_a_mistake_is_heard(said: str, recognised: str, rewriter: Rewriter) -> None:
    audio = sound(said)
    assert rewriter.rewrite(audio, transcript(recognised, audio)).text == said


def test_right_words_stay(rewriter: Rewriter) -> None:
    audio = sound("I must go home.")
    heard = transcript("I must go home.", audio)
    assert rewriter.rewrite(audio, heard) is heard


def test_parts_that_can_not_be_compared_stay(rewriter: Rewriter) -> None:
    audio = sound("I must go home.")
    with_a_number = transcript("I must go 2,500 home.", audio)
    assert rewriter.rewrite(audio, with_a_number) is with_a_number
    nothing = Transcript()
    assert rewriter.rewrite(audio, nothing) is nothing
    too_long = np.zeros(LONGEST + ENGINE_RATE_HZ, np.float32)
    assert rewriter.rewrite(too_long, with_a_number) is with_a_number
    short = np.zeros(200, np.float32)
    of_no_length = transcript("I must go home.", short)
    assert rewriter.rewrite(short, of_no_length).words


def test_pieces_cover_all_words() -> None:
    for count in range(1, 100):
        places = [place for begin, end in _pieces(count) for place in range(begin, end)]
        assert places == list(range(count))
