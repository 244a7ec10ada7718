"""The measured parts of the analysis, on conversations made by hand whose numbers are all known."""

from __future__ import annotations

import pytest

from gateway.analysis.fillers import fillers_of
from gateway.analysis.fluency import measure_fluency
from gateway.analysis.measurement import measure
from gateway.analysis.times import pauses_of
from gateway.analysis.vocabulary import mattr, measure_vocabulary, words_to_learn
from gateway.analysis.words import load_lexicon
from gateway.history import LearnerTurn, Turn, Word
from tests.support.analysed_turns import ENGLISH, partner, spoken, typed


def test_rates_of_words_at_known_times() -> None:
    turn = spoken("one two three four five six", gaps_s=(0.0, 1.0, 0.0, 0.5, 0.2))  # 3 s of words, 1.7 s of silence
    fluency = measure_fluency([turn], ENGLISH)
    assert fluency.words == 6
    assert fluency.speaking_time_s == 4.7
    assert fluency.words_per_minute == round(6 * 60 / 4.7, 1)
    assert fluency.pauses is not None
    assert fluency.pauses.count == 2  # 0.2 s is no pause
    assert fluency.pauses.total_s == 1.5
    assert fluency.pauses.mean_s == 0.75
    assert fluency.pauses.longest_s == 1.0
    assert fluency.pauses.per_minute == round(2 * 60 / 4.7, 1)
    assert fluency.articulation_rate_wpm == round(6 * 60 / 3.2, 1)


@pytest.mark.parametrize(("gap_s", "count"), [(0.25, 1), (0.24, 0), (-0.3, 0)])
def test_a_pause_is_a_quarter_of_a_second(gap_s: float, count: int) -> None:
    assert len(pauses_of(spoken("a b", gaps_s=(gap_s,)))) == count


def test_a_word_inside_a_longer_one_makes_no_pause() -> None:
    times = ((0.0, 2.0), (0.5, 0.6), (2.1, 2.5))
    words = tuple(Word(text="x", start_s=start_s, end_s=end_s) for start_s, end_s in times)
    assert pauses_of(LearnerTurn(turn_id="1", text="x x x", started_s=0, words=words)) == []


def test_share_of_talk_and_response_time() -> None:
    turns: list[Turn] = [
        partner("Hello there", started_s=0.0, duration_s=6.0),
        spoken("one two three four", started_s=7.5),  # takes 2 s, begins 1.5 s after the partner's end
        partner("And", started_s=10.0, duration_s=1.0, interrupted=True),
        spoken("five six", started_s=11.0),  # an interruption has no response time
        partner("Well", started_s=13.0, duration_s=1.0),
        spoken("seven eight", started_s=14.5),  # begins 0.5 s after the partner's end
        typed("and I type this", started_s=20.0),
    ]
    fluency = measure_fluency(turns, ENGLISH)
    assert fluency.share_of_talk == round(4 / 12, 3)
    assert fluency.mean_response_time_s == 1.0
    assert fluency.turns == 3
    assert fluency.mean_words_per_turn == round(8 / 3, 1)


def test_nothing_spoken_is_not_zero_words_per_minute() -> None:
    fluency = measure_fluency([typed("I only type today"), partner("Fine", started_s=1, duration_s=2)], ENGLISH)
    assert (fluency.turns, fluency.words, fluency.speaking_time_s) == (0, 0, 0)
    assert fluency.words_per_minute is None
    assert fluency.articulation_rate_wpm is None
    assert fluency.pauses is None
    assert fluency.mean_words_per_turn is None
    assert fluency.fillers is None
    assert fluency.share_of_talk is None


def test_without_word_times_pauses_are_unknown_but_the_rate_is_known() -> None:
    fluency = measure_fluency([LearnerTurn(turn_id="1", text="one two three", started_s=0, duration_s=2.0)], ENGLISH)
    assert fluency.words_per_minute == 90
    assert fluency.pauses is None
    assert fluency.articulation_rate_wpm is None


def test_fillers_are_counted_and_hesitations_are_no_words() -> None:
    fluency = measure_fluency([spoken("Um, I like, uh, ummm, it was, you know, big. Do you know it?")], ENGLISH)
    assert fluency.fillers
    assert fluency.fillers.by_filler == {"um": 2, "uh": 1, "you know": 1}
    assert fluency.fillers.count == 4
    assert fluency.words == 11  # of 14; um, uh and ummm don't count
    assert fluency.fillers.per_100_words == round(400 / 11, 1)


def test_without_written_fillers_none_is_counted_and_the_reason_is_given() -> None:
    measured = measure([spoken("I like it very much")], "beginner", "en")
    assert measured.fluency.fillers is None
    assert "not measured" in measured.unavailable["fillers"]
    assert not any("Fillers" in fact for fact in measured.facts())
    assert "fillers" not in measure([spoken("Um, I like it")], "beginner", "en").unavailable
    assert "fillers" not in measure([typed("I like it")], "beginner", "en").unavailable  # nothing was spoken


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "I like it. What is it like?", {}),
        ("en", "It was, like, very big, I mean, huge.", {"like": 1, "i mean": 1}),
        ("en", "Well. Yes.", {}),
        ("fr", "C'est, tu vois, difficile.", {"tu vois": 1}),
        ("de", "Er ist, weißt du, nett.", {"weißt du": 1}),
        ("ja", "きのう、えっと、海に行きました。その海です。", {"えっと": 1}),
        ("zh", "我昨天，那个，去了海边。那个海边很大。", {"那个": 1}),
        ("hi", "मैं कल, मतलब, समुद्र गया।", {"मतलब": 1}),
    ],
)
def test_words_are_fillers_only_between_commas(language: str, text: str, expected: dict[str, int]) -> None:
    assert dict(fillers_of(language).set_off(text)) == expected


@pytest.mark.parametrize(("language", "word"), [("pt", "um"), ("de", "er"), ("de", "um"), ("xx", "um")])
def test_one_languages_hesitation_is_anothers_word(language: str, word: str) -> None:
    assert fillers_of(language).sound(word) is None


@pytest.mark.parametrize(("language", "word"), [("en", "ummm"), ("es", "ehh"), ("zh", "呃"), ("hi", "उम")])
def test_hesitation_sounds_of_each_language(language: str, word: str) -> None:
    assert fillers_of(language).sound(word)


def test_variety_by_hand() -> None:
    # windows of 3 over a b a c c: aba 2/3, bac 3/3, acc 2/3
    assert mattr(["a", "b", "a", "c", "c"], window=3) == round(7 / 9, 3)
    assert mattr(["a", "b"], window=3) is None
    assert mattr(["same"] * 80) == 0.02
    assert mattr([str(number) for number in range(80)]) == 1.0


def test_variety_does_not_fall_as_the_text_grows() -> None:
    words = [f"w{number % 60}" for number in range(60)]
    assert mattr(words * 10) == mattr(words)


def test_vocabulary_counts_spoken_and_typed_words() -> None:
    vocabulary = measure_vocabulary([spoken("Um the cat"), typed("the CAT sleeps")], ENGLISH, "beginner")
    assert vocabulary.words == 5
    assert vocabulary.distinct_words == 3
    assert vocabulary.mean_words_per_turn == 2.5
    assert vocabulary.variety is None


def test_rarity_by_band_leaves_names_and_numbers_out() -> None:
    text = "The house of Barbara has 12 windows and a xylophone. The buyed the."
    rarity = measure_vocabulary([typed(text)], ENGLISH, "beginner").rarity
    assert rarity is not None
    bands = {band.name: (band.words, band.distinct_words) for band in rarity.bands}
    assert bands == {
        "most_common": (8, 6),  # the ×3, house, of, has, and, a
        "common": (1, 1),  # windows
        "less_common": (0, 0),
        "rare": (1, 1),  # xylophone
        "unknown": (1, 1),  # buyed
    }
    assert [word.word for word in rarity.rarest_words] == ["xylophone"]
    for band in rarity.bands:
        assert band.zipf_from < band.zipf_below


def test_words_to_learn_suit_the_level_and_are_new() -> None:
    turns: list[Turn] = [
        spoken("I travel to the lake"),
        partner("Travelling is delicious fun, Barbara! I met Barbara in a quaint village.", started_s=9, duration_s=4),
    ]
    by_level = {
        level: {word.word: word for word in words_to_learn(turns, {"travels", "lake"}, ENGLISH, level)}
        for level in ("beginner", "advanced")
    }
    assert set(by_level["beginner"]) == {"delicious", "village"}
    assert set(by_level["advanced"]) == {"quaint"}
    assert by_level["advanced"]["quaint"].heard_in == "I met Barbara in a quaint village."
    assert by_level["advanced"]["quaint"].zipf == ENGLISH.zipf("quaint")


def test_a_language_without_tokenizer_is_counted_in_characters() -> None:
    lexicon = load_lexicon("ja")
    if lexicon.rarity_unknown_because is None:
        pytest.skip("MeCab is installed here")
    measured = measure([typed("東京に行きました。hello")], "beginner", "ja")
    assert measured.vocabulary.unit == "character"
    assert measured.vocabulary.words == 9  # eight Japanese characters and one word
    assert measured.vocabulary.rarity is None
    assert "MeCab" in measured.unavailable["rarity"]


@pytest.mark.parametrize("language", ["xx", "", "???", "en-", "th"])
def test_an_unknown_language_still_has_words(language: str) -> None:
    measured = measure([typed("one two’s three")], "beginner", language)
    assert measured.vocabulary.words == 3
    assert measured.unavailable["rarity"]


def test_the_timeline_places_turns_and_their_pauses() -> None:
    turns: list[Turn] = [
        partner("Hello you", started_s=1.0, duration_s=2.0, interrupted=True),
        spoken("one two", started_s=4.0, gaps_s=(1.5,)),
        typed("three", started_s=8.0),
    ]
    first, second, third = measure(turns, "beginner", "en").timeline
    assert (first.role, first.interrupted, first.started_s, first.duration_s, first.words) == ("partner", True, 1, 2, 2)
    assert (second.role, second.typed, second.duration_s, second.words) == ("learner", False, 2.5, 2)
    assert [(pause.started_s, pause.duration_s) for pause in second.pauses] == [(4.5, 1.5)]
    assert (third.typed, third.duration_s, third.pauses) == (True, 0, ())
