"""A correction gets a reason only if its words make certain what the correction did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analysis.edit_reasons import reason_for

CASES = [
    ("cinema", "the cinema", "I go to cinema.", "article_missing"),
    ("old", "an old", "It is old city.", "article_missing"),
    ("the music", "music", "I study the music.", "article_extra"),
    ("the", "a", "Then I am red like the crab.", "article_other"),
    ("a apple", "an apple", "I give him a apple.", "an_before_vowel"),
    ("an", "a", "He has an car.", "a_before_consonant"),
    ("the hip", "his hip", "He had broken the hip.", "possessive"),
    ("in Monday", "on Monday", "I come in Monday.", "preposition_other"),
    ("in the", "at", "It is cold in the night.", "preposition_other"),
    ("from", "on", "It depends from the weather.", "depend_on"),
    ("six", "for six", "I waited six hours.", "preposition_missing"),
    ("radio", "to radio", "I listen radio.", "listen_to"),
    ("near of", "near", "It is near of the park.", "preposition_extra"),
    ("for to", "to", "I am writing for to thank you.", "preposition_extra"),
    ("to home", "home", "I go to home.", "home"),
    ("want go", "want to go", "I want go home.", "to_missing"),
    ("for", "to", "He comes for buy bread.", "to_missing"),
    ("going", "to go", "I want going home.", "to_missing"),
    ("to swim", "swim", "I can to swim.", "no_to"),
    ("She very", "She is very", "She very tired.", "be_missing"),
    ("I", "I'm", "I from Vietnam.", "be_missing"),
    ("She", "She's", "She working.", "be_missing"),
    ("has", "is", "He has nine years.", "be_not_have"),
    ("years", "years old", "He has nine years.", "years_old"),
    ("I'm", "I", "I'm agree with you.", "agree"),
    ("is", "it is", "I think is good.", "subject_missing"),
    ("like", "like it", "I don't like.", "word_missing"),
    ("it is", "is", "My computer it is slow.", "word_extra"),
    ("I", "I'll", "Wait, I look.", "will_missing"),
    ("bring", "brings", "He bring sausages.", "third_person"),
    ("say", "says", "My wife say no.", "for_one"),
    ("wife work", "wife works", "My wife work here.", "for_one"),
    ("likes", "like", "They likes tea.", "form_after"),
    ("says", "say", "People says no.", "without_s"),
    ("works", "work", "Pavel must works.", "base_form"),
    ("went", "go", "I didn't went there.", "base_form"),
    ("going", "go", "She can't going out.", "base_form"),
    ("is", "are", "We is here.", "are_after_plural"),
    ("is", "are", "All the shops is closed.", "for_more"),
    ("was", "were", "They was happy.", "were_after_plural"),
    ("is", "are", "There is two dogs.", "there_are"),
    ("have", "has", "She have a cat.", "has_after_singular"),
    ("have", "has", "My uncle have a shop.", "for_one"),
    ("has", "have", "My neighbours has two dogs.", "for_more"),
    ("has", "have", "I has a cat.", "form_after"),
    ("don't", "doesn't", "It don't work.", "doesnt"),
    ("don't", "doesn't", "My son don't sleep.", "for_one"),
    ("work", "worked", "Yesterday I work until ten.", "past_time"),
    ("go", "went", "I go to Rome last year.", "past_time"),
    ("have seen", "saw", "I have seen him two days ago.", "past_time"),
    ("come", "came", "The ambulance come fast.", "past_tense"),
    ("isn't", "wasn't", "He said that he isn't cold.", "past_tense"),
    ("buyed", "bought", "She buyed a coat.", "irregular_past"),
    ("went", "gone", "We have went home.", "form_after"),
    ("finish", "finished", "It is finish.", "participle"),
    ("live", "have lived", "I live here since May.", "with_since"),
    ("dance", "dancing", "I enjoy dance.", "form_after"),
    ("to dance", "dancing", "I enjoy to dance.", "form_after"),
    ("come", "is coming", "My sister come now.", "ing_form"),
    ("am reading", "read", "Every day I am reading a book.", "no_ing"),
    ("dog", "dogs", "I have two dog.", "plural"),
    ("work", "works", "I have two work.", "plural"),
    ("child", "children", "I have two child.", "plural"),
    ("fruits", "fruit", "I eat a fruits.", "singular"),
    ("days", "day", "I work every days.", "singular_after_every"),
    ("informations", "information", "I need informations.", "no_plural"),
    ("childs", "children", "I have two childs.", "irregular_plural"),
    ("childrens", "children", "My childrens sleep.", "is_plural"),
    ("You", "Do you", "You like tomatoes?", "question_with_do"),
    ("she lives", "does she live", "Where she lives?", "question_with_does"),
    ("you saw", "did you see", "What you saw?", "question_with_did"),
    ("not", "don't", "I not know this.", "helping_verb"),
    ("not likes", "doesn't like", "He not likes it.", "helping_verb"),
    ("nothing", "anything", "I don't see nothing.", "one_negative"),
    ("me", "I", "My wife and me live here.", "pronoun_form"),
    ("which", "who", "I know a man which sings.", "who_for_people"),
    ("good", "well", "He can't hear good.", "adverb"),
    ("easy", "easily", "He loses it easy.", "adverb"),
    ("slowly", "slow", "The service was slowly.", "adjective"),
    ("more big", "bigger", "It is more big.", "short_comparative"),
    ("more easier", "easier", "It is more easier.", "says_more"),
    ("much", "many", "I have much friends.", "many_not_much"),
    ("I can", "can I", "What I can do?", "word_order"),
    ("brings", "always brings", "She brings me always a coffee.", "word_place"),
    ("hat of my husband", "my husband's hat", "He has hat of my husband.", "genitive"),
    ("soup of onion", "onion soup", "I like soup of onion.", "noun_noun"),
    ("goverment", "government", "The goverment is new.", "spelling"),
    ("stoped", "stopped", "The motor stoped.", "spelling"),
    ("dont", "don't", "I dont know.", "spelling"),
    # the choice of another word
    ("say", "tell", "I say you a story.", None),
    ("big", "large", "It is a big house.", None),
    ("make", "take", "I make a photo.", None),
    ("house", "houses and gardens", "I like house.", None),
    # several changes at once
    ("in cinema", "at the pictures", "I was in cinema.", None),
    ("she go to", "she went into the", "Then she go to shop.", None),
    ("have hunger", "am hungry", "I have hunger.", None),
    ("not like", "hated", "I not like it.", None),
    # not certain: a verb or a noun, a moved word, a missing context
    ("works", "work", "Here works is hard.", None),
    ("work", "works", "My wife work, and my boss work.", None),
    ("to schools", "to school", "I go to schools.", None),
    ("sports", "sport", "I do sports on Monday.", None),
    ("parking", "parking is", "I don't know where is the parking.", None),
    ("name", "name is", "Do you know what is her name?", None),
    ("is the", "the", "I don't know where is the bus.", None),
    ("was", "were", "If I was rich, I would travel.", None),
    ("violents", "violent", "It makes children violents.", None),
    ("She", "She's", "She called Anna.", None),
    ("work", "to work", "I go work.", None),
    ("firemans", "firemen", "The firemans come.", None),
    ("I'm", "I am", "I'm here.", None),
    ("tea", "tea", "I like tea.", None),
]


@pytest.mark.parametrize(("original", "corrected", "sentence", "code"), CASES)
def test_a_correction_has_the_reason_that_is_certain(
    original: str, corrected: str, sentence: str, code: str | None
) -> None:
    reason = reason_for(original, corrected, sentence)
    assert (reason.code if reason else None) == code


@pytest.mark.parametrize(
    ("original", "corrected", "sentence", "text"),
    [
        ("I has", "I have", "I has a cat.", "After “I”, the verb is “have”."),
        ("go", "went", "I go home yesterday.", "That time is over, so the verb is in the past tense: “went”."),
        ("works", "work", "Does he works?", "After “does”, the verb is “work”."),
        ("go", "to go", "I want go.", "The verb needs “to” here: “to go”."),
        ("me", "I", "My wife and me live here.", "The pronoun here is “I”."),
    ],
)
def test_a_reason_names_the_form(original: str, corrected: str, sentence: str, text: str) -> None:
    assert reason_for(original, corrected, sentence) == text


def test_a_reason_is_told_in_the_languages_of_the_page() -> None:
    reason = reason_for("cinema", "the cinema", "I go to cinema.")
    assert reason is not None
    assert reason.in_language("de") == "Der Artikel „the“ fehlt."


@given(st.text(), st.text(), st.text())
def test_any_text_is_survived(original: str, corrected: str, sentence: str) -> None:
    reason_for(original, corrected, sentence)


WORDS = st.lists(
    st.sampled_from(
        ("i", "you", "he", "not", "do", "does", "to", "the", "of", "go", "goes", "went", "have", "since", "?")
    ),
    max_size=4,
).map(" ".join)


@given(WORDS, WORDS, WORDS)
def test_any_words_are_survived(original: str, corrected: str, around: str) -> None:
    reason_for(original, corrected, f"{around} {original} {around}")
