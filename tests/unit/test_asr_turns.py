"""What the end of a turn is known by: the words, the pauses of a learner, and Smart Turn's own way to see sound."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_service.audio import pcm_to_float
from asr_service.end_of_turn import WEIGHTS, probability_of_end, signs_of_end, text_signs
from asr_service.engine import Transcript, Word
from asr_service.pauses import Pauses
from asr_service.smart_turn import HEARD, SmartTurn, find_smart_turn, log_mel
from tests.support.asr import beckett_path, read_wav, spoken

LIKES = Transcript("I like it.")


def heard(text: str, closing: float | None = None, confidence: float = 0.99) -> Transcript:
    """As an engine hears it, whose words all have the same confidence."""
    return Transcript(text, tuple(Word(f" {word}", 0, 0, confidence) for word in text.split()), "en", closing)


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["Yesterday I went to the", "I like it because", "I went there and.", "My brother,", "What do you think about?"],
)
def test_words_that_want_more(text: str) -> None:
    assert text_signs(text)[0] == 1
    assert probability_of_end(0.8, Transcript(text)) < probability_of_end(0.8, LIKES)


@pytest.mark.parametrize("text", ["I went to the, um", "Well, uh...", "I would like…", "Erm."])
def test_a_sound_of_thinking(text: str) -> None:
    assert text_signs(text)[1:] == (1, 0)
    assert probability_of_end(0.8, Transcript(text)) < probability_of_end(0.8, LIKES)


@pytest.mark.parametrize(
    "text",
    ["I like it.", "Where are you from?", "No.", "Yes, I do.", "I think so.", "What are you talking about?", "はい。"],
)
def test_a_sentence_that_is_over(text: str) -> None:
    assert text_signs(text) == (0, 0, 1)


def test_in_other_languages_only_punctuation_speaks() -> None:
    assert text_signs("Das ist der Mann an", "de")[0] == 0
    assert text_signs("Das ist der Mann, an,", "de-AT")[0] == 1


def test_a_full_stop_that_the_model_doubts_and_a_last_word_that_it_guesses_make_less_sure() -> None:
    sure = probability_of_end(0.8, heard("I would like to order.", 0.95, 0.99))
    assert probability_of_end(0.8, heard("I would like to order.", 0.4, 0.99)) < sure
    assert probability_of_end(0.8, heard("I would like to order.", 0.95, 0.3)) < sure


def test_an_engine_that_tells_no_more_than_the_text_is_taken_to_be_as_sure_as_usual() -> None:
    *_, mark, last_word = signs_of_end(0.8, LIKES)
    assert (mark, last_word) == (0, 0)


def test_without_a_sentences_end_its_mark_says_nothing() -> None:
    assert signs_of_end(0.8, heard("I like it,", 0.2)).mark == 0


probabilities = st.floats(0, 1)


@given(
    probabilities,
    probabilities,
    st.none() | probabilities,
    probabilities,
    st.text(max_size=40),
    st.sampled_from(["", "en", "de", "x"]),
)
def test_it_is_a_probability_that_grows_with_the_acoustic_one(
    one: float, other: float, closing: float | None, confidence: float, text: str, language: str
) -> None:
    less, more = sorted((one, other))
    words = heard(text, closing, confidence)
    assert 0 < probability_of_end(less, words, language) <= probability_of_end(more, words, language) < 1


@given(probabilities, probabilities, probabilities, st.sampled_from(["I like it.", "to the", "Well, um", "Really?"]))
def test_it_grows_with_how_sure_the_recogniser_is(one: float, other: float, acoustic: float, text: str) -> None:
    less, more = sorted((one, other))
    assert probability_of_end(acoustic, heard(text, less)) <= probability_of_end(acoustic, heard(text, more))
    assert probability_of_end(acoustic, heard(text, 0.9, less)) <= probability_of_end(acoustic, heard(text, 0.9, more))


def test_what_speaks_for_an_end_counts_for_it_and_what_speaks_against_it_against() -> None:
    assert min(WEIGHTS.acoustic, WEIGHTS.ended, WEIGHTS.mark, WEIGHTS.last_word) > 0
    assert max(WEIGHTS.wants_more, WEIGHTS.thinks) < 0


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
def test_it_sees_sound_as_its_makers_let_it(seconds: float) -> None:
    """Against the reference in the wheel that the weights come from: one file that needs only numpy."""
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
