"""The prompts for the language model."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

import langcodes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.languages import NAMES
from common.letters import SENTENCE_ENDS
from gateway.history import LearnerTurn, Level, PartnerTurn, SessionState, Turn
from gateway.languages.names import language_name
from gateway.reply.lines import FOLDER, lines_in
from gateway.reply.partner import JOE, MANNERS, Partner, partner_of
from gateway.reply.prompt import SOMETHING, Briefing, messages_for, system_prompt
from gateway.scenarios import load_library

LEVELS: tuple[Level, ...] = get_args(Level)
LANGUAGES = sorted(path.stem for path in FOLDER.glob("*.toml"))
UNKNOWN = "xx"
"""A language without examples."""


def learner(text: str) -> LearnerTurn:
    return LearnerTurn(turn_id="l", text=text, started_s=0)


def partner(text: str, *, interrupted: bool = False) -> PartnerTurn:
    return PartnerTurn(turn_id="p", text=text, generated_text=text, interrupted=interrupted, started_s=0)


def roles(
    turns: list[Turn], says: str = "and you?", max_chars: int = 6000, *, is_small: bool = False
) -> list[tuple[str, str]]:
    """The conversation in the prompt, as pairs of role and text."""
    messages = messages_for(Briefing(language=UNKNOWN, is_small=is_small), turns, says, max_chars=max_chars)
    assert messages[0].role == "system"
    return [(message.role, message.content) for message in messages[1:]]


def test_each_level_has_a_manner_of_its_own_and_beginners_are_spoken_to_more_slowly() -> None:
    for is_small in (False, True):
        assert len({system_prompt(Briefing(level=level, is_small=is_small)) for level in LEVELS}) == len(MANNERS) == 3
    for field in ("speed", "max_tokens", "max_sentences", "small_max_sentences"):
        values = [getattr(MANNERS[level], field) for level in LEVELS]
        assert values == sorted(values)


@pytest.mark.parametrize("is_small", [False, True])
@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("fr-CA", "French"),
        ("sv-SE", "Swedish"),
        ("nb-NO", "Norwegian Bokmål"),
        ("ar", "Arabic"),
        ("zh-yue", "Cantonese"),
        ("xx", "xx"),
        ("?", "?"),
    ],
)
def test_the_language_is_named(tag: str, name: str, is_small: bool) -> None:
    assert f"peak {name}" in system_prompt(Briefing(language=tag, is_small=is_small))


@pytest.mark.parametrize("tag", NAMES)
def test_the_usual_names_are_those_of_the_library(tag: str) -> None:
    assert language_name(f"{tag}-XX") == language_name(tag) == langcodes.Language.get(tag).language_name()


def test_a_small_model_is_told_less() -> None:
    short, long = (system_prompt(Briefing(level="beginner", is_small=is_small)) for is_small in (True, False))
    assert short == (
        "You are a kind friend. You answer in one short, simple sentence, and then you ask one easy question."
    )
    assert JOE.facts in long
    assert "never an assistant" in long


def test_a_trained_model_is_told_who_it_is_and_the_level() -> None:
    told = [system_prompt(Briefing(level=level, is_small=True, is_trained=True)) for level in LEVELS]
    assert told == [
        f"You are {JOE.who}. {JOE.facts} You are talking with a friend, who is learning English ({level} level)."
        for level in LEVELS
    ]
    assert system_prompt(
        Briefing(partner_of(SESSION.model_copy(update={"instructions": "Be X."})), is_trained=True)
    ) == ("Be X. You are talking with a friend, who is learning English (intermediate level).")


def test_a_trained_model_needs_no_examples_in_english() -> None:
    messages = messages_for(Briefing(is_small=True, is_trained=True), [], "Hi.", max_chars=6000)
    assert [message.role for message in messages] == ["system", "user"]


@pytest.mark.parametrize("language", ["de", "fr-CA", UNKNOWN])
def test_a_trained_model_gets_the_usual_prompt_outside_its_training(language: str) -> None:
    trained, other = (
        messages_for(Briefing(language=language, is_small=True, is_trained=is_trained), [], "So.", max_chars=6000)
        for is_trained in (True, False)
    )
    assert trained == other


CAFE = load_library().scenarios["cafe"].for_session()
SESSION = SessionState(session_id="s", created_at=0)


@pytest.mark.parametrize("is_small", [False, True])
def test_a_session_decides_who_the_partner_is(is_small: bool) -> None:
    in_cafe, instructed = (
        SESSION.model_copy(update={"scenario": CAFE}),
        SESSION.model_copy(update={"instructions": "Be X."}),
    )
    told = [system_prompt(Briefing(partner_of(state), is_small=is_small)) for state in (SESSION, in_cafe, instructed)]
    starts = (f"You are {JOE.brief if is_small else JOE.who}.", f"You are {CAFE.partner}.", "Be X.")
    assert [one.startswith(start) for one, start in zip(told, starts, strict=True)] == [True, True, True]
    manner = MANNERS["intermediate"]
    assert all((manner.small_rule if is_small else manner.rule) in one for one in told)
    assert (CAFE.setting in told[1]) == (CAFE.learner in told[1]) == (not is_small)
    assert not any(task.text in told[1] for task in CAFE.tasks)  # the learner should do the tasks, not the partner
    assert (partner_of(in_cafe).opening, partner_of(in_cafe).phrases) == (CAFE.opening, CAFE.phrases)
    assert partner_of(SESSION).opening == partner_of(instructed).opening == ""


@pytest.mark.parametrize("changes", [{}, {"scenario": CAFE}, {"instructions": "Talk about the sea."}], ids=str)
def test_who_the_partner_is_comes_before_what_the_level_decides(changes: dict[str, Any]) -> None:
    """Because of this, most of the system message is still in the model server's prefix cache after set_level."""
    partner = partner_of(SESSION.model_copy(update=changes))
    told = [system_prompt(Briefing(partner, level)) for level in LEVELS]
    before, found, _ = told[0].partition(partner.instructions or partner.facts)
    assert found
    assert all(one.startswith(before + found) for one in told)


def test_a_clients_own_instructions_come_without_examples() -> None:
    partner = partner_of(SESSION.model_copy(update={"instructions": "Talk about the sea."}))
    messages = messages_for(Briefing(partner), [], "Hi.", max_chars=6000)
    assert [message.role for message in messages] == ["system", "user"]


def test_another_partner_changes_who_speaks_and_not_how() -> None:
    maya = Partner(who="Maya, who works in a café", brief="Maya", facts="Tea costs two pounds.", learner="a customer")
    told = system_prompt(replace(Briefing(), partner=maya))
    assert told.startswith("You are Maya, who works in a café. Tea costs two pounds. You are talking with a customer,")
    assert MANNERS["intermediate"].rule in told


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_examples_stand_before_the_conversation_and_keep_to_the_level(language: str, level: Level) -> None:
    messages = messages_for(Briefing(level=level, language=f"{language}-XX"), [], "So.", max_chars=6000)
    examples = lines_in(language).examples[level]
    assert len(examples) >= 4
    pairs = [
        ((m.content, n.content), (m.role, n.role)) for m, n in zip(messages[1:-1:2], messages[2:-1:2], strict=True)
    ]
    assert pairs == [((one.learner, one.partner), ("user", "assistant")) for one in examples]
    assert messages[-1].content == "So."
    for one in examples:
        assert one.partner.endswith(("?", "？"))
        sentences = sum(one.partner.count(mark) for mark in SENTENCE_ENDS)
        assert 2 <= sentences <= MANNERS[level].max_sentences


def test_no_example_stands_twice() -> None:
    everything = [
        one.partner for language in LANGUAGES for level in LEVELS for one in lines_in(language).examples[level]
    ]
    assert LANGUAGES == ["de", "en", "es", "fr", "hi", "it", "ja", "pt"]
    assert len(set(everything)) == len(everything) == len(LANGUAGES) * len(LEVELS) * 4


def test_turns_of_one_speaker_in_a_row_become_one_message() -> None:
    assert roles([learner("Hello."), learner("I am Ana."), partner("Hi, Ana!")], "Hi.") == [
        ("user", "Hello. I am Ana."),
        ("assistant", "Hi, Ana!"),
        ("user", "Hi."),
    ]


def test_a_reply_of_which_nothing_was_heard_is_not_remembered() -> None:
    assert roles([learner("Hello."), partner("", interrupted=True)], "Wait.") == [("user", "Hello. Wait.")]


def test_a_partner_who_spoke_first_answers_something() -> None:
    assert roles([partner("Good morning!")], "Hi.") == [
        ("user", SOMETHING),
        ("assistant", "Good morning!"),
        ("user", "Hi."),
    ]


def test_the_prefix_stays_the_same_while_old_turns_still_fit() -> None:
    turns: list[Turn] = []
    before = roles(turns, "0" * 20)
    for number in range(1, 5):
        turns += [learner(before[-1][1]), partner("reply")]
        now = roles(turns, str(number) * 20)
        assert now[: len(before)] == before
        before = now


@given(st.lists(st.text("ab ", min_size=1, max_size=400), max_size=30), st.integers(200, 2000))
def test_prompts_are_bounded_and_end_with_the_learner(texts: list[str], max_chars: int) -> None:
    turns: list[Turn] = [learner(t) if i % 2 == 0 else partner(t) for i, t in enumerate(texts)]
    messages = roles(turns, "so", max_chars)
    assert messages[-1][0] == "user"
    assert messages[-1][1].endswith("so")
    assert sum(len(content) for _, content in messages) <= max_chars + 40 * len(messages) + 20
    assert all(one[0] != other[0] for one, other in pairwise(messages))


def test_a_small_model_never_sees_more_than_eight_exchanges() -> None:
    turns: list[Turn] = [turn for n in range(30) for turn in (learner(f"line {n}"), partner(f"reply {n}"))]
    assert 4 <= len(roles(turns, is_small=True)) // 2 <= 8
    assert roles(turns)[0][1] == "line 0"  # a larger model gets all of these turns
