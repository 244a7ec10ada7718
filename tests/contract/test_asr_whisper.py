"""Whisper as we use it, compared with faster-whisper alone; and how sure Whisper is that an utterance is over."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import pytest

from asr_service.audio import Audio, pcm_to_float
from asr_service.engine import DecodeOptions, transcribe_all
from asr_service.engines.faster_whisper import FasterWhisper, said_in, without_invented_end
from asr_service.engines.whisper_batch import ShortWindowWhisper
from tests.support.asr import LEARNER_LINES, asr_settings, silence, spoken
from tests.support.transcription import word_error_rate

FINAL = DecodeOptions("en")


@pytest.fixture(scope="module")
def engine() -> Iterator[FasterWhisper]:
    loaded = FasterWhisper(asr_settings())
    loaded.load()
    yield loaded
    loaded.close()


def speech(text: str) -> Audio:
    """Speech as the service gives it to an engine: with a little silence before and after it."""
    return pcm_to_float(np.concatenate([silence(0.3), spoken(text), silence(0.2)]).tobytes())


@pytest.mark.parametrize("line", LEARNER_LINES)
@pytest.mark.parametrize("share", [1.0, 0.6])
def test_an_utterance_has_the_words_and_times_that_the_library_gives_it(
    engine: FasterWhisper, line: str, share: float
) -> None:
    audio = speech(line)[: int(share * len(speech(line)))]
    library = ShortWindowWhisper(str(engine.fetch()), device="cpu", compute_type="int8", cpu_threads=1)
    segments, _ = library.transcribe(
        audio,
        language="en",
        beam_size=1,
        best_of=1,
        temperature=(0.0, 0.4),
        condition_on_previous_text=False,
        word_timestamps=True,
        append_punctuations="",
    )
    expected = list(chain.from_iterable(said_in(segment, "final") for segment in segments))
    assert list(engine.transcribe(audio, FINAL).words) == without_invented_end(expected, len(audio))


@pytest.mark.parametrize(
    ("whole", "broken_off"),
    [
        ("My favorite food is rice with chicken and vegetables.", "My favorite food is"),
        ("What should I do tomorrow?", "What should I"),
    ],
)
def test_a_whole_sentence_is_certainly_over_and_one_that_breaks_off_is_not(
    engine: FasterWhisper, whole: str, broken_off: str
) -> None:
    told = engine.transcribe(speech(whole), FINAL).expectation
    assert told
    assert told.ends > 0.7
    told = engine.transcribe(speech(broken_off), FINAL).expectation
    assert told is None or told.ends < 0.7


def test_one_of_a_batch_closes_as_it_does_alone(engine: FasterWhisper) -> None:
    audios = [speech(line) for line in LEARNER_LINES[:3]]
    together = transcribe_all(engine, [(audio, FINAL) for audio in audios])
    for heard, audio in zip(together, audios, strict=True):
        assert heard.expectation == pytest.approx(engine.transcribe(audio, FINAL).expectation, abs=0.1)


def test_a_partial_and_what_has_no_words_do_not_say_how_they_close(engine: FasterWhisper) -> None:
    assert engine.transcribe(speech(LEARNER_LINES[0]), DecodeOptions("en", "partial")).expectation is None
    assert engine.transcribe(np.zeros(16_000, np.float32), FINAL).expectation is None


def test_an_end_that_the_model_sets_beyond_the_audio_is_an_end(engine: FasterWhisper, monkeypatch: Any) -> None:
    """Timestamps may lie in the padding after the audio. Then no audio is left that faster-whisper must decode
    again."""

    def alone(*_: Any) -> Any:
        raise AssertionError("decoded alone")

    monkeypatch.setattr(FasterWhisper, "_alone", alone)
    for line in LEARNER_LINES:
        for lead_s in (0.0, 0.02, 0.12):  # with some of these, the timestamps lie in the padding
            audio = np.concatenate([silence(lead_s), spoken(line)])
            heard = engine.transcribe(pcm_to_float(audio.tobytes()), FINAL).text
            assert word_error_rate(line, heard) <= 0.1, lead_s  # a word may differ from one processor to another


def test_a_piece_is_heard_in_the_light_of_the_words_before_it(engine: FasterWhisper) -> None:
    """Names that the model can't know are spelled as in the context. The contexts in the batch
    differ in length."""
    audio = speech("My name is Ana and my friend Marco lives in Sligo.")
    assert "Sligo" not in engine.transcribe(audio, FINAL).text
    contexts = (
        "This is Marco from Sligo. I am Ana.",
        "The two of us, Ana and Marco, went to Sligo last year to see the sea.",
    )
    options = [DecodeOptions("en", context=context) for context in contexts]
    for heard in (*transcribe_all(engine, [(audio, one) for one in options]), engine.transcribe(audio, options[0])):
        assert "Sligo" in heard.text
        assert heard.words[-1].end <= len(audio)
    assert "Ana " in heard.text


def test_the_words_before_it_are_not_heard_again_in_noise(engine: FasterWhisper) -> None:
    hiss = np.random.default_rng(0).normal(0.0, 20 / 32768, 6 * 16_000).astype(np.float32)
    context = "I tend to forget the plot, but the characters stay with me for years."
    assert engine.transcribe(hiss, DecodeOptions("en", context=context)).text == ""
