"""The measured parts of the analysis, on conversations made by hand: every number is known beforehand."""

from __future__ import annotations

import pytest

from gateway.analysis.cefr import estimate_cefr
from gateway.analysis.document import Fluency, Grammar, Rarity, Vocabulary
from gateway.analysis.fillers import fillers_of
from gateway.analysis.fluency import measure_fluency
from gateway.analysis.grammar import NOTHING_CHECKED
from gateway.analysis.measurement import measure
from gateway.analysis.sentences import (
    clip,
    counted,
    has_end,
    has_loop,
    is_list,
    is_prose,
    names_in,
    sentences_of,
    whole_sentences,
    without_number,
)
from gateway.analysis.slips import slips_in
from gateway.analysis.times import pauses_of
from gateway.analysis.vocabulary import mattr, measure_vocabulary, words_to_learn
from gateway.analysis.words import Lexicon, load_lexicon
from gateway.history import LearnerTurn, PartnerTurn, Turn, Word

ENGLISH = load_lexicon("en")


def spoken(text: str, *, started_s: float = 0.0, gaps_s: tuple[float, ...] = (), turn_id: str = "l") -> LearnerTurn:
    """A turn whose words last 0.5 s each, with the given silences between them (0 where none is given)."""
    words, now_s = [], 0.0
    for index, word in enumerate(text.split()):
        now_s += gaps_s[index - 1] if 0 < index <= len(gaps_s) else 0.0
        words.append(Word(text=word, start_s=now_s, end_s=now_s + 0.5))
        now_s += 0.5
    return LearnerTurn(turn_id=turn_id, text=text, started_s=started_s, duration_s=now_s, words=tuple(words))


def typed(text: str, started_s: float = 0.0) -> LearnerTurn:
    return LearnerTurn(turn_id="t", text=text, started_s=started_s, typed=True)


def partner(text: str, *, started_s: float, duration_s: float, interrupted: bool = False) -> PartnerTurn:
    return PartnerTurn(
        turn_id="p",
        text=text,
        generated_text=text,
        started_s=started_s,
        duration_s=duration_s,
        interrupted=interrupted,
    )


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
        spoken("one two three four", started_s=7.5),  # 2 s, 1.5 s after the partner
        partner("And", started_s=10.0, duration_s=1.0, interrupted=True),
        spoken("five six", started_s=11.0),  # barged in: no response time
        partner("Well", started_s=13.0, duration_s=1.0),
        spoken("seven eight", started_s=14.5),  # 0.5 s
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
    assert fluency.share_of_talk == 0.0


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
    assert fluency.words == 11  # 14 without um, uh, ummm
    assert fluency.fillers.per_100_words == round(400 / 11, 1)


def test_where_no_filler_is_written_down_none_is_counted_and_the_reason_is_told() -> None:
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
    ],
)
def test_words_are_fillers_only_between_commas(language: str, text: str, expected: dict[str, int]) -> None:
    assert dict(fillers_of(language).set_off(text)) == expected


@pytest.mark.parametrize(("language", "word"), [("pt", "um"), ("de", "er"), ("de", "um"), ("xx", "um")])
def test_one_languages_hesitation_is_anothers_word(language: str, word: str) -> None:
    assert fillers_of(language).sound(word) is None


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
    assert measured.vocabulary.words == 9  # eight characters and a word
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


# --- CEFR -----------------------------------------------------------------------------------------


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
    """What a learner says whose signs are all at that level, 0 to 5, but for the changes."""
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


def test_mistakes_lower_the_estimate_by_a_level_and_never_lift_it() -> None:
    assert estimate_cefr(*at(1), mistakes(0), "en", None)[0].estimate == "A2"
    assert estimate_cefr(*at(1), mistakes(0.5), "en", None)[0].estimate == "A2"
    lowered, because = estimate_cefr(*at(4), mistakes(5), "en", None)
    assert (lowered.estimate, because) == ("B2", None)
    assert lowered.evidence[-1] == "Mistakes: 5.0 in 100 words, B2 at most."


@pytest.mark.parametrize(
    ("measured", "grammar", "word"),
    [
        (at(3), mistakes(12), "A2 to B2"),  # fluent, and full of mistakes
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


# --- mistakes by rule -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Yesterday I buyed a car.", [("buyed", "bought")]),
        ("I not understand.", [("I not understand", "I don't understand")]),
        ("He is ill, so he not come.", [("he not come", "he doesn't come")]),
        ("She like it.", [("She like", "She likes")]),
        ("My friend is here and she study a lot.", [("she study", "she studies")]),
        ("He don’t know.", [("He don’t", "He doesn't")]),
        ("We didn't went there.", [("didn't went", "didn't go")]),
        ("I am agree, but I don't thought so.", [("I am agree", "I agree"), ("don't thought", "don't think")]),
        ("Did he go home?", []),
        ("Did she sing and he play?", []),
        ("I saw him go and let her do it.", []),
        ("Do you not like it?", []),
        ("She didn't found the company.", []),
        ("I suggested that he go.", []),
        ("He liked it, and he goes there.", []),
        ("He does not know; she will go.", []),
        ("She has needed it.", []),
        ("The ladies agreed.", []),
    ],
)
def test_a_rule_finds_only_what_is_wrong(sentence: str, expected: list[tuple[str, str]]) -> None:
    found = slips_in(sentence, "en-GB")
    assert [(sentence[slip.start : slip.end], slip.corrected) for slip in found] == expected
    assert all(has_end(slip.why) for slip in found)
    assert slips_in(sentence, "de") == []


# --- words worth learning ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", ["ladies", "bit", "due", "met", "boiled", "cooking", "happier", "could", "wow", "children"]
)
def test_forms_function_words_and_very_frequent_ones_are_not_worth_learning(word: str) -> None:
    heard = partner(f"It was so {word} now.", started_s=0, duration_s=2)
    for level in ("beginner", "intermediate", "advanced"):
        assert words_to_learn([heard], set(), ENGLISH, level) == ()


@pytest.mark.parametrize(
    "word", ["delicious", "village", "forest", "teacher", "corner", "recommend", "famous", "kitchen"]
)
def test_content_words_in_their_base_form_are(word: str) -> None:
    heard = partner(f"It was so {word} now.", started_s=0, duration_s=2)
    assert [one.word for one in words_to_learn([heard], set(), ENGLISH, "beginner")] == [word]


# --- text -----------------------------------------------------------------------------------------


def test_sentences_and_names() -> None:
    text = "I met Anna in Rome. \"Rome is big!\" she said… The cat, I'm sure, is Anna's."
    assert sentences_of(text) == ["I met Anna in Rome.", '"Rome is big!"', "she said…", "The cat, I'm sure, is Anna's."]
    assert names_in([text], "en") == {"anna", "rome", "anna's"}
    assert names_in(["Ich sehe den Hund"], "de") == set()


def test_clip_keeps_whole_words() -> None:
    assert clip("one two three", 13) == "one two three"
    assert clip("one two three", 10) == "one two…"
    assert clip("a" * 20, 5) == "aaaa…"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You spoke about cooking.", True),
        ("Practise.", False),
        ("uh uh uh uh uh uh uh well", False),
        ("B1, B2, C1, C2", False),
        ("你好吗朋友", True),
    ],
)
def test_prose_is_told_from_babble(text: str, *, expected: bool) -> None:
    assert is_prose(text) is expected


def test_a_lexicon_drops_punctuation_and_emoji() -> None:
    lexicon: Lexicon = ENGLISH
    assert lexicon.words("Don’t — stop! 🙂 (co-op) …") == ["don't", "stop", "co", "op"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is so.", True),
        ("“Is it?”", True),
        ("We also bought a", False),
        ("And then…", False),
        ("A big feast to", False),
    ],
)
def test_a_sentence_has_an_end(text: str, *, expected: bool) -> None:
    assert has_end(text) is expected


def test_what_follows_the_last_end_is_left_out() -> None:
    assert whole_sentences("One is here. Two! We also bought a") == "One is here. Two!"
    assert whole_sentences("We also bought a") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I'm glad to meet you. I'm glad to hear it. I'm glad to", True),
        ("It is so. Yes. It is so!", True),
        ("I like tea, and I like coffee.", False),
        ("Very, very, very good.", False),
    ],
)
def test_a_loop_is_three_words_three_times_or_a_sentence_twice(text: str, *, expected: bool) -> None:
    assert has_loop(text) is expected


def test_numbers_of_lists() -> None:
    assert without_number("1. Read more.") == without_number("2) Read more.") == without_number("• Read more.")
    assert without_number("3 books are enough.") == "3 books are enough."
    assert is_list("Speak more. 2. Read more.")
    assert not is_list("Read at 7.30 or so.")


def test_nouns_agree_with_their_number() -> None:
    assert [counted(number, "word") for number in (0, 1, 2)] == ["0 words", "1 word", "2 words"]
