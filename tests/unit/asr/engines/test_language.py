"""A learner who changes to the mother tongue is understood, if the model knows that language.

The tests install no multilingual weights, so Whisper is scripted here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES
from faster_whisper.transcribe import Segment, Word

from asr_service.engine import DecodeOptions, Quality
from asr_service.engines.faster_whisper import FasterWhisper
from asr_service.engines.whisper_language import (
    CERTAIN,
    UNSURE,
    confidence,
    is_better,
    is_doubtful,
    is_worth_a_try,
    with_other_tags,
)
from common.languages import WHISPER_CODES
from tests.support.asr import asr_settings

SECONDS = np.zeros(32_000, np.float32)


def segment(text: str, log_probability: float, tokens: int = 4) -> Segment:
    words = [Word(0.1, 0.9, text, 0.9)]
    return Segment(1, 0, 0.0, 1.0, text, [7] * tokens, log_probability, 1.0, 0.0, words, 0.0)


class TooLong:
    """A feature extractor whose features are always longer than one window, so the library decodes the audio."""

    nb_max_frames = 0

    def __call__(self, audio: Any) -> Any:
        return np.zeros((80, 2), np.float32)


@dataclass
class Polyglot:
    """A multilingual Whisper that detects the language `heard` with the probability `certainty`. says: language → the
    text that it writes, and its confidence."""

    heard: str = "fr"
    certainty: float = 0.95
    says: dict[str, tuple[str, float]] = field(
        default_factory=lambda: {"en": (" I have no idea.", -0.9), "fr": (" Je ne sais pas.", -0.2)}
    )
    asked: list[str | None] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    model: Any = field(default_factory=lambda: SimpleNamespace(is_multilingual=True, compute_type="int8"))
    supported_languages: tuple[str, ...] = ("en", "fr", "de")
    feature_extractor: TooLong = field(default_factory=TooLong)

    def transcribe(self, audio: Any, language: str | None, task: str, **_: Any) -> tuple[list[Segment], Any]:
        self.asked.append(language)
        self.tasks.append(task)
        return [segment(*self.says[language or self.heard])], SimpleNamespace(language=language or self.heard)

    def detect_language(self, audio: Any) -> tuple[str, float, list[tuple[str, float]]]:
        self.asked.append("?")
        return self.heard, self.certainty, []


def heard_by(model: Polyglot, *, language: str = "en-GB", quality: Quality = "final") -> tuple[str, str]:
    engine = FasterWhisper(asr_settings(), model)  # type: ignore[arg-type]
    transcript = engine.transcribe(SECONDS, DecodeOptions(language, quality))
    return transcript.text, transcript.language


def test_the_mother_tongue_is_heard_where_the_target_language_makes_little_sense() -> None:
    model = Polyglot()
    assert heard_by(model) == ("Je ne sais pas.", "fr")
    assert model.asked == ["en", "?", "fr"]


def test_a_recording_is_translated_by_a_model_that_knows_its_language() -> None:
    model = Polyglot(says={"fr": (" I don't know.", -0.2)})
    engine = FasterWhisper(asr_settings(), model)  # type: ignore[arg-type]
    assert engine.transcribe(SECONDS, DecodeOptions(translate=True)).text == "I don't know."
    assert (model.asked, model.tasks) == ([None], ["translate"])


def test_clear_words_are_not_doubted() -> None:
    model = Polyglot(says={"en": (" I know.", -0.3)})
    assert heard_by(model) == ("I know.", "en")
    assert model.asked == ["en"]


@pytest.mark.parametrize(
    "model",
    [
        Polyglot(heard="en"),
        Polyglot(certainty=0.4),
        Polyglot(says={"en": (" I have no idea.", -0.9), "fr": (" Aïe", -1.2)}),
    ],
)
def test_a_mumbled_target_language_stays_what_it_is(model: Polyglot) -> None:
    assert heard_by(model) == ("I have no idea.", "en")


def test_a_partial_has_no_time_for_doubts() -> None:
    model = Polyglot()
    assert heard_by(model, quality="partial") == ("I have no idea.", "en")
    assert model.asked == ["en"]


def test_an_english_only_model_is_not_asked() -> None:
    model = Polyglot(supported_languages=("en",), model=SimpleNamespace(is_multilingual=False))
    assert heard_by(model) == ("I have no idea.", "en")
    assert model.asked == ["en"]


def test_without_a_language_the_model_finds_it_by_itself() -> None:
    model = Polyglot()
    assert heard_by(model, language="") == ("Je ne sais pas.", "fr")
    assert model.asked == [None]


def test_confidence_is_that_of_a_token_whatever_segment_it_is_in() -> None:
    assert confidence([]) == 0
    assert confidence([segment("a", -1.0, 3), segment("b", -0.2, 1)]) == pytest.approx(-0.8)
    assert is_doubtful([segment("a", UNSURE - 0.01)])
    assert not is_doubtful([segment("a", UNSURE)])
    assert not is_doubtful([])


def test_which_second_try_is_made_and_kept() -> None:
    assert is_worth_a_try("en", "fr", CERTAIN)
    assert not is_worth_a_try("en", "fr", CERTAIN - 0.01)
    assert not is_worth_a_try("en", "en", 1.0)
    assert is_better([segment("b", -0.5)], [segment("a", -0.9)])
    assert not is_better([], [segment("a", -0.9)])


def test_whisper_is_told_its_own_code_of_a_language() -> None:
    model = Polyglot(says={"no": (" Jeg vet ikke.", -0.2)}, supported_languages=("no", "en"))
    assert heard_by(model, language="nb-NO") == ("Jeg vet ikke.", "no")
    assert model.asked == ["no"]


def test_whisper_knows_each_language_by_the_code_that_it_is_told() -> None:
    assert set(WHISPER_CODES.values()) <= set(_LANGUAGE_CODES)
    assert not set(WHISPER_CODES) & set(_LANGUAGE_CODES)


def test_the_languages_that_whisper_tells_are_named_by_both_codes() -> None:
    assert with_other_tags(("en", "no")) == ("en", "no", "nb")
