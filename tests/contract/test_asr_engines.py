"""One suite that every speech recognition engine must pass, each with its own default model."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import chain

import numpy as np
import pytest

from asr_service.audio import Audio, pcm_to_float
from asr_service.engine import AsrEngine, DecodeOptions, Quality, Transcript, transcribe_all
from asr_service.engines import ENGINES, create_engine
from common.errors import EngineError
from tests.support.asr import LEARNER_LINES, asr_settings, spoken
from tests.support.transcription import word_error_rate

# Kyutai's models are tested here only if torch and transformers are installed. tests/engines tests them on random
# weights, in an environment of its own.
ENGINES_HERE = [name for name in ENGINES if name != "kyutai-stt" or (find_spec("torch") and find_spec("transformers"))]

LONG = (  # without repetitions, because repeated text makes Whisper sample at random
    *LEARNER_LINES,
    "Last summer we drove along the coast for nearly two weeks.",
    "Every morning my brother made strong coffee and fresh bread.",
    "The weather was warm, but the sea was still rather cold.",
    "On the third day our old car stopped in the middle of nowhere.",
    "A farmer helped us and told us many stories about his village.",
    "We stayed there for dinner and played cards until midnight.",
    "When we finally came home, nobody wanted to go back to school.",
    "Next year I hope to visit the mountains together with my parents.",
)


@pytest.fixture(scope="module", params=ENGINES_HERE)
def engine(request: pytest.FixtureRequest) -> Iterator[AsrEngine]:
    loaded = create_engine(asr_settings(), request.param)
    loaded.load()
    yield loaded
    loaded.close()


def speech(text: str) -> Audio:
    return pcm_to_float(spoken(text).tobytes())


@pytest.mark.parametrize("quality", ["partial", "final"])
def test_speech_becomes_words_with_times_in_order(engine: AsrEngine, quality: Quality) -> None:
    audio = speech(LEARNER_LINES[0])
    heard = engine.transcribe(audio, DecodeOptions("en", quality))
    assert word_error_rate(LEARNER_LINES[0], heard.text) <= 0.1
    assert "".join(word.text for word in heard.words).strip() == heard.text
    times = list(chain.from_iterable((word.start, word.end) for word in heard.words))
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= len(audio) + 16_000
    assert all(0 <= word.confidence <= 1 for word in heard.words)
    assert heard.language in ("", "en")


def test_a_recording_longer_than_a_model_window_is_heard_whole(engine: AsrEngine) -> None:
    audio = np.concatenate([piece for line in LONG for piece in (speech(line), np.zeros(8_000, np.float32))])
    assert len(audio) > 40 * 16_000
    heard = engine.transcribe(audio, DecodeOptions())
    assert word_error_rate(" ".join(LONG), heard.text) <= 0.1
    assert heard.words[-1].end > len(audio) - 3 * 16_000


@pytest.mark.parametrize("quality", ["partial", "final"])
@pytest.mark.parametrize("loudness", [0.0, 0.02, 0.3])
def test_where_nobody_speaks_there_are_no_words(engine: AsrEngine, quality: Quality, loudness: float) -> None:
    noise = np.random.default_rng(0).normal(0, loudness, 32_000).astype(np.float32)
    heard = engine.transcribe(noise, DecodeOptions("", quality))
    assert (heard.text, heard.words) == ("", ())


@pytest.mark.parametrize("samples", [0, 1, 160])
def test_next_to_no_audio_has_no_words(engine: AsrEngine, samples: int) -> None:
    assert engine.transcribe(np.zeros(samples, np.float32), DecodeOptions()).text == ""


@pytest.mark.parametrize("language", ["", "en-GB", "EN", "tlh-Latn", "not a tag"])
def test_any_language_tag_is_taken(engine: AsrEngine, language: str) -> None:
    assert engine.transcribe(speech("Good morning."), DecodeOptions(language)).text


def test_the_same_audio_gives_the_same_words(engine: AsrEngine) -> None:
    audio = speech(LEARNER_LINES[2])
    assert engine.transcribe(audio, DecodeOptions()) == engine.transcribe(audio, DecodeOptions())


def test_a_batch_has_the_words_that_each_would_have_alone(engine: AsrEngine) -> None:
    lines = [speech(line) for line in LEARNER_LINES]
    quiet = np.zeros(24_000, np.float32)
    long = np.concatenate([speech(line) for line in LONG[:11]])
    assert len(long) > 30 * 16_000
    audios = [*lines, *(line[: len(line) * 2 // 3] for line in lines), quiet, quiet[:10], long]
    languages = ["en", "en-GB", "", "tlh"]
    requests = [
        (audio, DecodeOptions(languages[i % 4], "final" if i % 3 else "partial")) for i, audio in enumerate(audios)
    ]
    alone = [engine.transcribe(*request) for request in requests]
    together = transcribe_all(engine, requests)
    assert [_plain(heard) for heard in together] == [_plain(heard) for heard in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.language == other.language
        for word, same in zip(one.words, other.words, strict=True):
            assert word.start == pytest.approx(same.start, abs=1_600)
            assert word.end == pytest.approx(same.end, abs=1_600)
            assert word.confidence == pytest.approx(same.confidence, abs=0.2)


def test_of_a_batch_what_was_cancelled_is_left_undone(engine: AsrEngine) -> None:
    audio = speech(LEARNER_LINES[1])
    cancelled = DecodeOptions("en", is_cancelled=lambda: True)
    heard = transcribe_all(engine, [(audio, cancelled), (audio, DecodeOptions("en")), (audio, DecodeOptions("en"))])
    assert [bool(each.text) for each in heard] == [False, True, True]


def _plain(heard: Transcript) -> str:
    """The text in lower case. A batch pads its audio to one length, and the padding may change a capital letter."""
    return heard.text.casefold()


def test_cancelled_work_is_left_undone(engine: AsrEngine) -> None:
    audio = speech(LEARNER_LINES[0])
    cancelled = DecodeOptions(is_cancelled=lambda: True)
    assert engine.transcribe(audio, cancelled).text == ""


def test_it_says_what_it_is(engine: AsrEngine) -> None:
    description = engine.describe()
    assert description.engine in ENGINES
    assert description.model
    assert description.device
    assert "en" in description.languages


def test_before_it_is_loaded_it_says_what_it_is_but_does_not_work() -> None:
    for name in ENGINES:
        unloaded = create_engine(asr_settings(), name)
        assert unloaded.describe().engine == name
        with pytest.raises(EngineError, match="not loaded"):
            unloaded.transcribe(np.zeros(16_000, np.float32), DecodeOptions())
