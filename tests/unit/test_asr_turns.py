"""What the end of a turn is known by: the words, the pauses of a learner, and Smart Turn's own way to see sound."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_service.audio import pcm_to_float
from asr_service.end_of_turn import probability_of_end, text_signs
from asr_service.pauses import Pauses
from asr_service.smart_turn import HEARD, SmartTurn, find_smart_turn, log_mel
from tests.support.asr import beckett_path, read_wav, spoken

# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Yesterday I went to the", "I like it because", "I went there and.", "My brother,"])
def test_words_that_want_more(text: str) -> None:
    assert text_signs(text)[0] == 1
    assert probability_of_end(0.8, text) < probability_of_end(0.8, "I like it.")


@pytest.mark.parametrize("text", ["I went to the, um", "Well, uh...", "I would like…", "Erm."])
def test_a_sound_of_thinking(text: str) -> None:
    assert text_signs(text)[1:] == (1, 0)
    assert probability_of_end(0.8, text) < probability_of_end(0.8, "I like it.")


@pytest.mark.parametrize("text", ["I like it.", "Where are you from?", "No.", "Yes, I do.", "I think so.", "はい。"])
def test_a_sentence_that_is_over(text: str) -> None:
    assert text_signs(text) == (0, 0, 1)


def test_in_other_languages_only_punctuation_speaks() -> None:
    assert text_signs("Das ist der Mann an", "de")[0] == 0
    assert text_signs("Das ist der Mann, an,", "de-AT")[0] == 1


@given(st.floats(0, 1), st.floats(0, 1), st.text(max_size=40), st.sampled_from(["", "en", "de", "x"]))
def test_it_is_a_probability_that_grows_with_the_acoustic_one(
    one: float, other: float, text: str, language: str
) -> None:
    less, more = sorted((one, other))
    assert 0 < probability_of_end(less, text, language) <= probability_of_end(more, text, language) < 1


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
