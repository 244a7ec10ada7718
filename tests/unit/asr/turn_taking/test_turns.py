"""The signs of a turn's end: the words, the learner's usual pauses, and Smart Turn's features of the sound."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_service.audio import pcm_to_float
from asr_service.engine import Expectation, Transcript, Word
from asr_service.turn_taking.end_of_turn import (
    IN_ROMANCE_LANGUAGES,
    WITH_TEXT_MODEL,
    WITHOUT_TEXT_MODEL,
    Weights,
    probability_of_end,
    text_signs,
    weights_for,
)
from asr_service.turn_taking.endpointing import Endpointing
from asr_service.turn_taking.pauses import Pauses
from asr_service.turn_taking.smart_turn import HEARD, SmartTurn, find_smart_turn, log_mel
from asr_service.turn_taking.unfinished import UNFINISHED
from tests.support.asr import beckett_path, read_wav, spoken
from tts_service.engines.kokoro import LANGUAGES

LIKES = Transcript("I like it.")


def heard(text: str, expectation: Expectation | None = None, confidence: float = 0.99) -> Transcript:
    """A transcript whose words all have the same confidence."""
    return Transcript(text, tuple(Word(f" {word}", 0, 0, confidence) for word in text.split()), "en", expectation)


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Yesterday I went to the", "I like it because", "I went there and.", "My brother,", "What do you think about?",
        "Where did you?", "There is a park near.", "I went to the, um", "Well, uh...", "I would like…", "Erm.", "The -",
    ],
)  # fmt: skip
def test_words_that_want_more(text: str) -> None:
    assert text_signs(text) == (True, False)
    assert probability_of_end(0.8, Transcript(text)) < probability_of_end(0.8, LIKES)


@pytest.mark.parametrize(
    "text",
    [
        "I like it.", "Where are you from?", "No.", "Yes, I do.", "I think so.", "What are you talking about?",
        "How are you?", "Do you?", "はい。",
    ],
)  # fmt: skip
def test_a_sentence_that_is_over(text: str) -> None:
    assert text_signs(text) == (False, True)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de-AT", "Ich war gestern im"), ("de", "Das ist gut, weil."), ("de", "Also, ähm."),
        ("de", "Das ist der Mann, an,"),
        ("es", "Ayer fui al mercado y"), ("es-MX", "Me gusta porque."), ("es", "Vivo en, eh."),
        ("fr", "Je suis allé à la"), ("fr-FR", "J’aime ça parce que."), ("fr", "C'est… euh"),
        ("it", "Mi piace perché"), ("it", "Vorrei andare a."), ("it", "Sono di, ehm."),
        ("pt-BR", "Eu moro em uma"), ("pt", "Gosto disso porque."),
        ("hi", "मैं बाज़ार गया और"), ("hi", "मुझे पसंद है क्योंकि।"),
        ("ja", "昨日、市場に"), ("ja", "えっと。"), ("ja", "日本へ行って、"),
        ("zh", "我喜欢苹果，但是"), ("zh", "我昨天和。"),
    ],
)  # fmt: skip
def test_words_of_other_languages_that_want_more(language: str, text: str) -> None:
    assert text_signs(text, language) == (True, False)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Das ist der Mann an."), ("de", "Ich kaufe heute ein."), ("de", "Danke sehr."), ("de", "Gut, oder?"),
        ("es", "Por la mañana yo como."), ("es", "No quiero más."), ("es", "Sí."), ("fr", "D'où vient-il ?"),
        ("fr", "Prends-le."), ("fr", "J'y suis."), ("it", "Non lo so perché."), ("it", "Mi piace molto."),
        ("pt", "Gosto muito."), ("hi", "मैं दिल्ली में।"), ("ja", "お名前は？"), ("ja", "待って。"),
        ("zh", "好的。"), ("zh", "嗯。"), ("ar", "كيف حالك؟"), ("ur", "میں ٹھیک ہوں۔"),
        ("cy", "Dw i'n hoffi and."),  # a language without a list of its own does not use the English list
    ],
)  # fmt: skip
def test_a_sentence_of_another_language_that_is_over(language: str, text: str) -> None:
    assert text_signs(text, language) == (False, True)


def test_every_language_that_kokoro_speaks_has_lists() -> None:
    tags = {tag.partition("-")[0] for tag, _ in LANGUAGES.values()} | {"de", "ja", "zh"}
    assert tags <= {"en", *UNFINISHED}


def test_an_end_that_the_model_doubts_and_a_last_word_that_it_guesses_make_less_sure() -> None:
    expectation = Expectation(0.97, 0.5)
    sure = probability_of_end(0.8, heard("I would like to order.", expectation))
    assert probability_of_end(0.8, heard("I would like to order.", expectation._replace(ends=0.6))) < sure
    assert probability_of_end(0.8, heard("I would like to order.", expectation._replace(comma=0.1))) < sure
    assert probability_of_end(0.8, heard("I would like to order.", expectation, confidence=0.3)) < sure


def test_an_engine_that_tells_no_more_than_the_text_is_sure_of_a_sentence_with_a_mark_only() -> None:
    wait = Endpointing().wait_ms
    for confidence in (0.97, 1.0):
        ended, open_ended = (heard(text, None, confidence) for text in ("I like it.", "I like it"))
        assert wait(probability_of_end(0.8, ended)) < wait(probability_of_end(0.8, open_ended))


probabilities = st.floats(0, 1)
expectations = st.builds(Expectation, probabilities, probabilities)


@given(
    probabilities,
    probabilities,
    st.none() | expectations,
    probabilities,
    st.text(max_size=40),
    st.sampled_from(["", "en", "de", "x"]),
    st.none() | probabilities,
)
def test_it_is_a_probability_that_grows_with_those_of_the_networks(
    one: float,
    other: float,
    expectation: Expectation | None,
    confidence: float,
    text: str,
    language: str,
    could_end: float | None,
) -> None:
    less, more = sorted((one, other))
    words = heard(text, expectation, confidence)
    low, high = (probability_of_end(acoustic, words, language, could_end) for acoustic in (less, more))
    assert 0 < low <= high < 1
    assert probability_of_end(0.5, words, "en", less) <= probability_of_end(0.5, words, "en", more)


@given(probabilities, probabilities, probabilities, st.sampled_from(["I like it.", "to the", "Well, um", "Really?"]))
def test_it_grows_with_how_sure_the_recogniser_is(one: float, other: float, acoustic: float, text: str) -> None:
    less, more = sorted((one, other))
    for unsure, sure in (
        (heard(text, Expectation(less, 0.5)), heard(text, Expectation(more, 0.5))),
        (heard(text, Expectation(0.9, less)), heard(text, Expectation(0.9, more))),
        (heard(text, None, less), heard(text, None, more)),
    ):
        assert probability_of_end(acoustic, unsure) <= probability_of_end(acoustic, sure)


@pytest.mark.parametrize(
    ("language", "has_text_model", "expected"),
    [
        ("", True, WITH_TEXT_MODEL), ("en-GB", True, WITH_TEXT_MODEL), ("es", True, IN_ROMANCE_LANGUAGES),
        ("fr-CA", True, IN_ROMANCE_LANGUAGES), ("es", False, WITHOUT_TEXT_MODEL), ("de", False, WITHOUT_TEXT_MODEL),
    ],
)  # fmt: skip
def test_each_language_has_the_weights_that_were_fitted_to_it(
    language: str, has_text_model: bool, expected: Weights
) -> None:
    assert weights_for(language, has_text_model=has_text_model) == expected


def test_a_whole_sentence_in_spanish_ends_within_half_a_second_and_one_that_breaks_off_does_not() -> None:
    """The values were measured with Whisper base, whose punctuation misleads: the whole sentence, said in noise, got no
    full stop, and the one that breaks off, said in quiet, got one after its article."""
    whole = heard("no encuentro mis llaves por ninguna parte", None, 0.99)
    broken_off = heard("Estoy buscando un.", Expectation(0.87, 0.22), 0.96)
    wait = Endpointing().wait_ms
    assert wait(probability_of_end(0.98, whole, "es", 0.34)) <= 480
    assert wait(probability_of_end(0.54, broken_off, "es", 0.002)) >= 1_040


def test_each_sign_changes_the_probability_in_its_direction() -> None:
    for _, weights in (WITH_TEXT_MODEL, WITHOUT_TEXT_MODEL, IN_ROMANCE_LANGUAGES):
        assert min(weights._replace(wants_more=0)) >= 0
        assert weights.wants_more <= 0


# --- pauses ---------------------------------------------------------------------------------------


def test_nothing_is_known_at_first() -> None:
    assert Pauses().usual_ms == 0
    assert Pauses(640).usual_ms == 640


def test_most_pauses_are_no_longer_than_the_usual_one() -> None:
    pauses = Pauses()
    for pause in (300, 400, 500, 600, 2_000):
        pauses.add(pause)
    assert pauses.usual_ms in (600, 2_000)
    assert pauses.statistics.longest_ms == 2_000


def test_old_pauses_fade_and_so_does_the_earlier_session() -> None:
    pauses = Pauses(1_500)
    for _ in range(30):
        pauses.add(400)
    assert pauses.usual_ms == 400


def test_the_rhythm_of_speech_is_no_pause() -> None:
    pauses = Pauses()
    pauses.add(200)
    assert pauses.usual_ms == 0


@given(st.lists(st.floats(0, 10_000), max_size=60), st.floats(0, 5_000))
def test_the_usual_pause_is_one_that_was_heard(lengths: list[float], earlier: float) -> None:
    pauses = Pauses(earlier)
    for length in lengths:
        pauses.add(length)
    assert pauses.usual_ms in {0, earlier, *lengths}
    assert pauses.statistics.longest_ms <= round(max([0, *lengths]))


# --- Smart Turn -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.0, 0.01, 3.0, 8.0, 9.5])
def test_its_features_equal_the_reference(seconds: float) -> None:
    """Our features equal those of the reference code in the weights' wheel, a file that needs only numpy."""
    reference = find_smart_turn().parents[1] / "_whisper_features.py"
    spec = importlib.util.spec_from_file_location("reference_features", reference)
    assert spec
    assert spec.loader
    features = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(features)
    audio = pcm_to_float(read_wav(beckett_path())[0].tobytes())[: round(seconds * 16_000)]
    heard = np.concatenate([np.zeros(HEARD, np.float32), audio])[-HEARD:]
    expected = features.compute_whisper_log_mel_features(heard)
    assert log_mel(audio).shape == expected.shape == (80, 800)
    np.testing.assert_allclose(log_mel(audio), expected, atol=1e-4)


def test_it_tells_a_sentence_from_half_of_one() -> None:
    model = SmartTurn()
    line = pcm_to_float(spoken("I would like to order a coffee and a piece of cake.").tobytes())
    silence = np.zeros(3_200, np.float32)
    whole = model.infer(np.concatenate([line, silence]))
    half = model.infer(np.concatenate([line[: len(line) // 2], silence]))
    assert 0 <= half < whole <= 1
