"""The clause splitter: the same clauses however the text arrives, cut early at first, never within a sentence's dot."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tts_service.text.clauses import Boundary, Clause, ClauseSplitter

# Weighted towards what the splitter looks at.
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


def split(*pieces: str, eager: bool = True) -> list[Clause]:
    splitter = ClauseSplitter(eager=eager)
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


@given(TEXTS, st.booleans(), st.data())
def test_how_the_text_is_cut_up_does_not_matter(text: str, eager: bool, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=30)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert split(*pieces, eager=eager) == split(text, eager=eager)
    assert split(*text, eager=eager) == split(text, eager=eager)


@given(TEXTS)
def test_no_clause_is_endless(text: str) -> None:
    """Spaces apart: a text that goes on without a stop is spoken all the same."""
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
        ("Oh, hello there, my friend, how are you", "Oh, hello there, "),
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


def test_only_the_first_clause_is_cut_early() -> None:
    clauses = texts("Yes, of course, my friend. ", "I think, if you ask me, that it is good. And so on")
    assert clauses == ["Yes, of course, ", "my friend. ", "I think, if you ask me, that it is good. ", "And so on"]


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
