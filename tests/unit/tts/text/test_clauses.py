"""The clause splitter: it gives the same clauses however the text arrives, makes the first clause short if it is eager,
and cuts after an abbreviation only where a sentence ends."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tts_service.text.clauses import Boundary, Clause, ClauseSplitter

# Texts in which the characters and words that matter to the splitter are frequent.
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *".!?…,;:—–-\n \t\"')]*_`。！？，」",
                "Dr",
                "e.g",
                "U.S",
                "p.m",
                "etc",
                "No",
                "I",
                "3.14",
                " 5 ",
                "It ",
                "Monday",
                "Nov",
                "z",
                "am 5",
                "XIV",
                "well ",
                "Hello ",
                "你好",
            ]
        ),
        st.text(max_size=5),
        st.integers(1, 30).map(lambda n: "abcdefg " * n),
        st.integers(1, 500).map(lambda n: "x" * n),
        st.integers(1, 500).map(lambda n: " " * n),
    ),
    max_size=40,
).map("".join)


def split(*pieces: str, eager: bool = True, language: str = "en") -> list[Clause]:
    splitter = ClauseSplitter(eager=eager, language=language)
    return [clause for piece in pieces for clause in splitter.push(piece)] + splitter.finish()


def texts(*pieces: str, eager: bool = True) -> list[str]:
    return [clause.text for clause in split(*pieces, eager=eager)]


@given(TEXTS, st.booleans())
@example("a. " + " " * 600 + "b", True)
@example("x" * 398 + ". y", True)
@example("etc." + " " * 500 + "And", False)
def test_clauses_tile_the_text(text: str, eager: bool) -> None:
    place = 0
    for clause in split(text, eager=eager):
        assert clause.text_start == place
        assert clause.text == text[clause.text_start : clause.text_end]
        assert clause.text
        place = clause.text_end
    assert place == len(text)


@settings(deadline=None)
@given(TEXTS, st.booleans(), st.sampled_from(["en", "de", "fr"]), st.data())
def test_how_the_text_is_cut_up_does_not_matter(text: str, eager: bool, language: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=30)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = split(text, eager=eager, language=language)
    assert split(*pieces, eager=eager, language=language) == whole
    assert split(*text, eager=eager, language=language) == whole


@given(TEXTS)
def test_no_clause_is_endless(text: str) -> None:
    """A text without full stops is still spoken in clauses. Spaces around a clause don't count towards its length."""
    assert all(len(clause.text.strip()) <= 420 for clause in split(text))


@pytest.mark.parametrize(
    "sentence",
    [
        "It is 3.14 or so.",
        "Dr. Smith and Mrs. Hill met Prof. Lee.",
        "Bring fruit, e.g. apples, i.e. what you like.",
        "She lives in the U.S. Army base.",
        "J. R. R. Tolkien wrote it.",
        "At 5 p.m. we eat.",
        "Apples, pears etc. are fruit.",
        "Take No. 5 and vol. 2 of it.",
        'He said "Stop!" and left.',
        "Well... okay then.",
        "See example.com or a.b.c now.",
        "1. Buy some milk.",
        "It costs 1,000 at 10:30.",
    ],
)
def test_a_dot_within_a_sentence_does_not_end_it(sentence: str) -> None:
    following = " That is all."
    assert texts(sentence + following, eager=False) == [sentence + " ", "That is all."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi! How are you? Fine.", ["Hi! ", "How are you? ", "Fine."]),
        ("We ate at 5 p.m. Then we left.", ["We ate at 5 p.m. ", "Then we left."]),
        ("So do I. No. Yes.", ["So do I. ", "No. ", "Yes."]),
        ('"Go." She went (home.) Then?', ['"Go." ', "She went (home.) ", "Then?"]),
        ("नमस्ते! मैं ठीक हूँ। आप कैसे हैं? अच्छा।", ["नमस्ते! ", "मैं ठीक हूँ। ", "आप कैसे हैं? ", "अच्छा।"]),
        ("مرحبا! كيف حالك؟ بخير.", ["مرحبا! ", "كيف حالك؟ ", "بخير."]),
        ("你好！我叫小明。「好。」他说", ["你好！", "我叫小明。", "「好。」", "他说"]),
        ("Really?! Yes… Maybe", ["Really?! ", "Yes… ", "Maybe"]),
        ("One\nTwo\n\nThree", ["One\n", "Two\n", "\nThree"]),
        ("**Good.** Next", ["**Good.** ", "Next"]),
    ],
)
def test_sentences_end(text: str, expected: list[str]) -> None:
    assert texts(text, eager=False) == expected


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Oh, hello there, my friend, how are you", "Oh, hello there,"),
        ("I think so; but", "I think so; "),
        ("Here it is: the", "Here it is: "),
        ("Wait a moment—what is", "Wait a moment—"),
        ("She came – at last", "She came – "),
        ("你好，我叫小明", "你好，"),
    ],
)
def test_the_first_clause_is_cut_early(text: str, first: str) -> None:
    (clause,) = ClauseSplitter().push(text)
    assert (clause.text, clause.boundary) == (first, Boundary.PHRASE)


def test_a_first_clause_without_a_comma_is_cut_at_a_word() -> None:
    (clause,) = ClauseSplitter().push("word " * 14)
    assert clause.boundary is Boundary.WORD
    assert clause.text == "word " * 13


@pytest.mark.parametrize(
    ("text", "boundary"),
    [
        ("You saw your friend,", Boundary.PHRASE),
        ("That is great!", Boundary.SENTENCE),
        ("Great!", Boundary.SENTENCE),
        ("Did you?", Boundary.SENTENCE),
        ("मैं ठीक हूँ।", Boundary.SENTENCE),
        ("मैं ठीक हूँ,", Boundary.PHRASE),
        ("¿Cómo estás?", Boundary.SENTENCE),
        ("You saw your friend.", None),  # the next character decides
        ("Well,", None),
        ("It costs 3,", None),
        ("I was born in 1990?", None),
    ],
)
def test_the_first_clause_waits_for_no_character_after_a_clear_mark(text: str, boundary: Boundary | None) -> None:
    splitter = ClauseSplitter()
    assert [clause.boundary for clause in splitter.push(text)] == ([boundary] if boundary else [])


def test_only_the_first_clause_is_cut_early() -> None:
    clauses = texts("Yes, of course, my friend. ", "I think, if you ask me, that it is good. And so on")
    assert clauses == ["Yes, of course,", " my friend. ", "I think, if you ask me, that it is good. ", "And so on"]


def test_a_long_sentence_is_cut_at_a_comma() -> None:
    long = "and then we went on and on, " * 8
    clauses = split(long, eager=False)
    assert [clause.boundary for clause in clauses[:-1]] == [Boundary.PHRASE]
    assert clauses[0].text == "and then we went on and on, " * 5


def test_a_sentence_is_out_with_the_space_after_it() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("Hello there.") == []
    assert [clause.text for clause in splitter.push(" ")] == ["Hello there. "]
    assert splitter.finish() == []


def test_nothing_in_nothing_out() -> None:
    assert texts("", "") == []


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "We meet on Jan. 5 or Nov. 29 this year."),
        ("en", "H.G. Wells and J. R. R. Tolkien wrote books."),
        ("en", "It is cats vs. Dogs today."),
        ("en", "He joined the U.S. Army in May."),
        ("en", "We start at 9 a.m. Monday or at 5 p.m. EST then."),
        ("en", "Sammy Davis Jr. sang and Acme Inc. paid."),
        ("en", "Ask Prof. Brown of St. Paul about it."),
        ("de", "Am 5. Mai kommt der 2. Zug um acht."),
        ("de", "Wir essen z. B. Äpfel, d. h. Obst."),
        ("de", "Ludwig XIV. war König."),
        ("hi", "डॉ. शर्मा नं. 5 में, 50 कि.मी. दूर रहते हैं।"),
        ("es", "El Sr. López y la Sra. Díaz compran fruta, p. ej. Manzanas."),
        ("fr", "M. Dupont et Mme. Petit arrivent, p. ex. demain."),
        ("it", "Il sig. Rossi e la dott.ssa Bianchi sono qui."),
        ("pt", "O Sr. Silva e a Dra. Costa moram na pág. 5 do livro."),
    ],
)
def test_an_abbreviation_does_not_end_a_sentence(language: str, sentence: str) -> None:
    splitter = ClauseSplitter(eager=False, language=language)
    assert [clause.text for clause in [*splitter.push(sentence), *splitter.finish()]] == [sentence]


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "She lives in the U.S. ", "It is big."),
        ("en", "Take vitamin C. ", "You will be well."),
        ("en", "We ate at 5 p.m. ", "The food was good."),
        ("en", "He came in Dec. ", "She came later."),
        ("en", "I like apples, pears etc. ", "Do you?"),
        ("en", "He works for Acme Inc. ", "She does not."),
        ("de", "Er ist 5. ", "Sie ist 6."),
        ("de", "Wir kaufen Obst usw. ", "Dann gehen wir."),
        ("es", "Compro fruta, etc. ", "Luego vuelvo."),
        ("fr", "Il y a de l'eau, etc. ", "Nous partons."),
        ("it", "Mele, pere ecc. ", "Poi andiamo."),
        ("pt", "Moro na av. ", "Depois saio."),
    ],
)
def test_a_sentence_may_end_in_an_abbreviation(language: str, first: str, second: str) -> None:
    splitter = ClauseSplitter(eager=False, language=language)
    assert [clause.text for clause in [*splitter.push(first + second), *splitter.finish()]] == [first, second]


@pytest.mark.parametrize(
    "text",
    [
        "The answer of 5 - 3 is two",
        "It was November 29, 2026 then",
        "The long and winding road that goes on and on leads us for 5 km to the sea",
        "My grandfather and his three brothers all fought in World War II at sea",
    ],
)
def test_words_that_are_read_together_stay_together(text: str) -> None:
    """This holds even if the first clause is cut very early."""
    clauses = texts(text)
    assert any(word in clause for clause in clauses for word in ("5 - 3", "29, 2026", "5 km", "War II"))


def test_the_first_clause_does_not_wait_for_numbers_without_end() -> None:
    first = next(iter(ClauseSplitter().push("5 6 7 8 " * 20)))
    assert len(first.text) <= 84
