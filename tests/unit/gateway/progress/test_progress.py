"""The kinds of mistakes, reviews of words, the words that a learner used, and the overview of a learner's record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.history import LearnerTurn, PartnerTurn
from gateway.json_schema import as_published
from gateway.ports.learner_record import Mistake, MistakeKind, Rating, WordToKeep, schema
from gateway.progress.measuring import words_used
from gateway.progress.mistake_words import FUNCTION_WORDS
from gateway.progress.mistakes import TITLES, kind_of, kinds_of
from gateway.progress.overview import overview, recurring
from gateway.progress.review import due, new_word, reviewed
from gateway.reply.prompt import Briefing, system_prompt
from tests.support.progress import an_entry

ROOT = Path(__file__).parents[4]
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)

# original, corrected, language, the sentence (where it matters), kind
CORRECTIONS = [
    ("a", "an", "en", "", "article"),
    ("went to school", "went to the school", "en", "", "article"),
    ("in", "on", "en", "in Monday", "preposition"),
    ("discuss about", "discuss", "en", "", "preposition"),
    ("this", "these", "en", "", "determiner"),
    ("much", "many", "en", "much people", "countability"),
    ("he", "she", "en", "", "pronoun"),
    ("myself", "me", "en", "", "pronoun"),
    ("his", "her", "en", "", "possessive"),
    ("but", "so", "en", "", "conjunction"),
    ("I not understand", "I don't understand", "en", "", "auxiliary"),
    ("will can", "can", "en", "", "auxiliary"),
    ("go", "went", "en", "Yesterday I go home.", "verb_tense"),
    ("live", "lived", "en", "I live there last year.", "verb_tense"),
    ("yesterday I have seen", "yesterday I saw", "en", "", "verb_tense"),
    ("buyed", "bought", "en", "", "verb_form"),
    ("eated", "ate", "en", "", "verb_form"),
    ("to go", "going", "en", "I enjoy to go there.", "verb_form"),
    ("is go", "is going", "en", "", "verb_form"),
    ("I didn't went", "I didn't go", "en", "", "verb_form"),
    ("have saw", "have seen", "en", "", "verb_form"),
    ("she like", "She likes", "en", "she like it", "agreement"),
    ("don't", "doesn't", "en", "he don't", "agreement"),
    ("was", "were", "en", "", "agreement"),
    ("has", "have", "en", "they has", "agreement"),
    ("apple", "apples", "en", "three apple", "noun_number"),
    ("informations", "information", "en", "", "noun_number"),
    ("more big", "bigger", "en", "", "comparison"),
    ("good", "well", "en", "She sings good.", "adverb"),
    ("quick", "quickly", "en", "", "adverb"),
    ("always I", "I always", "en", "", "word_order"),
    ("freind", "friend", "en", "", "spelling"),
    ("success", "successful", "en", "", "word_form"),
    ("make", "do", "en", "I make my homework.", "word_choice"),
    ("el", "la", "es", "el casa", "gender"),
    ("rojo", "roja", "es", "la casa rojo", "gender"),
    ("soy", "estoy", "es", "soy cansado", "copula"),
    ("por", "para", "es", "", "preposition"),
    ("hablo", "habla", "es-MX", "él hablo", "agreement"),
    ("o", "a", "pt", "o casa", "gender"),
    ("le", "la", "fr", "", "gender"),
    ("petit", "petite", "fr", "", "gender"),
    ("à", "en", "fr", "", "preposition"),
    ("il", "la", "it", "il casa", "gender"),
    ("der", "den", "de", "ich sehe der Mann", "case"),
    ("der", "die", "de", "der Frau schläft", "gender"),
    ("gute", "guten", "de", "einen gute Tag", "adjective_ending"),
    ("は", "が", "ja", "", "particle"),
    ("的", "得", "zh", "", "particle"),
    ("xx", "yy", "fi", "", "word_choice"),
    ("a b", "b a", "fi", "", "word_order"),
]


@pytest.mark.parametrize(("original", "corrected", "language", "sentence", "kind"), CORRECTIONS)
def test_the_kind_of_a_mistake(original: str, corrected: str, language: str, sentence: str, kind: str) -> None:
    assert kind_of(original, corrected, language, sentence) == kind


_WORDS = st.sampled_from(
    ["go", "goes", "went", "the", "a", "la", "el", "der", "den", "を", "は", "not", "more", "x1", "…"]
)
_PHRASE = st.lists(_WORDS, max_size=4).map(" ".join) | st.text(max_size=12)


@given(_PHRASE, _PHRASE, st.sampled_from([*FUNCTION_WORDS, "fi", "xx-YY"]), _PHRASE)
def test_any_correction_has_a_kind_of_its_language(original: str, corrected: str, language: str, before: str) -> None:
    assert kind_of(original, corrected, language, f"{before} {original}") in kinds_of(language)


def test_each_kind_has_a_title_and_some_language_has_it() -> None:
    kinds = set(get_args(MistakeKind))
    assert set(TITLES) == kinds
    assert set().union(*map(kinds_of, FUNCTION_WORDS)) == kinds
    page = (ROOT / "docs" / "progress.md").read_text()
    assert {kind for kind in kinds if f"`{kind}`" not in page} == set()


def test_the_published_schema_is_up_to_date() -> None:
    published = (ROOT / "docs" / "schemas" / "learner.schema.json").read_text(encoding="utf-8")
    assert published == as_published(schema()), "run: python -m gateway.progress > docs/schemas/learner.schema.json"
    Draft202012Validator.check_schema(schema())


def test_a_word_that_is_known_better_comes_back_later() -> None:
    ratings: tuple[Rating, ...] = get_args(Rating)
    word = new_word(WordToKeep(word="journey"), NOW)
    assert due([word], NOW) == [word]
    next_due = [reviewed(word, rating, NOW).card.due for rating in ratings]
    assert next_due == sorted(set(next_due))
    for days in (0, 1, 4, 20):
        now = NOW + timedelta(days=days)
        word = reviewed(word, "good", now)
        assert word.card.due > now
    assert word.reviews == 4
    assert word.card.due - now > timedelta(days=20)  # the time until the next review grows
    forgotten = reviewed(word, "again", now)
    assert forgotten.card.due - now < timedelta(hours=1)


def test_words_are_due_by_language_the_longest_overdue_first() -> None:
    words = [
        new_word(WordToKeep(word=word, language=language), NOW + timedelta(days=day))
        for word, language, day in (("b", "en", 0), ("a", "en-US", -1), ("c", "es", 0), ("d", "en", 1))
    ]
    assert [one.word for one in due(words, NOW, "en-GB")] == ["a", "b"]
    assert [one.word for one in due(words, NOW)] == ["a", "b", "c"]


def test_the_words_used_are_the_learners_without_names_numbers_and_slips() -> None:
    turns = (
        LearnerTurn(turn_id="1", text="Yesterday I buyed 3 green apples with Maria.", started_s=0),
        PartnerTurn(turn_id="2", text="Delicious cherries!", generated_text="", started_s=1),
        LearnerTurn(turn_id="3", text="And green cherries, too.", started_s=2),
    )
    used = words_used(turns, "en")
    assert used == ["yesterday", "i", "green", "apples", "with", "and", "cherries", "too"]
    assert words_used(turns, "xx") == ["yesterday", "i", "buyed", "green", "apples", "with", "and", "cherries", "too"]


def test_mistakes_that_come_back_most_come_first() -> None:
    def mistake(kind: MistakeKind, original: str = "x") -> Mistake:
        return Mistake(kind=kind, original=original, corrected="y")

    entries = [
        an_entry(1, *[mistake("article")] * 4),
        an_entry(2, mistake("verb_tense", "go")),
        an_entry(3, mistake("verb_tense", "see"), mistake("gender"), language="en-GB"),
        an_entry(4, mistake("article"), language="es"),
    ]
    found = recurring(entries)
    assert [(one.kind, one.language, one.conversations, one.count) for one in found] == [
        ("verb_tense", "en", 2, 2), ("article", "en", 1, 4), ("article", "es", 1, 1), ("gender", "en", 1, 1),
    ]  # fmt: skip
    assert [example.original for example in found[0].examples] == ["see", "go"]
    assert len(found[1].examples) == 1  # the same mistake, four times
    assert found[0].last_at == entries[2].ended_at
    assert overview(None, NOW).kept is False


def test_the_partner_is_told_the_words_to_practise_but_a_small_model_is_not() -> None:
    words = ("journey", "cherry")
    assert "“journey”, “cherry”" in system_prompt(Briefing(practice_words=words))
    assert system_prompt(Briefing(practice_words=words, is_small=True)) == system_prompt(Briefing(is_small=True))
    assert system_prompt(Briefing()) == system_prompt(Briefing(practice_words=()))
