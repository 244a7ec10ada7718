"""The measures of the partner's replies, on replies with known faults."""

from __future__ import annotations

import pytest

from bench.partner.quality import (
    QUESTIONS,
    Tally,
    asks_again,
    begins_alike,
    is_unfinished,
    loops,
    rare_words,
    repeats,
    takes_up,
)
from bench.partner.report import table
from bench.partner.scripts import Script, long_script, openings, scripts
from bench.partner.talk import Exchange


@pytest.mark.parametrize(
    "text",
    [
        "It's not true at all, but it's not true at all, but it's not true at all.",
        "My family is wonderful. My family is amazing. My family is wonderful.",
    ],
)
def test_a_loop_is_found(text: str) -> None:
    assert loops(text)


@pytest.mark.parametrize("text", ["That is very, very good! Do you like it?", "Yes. Yes. And you?", ""])
def test_repetitions_that_are_not_loops(text: str) -> None:
    assert not loops(text)


@pytest.mark.parametrize(("text", "expected"), [("I see.", False), ('He said "no!"', False), ("It was a", True)])
def test_a_reply_that_stops_in_mid_sentence(text: str, expected: bool) -> None:
    assert is_unfinished(text) is expected


def test_a_reply_that_repeats_an_earlier_one() -> None:
    earlier = ["What is your favourite kind of food?"]
    assert repeats("So what is your favourite kind of food?", earlier)
    assert not repeats("What is your favourite colour of all?", earlier)
    assert not repeats("I see.", ["I see."])  # too short to tell


def test_a_reply_that_begins_like_an_earlier_one() -> None:
    assert begins_alike("You're right, it rains.", ["I see.", "You’re right. And you?"])
    assert not begins_alike("You're late.", ["You're right."])
    assert not begins_alike("", ["You're right."])


def test_words_above_the_level() -> None:
    assert rare_words("The gregarious dog met Ludmilla.", "beginner") == ["gregarious"]
    assert rare_words("I like your dog very much.", "beginner") == []


def test_a_tally() -> None:
    tally = Tally()
    replies = ["I see. Do you like tea?", "One. Two is here. Three is here. Four is here.", "It was", ""]
    lines = ["Where is my tea? I like coffee.", "No.", "And you?", "Coffee, please."]
    tally.add(list(zip(lines, replies, strict=True)), "beginner")
    assert (tally.telling_lines, tally.taken_up) == (1, 0)
    assert (tally.replies, tally.missing, tally.questions, tally.too_long, tally.unfinished) == (3, 1, 1, 1, 1)


def test_there_are_twelve_conversations_of_twenty_turns_four_at_each_level() -> None:
    levels = [script.level for script in scripts()]
    assert sorted(levels) == ["advanced"] * 4 + ["beginner"] * 4 + ["intermediate"] * 4
    assert {len(script.lines) for script in scripts()} == {20}
    assert len(long_script(100).lines) == 100


def test_each_opening_is_one_line_with_known_facts() -> None:
    every = openings()
    assert len({one.lines for one in every}) == len(every) == 60
    assert all(len(one.lines) == 1 and one.lines[0] for one in every)
    assert {fact for one in every for fact in one.facts} == QUESTIONS.keys()


@pytest.mark.parametrize(
    ("reply", "facts", "expected"),
    [
        ("Hello, Ana! What's your name?", ("name",), True),
        ("Hello, Ana! How are you?", ("name",), False),
        ("Nice! Where do you live?", ("name", "home"), True),
        ("Nice! Where do you live?", ("name",), False),
        ("A sister! What is her name?", ("their name",), True),
        ("A nurse, good! What do you do?", ("job",), True),
        ("A nurse, good! What do you do there?", ("job",), False),
        ("Medicine, nice! What do you study?", ("job", "study"), True),
        ("What does Pablo do for a living?", ("their job",), True),
        ("What does Pablo do on Sundays?", ("their job",), False),
    ],
)
def test_whether_a_reply_asks_for_what_was_told(reply: str, facts: tuple[str, ...], expected: bool) -> None:
    assert asks_again(reply, facts) is expected


def test_the_tally_of_openings() -> None:
    tally = Tally()
    tally.add([("I'm Ana.", "Hello, Ana! What's your name?")], "beginner", ("name",))
    tally.add([("I'm Ana.", "Hello, Ana!"), ("Hi.", "What's your name?")], "beginner", ("name",))
    tally.add([("It rains.", "What's your name?")], "beginner")
    assert (tally.openings, tally.asked_again) == (2, 1)


@pytest.mark.parametrize(
    ("said", "reply", "expected"),
    [
        ("My mother cook very good.", "She cooks well! What's her best dish?", True),
        ("I like pizza and pasta.", "That's great! What do you do?", False),
        ("I have two brothers.", "Two brothers, wow!", True),
        ("Yes, I do.", "Good!", None),
    ],
)
def test_whether_a_reply_takes_up_what_was_said(said: str, reply: str, expected: bool | None) -> None:
    assert takes_up(reply, said) is expected


def test_the_table_has_no_waits_if_there_are_only_openings() -> None:
    """Openings have no waits in the table: a seat is kept for some seconds after its learner has left, so an opening
    may have to wait for a seat."""
    opening = (Script("opening-1", "beginner", ("I'm Ana.",), ("name",)), [Exchange("I'm Ana.", "Hello, Ana!", 9.0)])
    talk = (Script("talk", "beginner", ("Hi.", "Yes.")), [Exchange("Hi.", "Hi!", 0.2), Exchange("Yes.", "Good!", 0.4)])
    assert "| 0 of 1 |" in table({"one": [opening]})
    assert "| – | – |" in table({"one": [opening]})
    both = table({"one": [opening, talk]})
    assert "| 0.30, " in both
    assert ", 0.40 s | 1.3 |" in both
    assert "| one | none |" in table({"one": []})
