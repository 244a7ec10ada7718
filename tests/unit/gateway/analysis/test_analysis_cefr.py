"""The estimated CEFR level of the analysis: each sign, what lowers the level, and when there is no estimate."""

from __future__ import annotations

import pytest

from gateway.analysis.cefr import estimate_cefr
from gateway.analysis.document import Fluency, Grammar, Rarity, Vocabulary
from gateway.analysis.fluency import measure_fluency
from gateway.analysis.grammar import NOTHING_CHECKED
from gateway.analysis.vocabulary import measure_vocabulary
from tests.support.analysed_turns import ENGLISH, typed


def _measured(
    *, words: int, wpm: float | None, turn_length: float, variety: float, rare_words: int
) -> tuple[Fluency, Vocabulary]:
    fluency = measure_fluency([], ENGLISH).model_copy(update={"words_per_minute": wpm})
    vocabulary = measure_vocabulary([typed("sandwich")], ENGLISH, "beginner")
    assert vocabulary.rarity is not None
    common, _, less_common, *rest = vocabulary.rarity.bands
    bands = (
        common.model_copy(update={"words": words - rare_words}),
        less_common.model_copy(update={"words": rare_words}),
        *(band.model_copy(update={"words": 0}) for band in rest),
    )
    rarity = Rarity(mean_zipf=5.0, bands=bands, rarest_words=())
    return fluency, vocabulary.model_copy(
        update={"words": words, "mean_words_per_turn": turn_length, "variety": variety, "rarity": rarity}
    )


CHECKED = Grammar(corrections=(), words_checked=500, corrections_per_100_words=0)
SCALE = [
    (40.0, 2.0, 0.50, 0),
    (70.0, 6.0, 0.65, 8),
    (100.0, 10.0, 0.72, 15),
    (120.0, 15.0, 0.78, 30),
    (150.0, 25.0, 0.84, 50),
    (180.0, 40.0, 0.90, 80),
]


def at(level: int, **changes: float | None) -> tuple[Fluency, Vocabulary]:
    """The measurements of a learner whose signs are all at that level, 0 to 5, except for the changes."""
    wpm, turn_length, variety, rare_words = SCALE[level]
    signs = {"wpm": wpm, "turn_length": turn_length, "variety": variety, "rare_words": rare_words} | changes
    return _measured(words=500, **signs)  # type: ignore[arg-type]


def mistakes(per_100_words: float, words_checked: int = 500) -> Grammar:
    return Grammar(corrections=(), words_checked=words_checked, corrections_per_100_words=per_100_words)


def test_each_level_can_be_reached_and_has_evidence() -> None:
    estimates = []
    for level in range(6):
        cefr, because = estimate_cefr(*at(level), CHECKED, "en", None)
        assert because is None
        assert len(cefr.evidence) == 4
        assert cefr.confidence == ("high" if level < 5 else "medium")  # speech rate only says "B2 or above"
        estimates.append(cefr.estimate)
    assert estimates == ["A1", "A2", "B1", "B2", "C1", "C2"]


def test_a_fast_speaker_is_not_said_to_speak_as_at_c2() -> None:
    cefr, _ = estimate_cefr(*at(3, wpm=220.0), CHECKED, "en", None)
    assert cefr.evidence[0] == "Speech rate: 220 words per minute, as at B2 or above."
    assert cefr.estimate == "B2"


def test_the_evidence_comes_as_codes_too() -> None:
    cefr, _ = estimate_cefr(*at(2), CHECKED, "fr", "The model thinks: B1.")
    told = [one and (one.code, one.values) for one in cefr.evidence_codes]
    assert told == [
        ("speech_rate", {"rate": 100, "level": "B1"}),
        ("turn_length", {"words": 10.0, "level": "B1"}),
        ("variety", {"percent": 72, "level": "B1"}),
        ("less_common_words", {"percent": 3.0, "level": "B1"}),
        None,  # this sentence is the model's
        ("rough_thresholds", {}),
    ]


def test_mistakes_lower_the_estimate_by_a_level_and_never_lift_it() -> None:
    assert estimate_cefr(*at(1), mistakes(0), "en", None)[0].estimate == "A2"
    assert estimate_cefr(*at(1), mistakes(0.5), "en", None)[0].estimate == "A2"
    lowered, because = estimate_cefr(*at(4), mistakes(5), "en", None)
    assert (lowered.estimate, because) == ("B2", None)
    assert lowered.evidence[-1] == "Mistakes: 5.0 in 100 words, B2 at most."


@pytest.mark.parametrize(
    ("measured", "grammar", "word"),
    [
        (at(3), mistakes(12), "A2 to B2"),  # a fluent learner who makes many mistakes
        (at(0, variety=0.85, rare_words=60), CHECKED, "A1 to C1"),
        (at(2, wpm=None), Grammar(corrections=(), words_checked=240, corrections_per_100_words=1), "mistakes count"),
        (at(2), NOTHING_CHECKED, "mistakes count"),
        (_measured(words=49, wpm=100, turn_length=10, variety=0.72, rare_words=2), CHECKED, "49 words were said"),
        (_measured(words=1, wpm=100, turn_length=1, variety=0.72, rare_words=0), CHECKED, "1 word was said"),
    ],
)
def test_no_level_is_named_without_enough_signs_that_agree(
    measured: tuple[Fluency, Vocabulary], grammar: Grammar, word: str
) -> None:
    cefr, because = estimate_cefr(*measured, grammar, "en", None)
    assert (cefr.estimate, cefr.confidence) == (None, None)
    assert because
    assert word in because
    assert cefr.evidence


def test_one_sign_may_differ() -> None:
    assert estimate_cefr(*at(2, turn_length=35.0), CHECKED, "en", None)[0].estimate == "B1"


def test_little_speech_or_another_language_makes_it_less_sure() -> None:
    few = _measured(words=60, wpm=100, turn_length=10, variety=0.72, rare_words=2)
    assert estimate_cefr(*few, CHECKED, "en", None)[0].confidence == "low"
    french, _ = estimate_cefr(*at(2), CHECKED, "fr-CA", None)
    assert (french.estimate, french.confidence) == ("B1", "low")
    assert "English" in french.evidence[-1]


def test_the_models_impression_is_evidence_that_counts_for_nothing() -> None:
    cefr, _ = estimate_cefr(*at(1), CHECKED, "en", "The model thinks: C2.")
    assert cefr.estimate == "A2"
    assert cefr.evidence[-1] == "The model thinks: C2."
