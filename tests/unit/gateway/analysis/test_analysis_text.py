"""How the analysis reads text: mistakes that rules find, words worth learning, sentences, loops and babble."""

from __future__ import annotations

import pytest

from gateway.analysis.document import Told
from gateway.analysis.grammar import Sentence, rule_corrections
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
from gateway.analysis.vocabulary import words_to_learn
from gateway.analysis.words import Lexicon, has_only_letters, split_at_spaces
from tests.support.analysed_turns import ENGLISH, partner

# --- mistakes that rules find -----------------------------------------------------------------------


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
        ("Yesterday I go to the beach.", [("I go", "I went")]),
        ("It was cold, but we was happy.", [("we was", "we were")]),
        ("She have a car and they is rich.", [("She have", "She has"), ("they is", "they are")]),
        ("I have a idea for an book.", [("a idea", "an idea"), ("an book", "a book")]),
        ("He gave me many informations.", [("informations", "information")]),
        ("My homeworks are more easier now.", [("homeworks", "homework"), ("more easier", "easier")]),
        ("The train is more cheap than the bus.", [("more cheap", "cheaper")]),
        ("I must to go to home now.", [("must to go", "must go")]),
        ("We went to home early.", [("went to home", "went home")]),
        ("There is many shops, and I like this people.", [("There is many", "There are many"),
                                                         ("this people", "these people")]),
        ("I run every days and listen music.", [("every days", "every day"), ("listen music", "listen to music")]),
        ("She is married with a doctor; explain me why.", [("married with", "married to"),
                                                           ("explain me", "explain to me")]),
        ("We discussed about it. It depends of you.", [("discussed about", "discussed"), ("depends of", "depends on")]),
        ("How much it cost?", [("How much it cost", "How much does it cost")]),
        ("Where you live?", [("Where you live", "Where do you live")]),
        ("What you want, I can do?", []),
        ("What it means is not clear.", []),
        ("If it were cold, we would go to the home of my aunt.", []),
        ("Was it you? Were you there?", []),
        ("An hour in a university, a useful idea.", []),
        ("I have many more big ideas than you.", []),
        ("It is good to have children's books for these people.", []),
        ("You can, to be fair, go to home games.", []),
        ("Yesterday we had to go.", []),
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
)  # fmt: skip
def test_a_rule_finds_only_what_is_wrong(sentence: str, expected: list[tuple[str, str]]) -> None:
    found = slips_in(sentence, "en-GB")
    assert [(sentence[slip.start : slip.end], slip.corrected) for slip in found] == expected
    assert all(has_end(slip.why) for slip in found)
    assert slips_in(sentence, "de") == []


def reasons(native_language: str) -> list[tuple[str, Told | None]]:
    sentence = Sentence("Yesterday I buyed a apple.", "t")
    return [(one.why, one.why_code) for one in rule_corrections(sentence, "en", native_language)]


@pytest.mark.parametrize("native_language", ["", "it", "en", "zh-TW"])
def test_a_rules_reason_is_in_english_and_a_code_for_pages_in_other_languages(native_language: str) -> None:
    assert reasons(native_language) == [
        ("The verb is irregular: its past tense is “bought”.", Told(code="irregular_past", values={"past": "bought"})),
        ("Before the sound of a vowel, “a” is “an”.", Told(code="an_before_vowel", values={})),
    ]


@pytest.mark.parametrize(
    ("native_language", "expected"),
    [("de-AT", "Das Verb ist unregelmäßig: Die Vergangenheit ist „bought“."),
     ("fr", "Le verbe est irrégulier : son passé est « bought »."),
     ("es", "El verbo es irregular: su pasado es «bought»."),
     ("pt-BR", "O verbo é irregular: o passado é “bought”."),
     ("ja", "不規則動詞です。過去形は「bought」です。")],
)  # fmt: skip
def test_a_rules_reason_comes_in_the_learners_own_language_if_the_page_speaks_it(
    native_language: str, expected: str
) -> None:
    assert reasons(native_language)[0][0] == expected


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


def test_the_sentences_of_hindi_end_with_a_danda() -> None:
    assert sentences_of("मैं ठीक हूँ। आप कैसे हैं?") == ["मैं ठीक हूँ।", "आप कैसे हैं?"]
    assert has_end("मैं ठीक हूँ।")
    assert split_at_spaces("मैं हिंदी बोलती हूँ।") == ["मैं", "हिंदी", "बोलती", "हूँ"]
    assert has_only_letters("हिंदी")
    assert not has_only_letters("हिंदी2")


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
        ("आपने बाज़ार के बारे में बताया।", True),
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


def test_text_after_the_last_sentence_end_is_left_out() -> None:
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
