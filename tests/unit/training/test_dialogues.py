"""The conversations that the bundled model is trained with."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from bench.partner.scripts import openings, scripts
from gateway.reply.partner import JOE
from gateway.reply.prompt import CUT_MARK, INTERRUPTING, trained_prompt
from training.dialogues import FRIEND, Dialogue, read

MOST_WORDS = {"beginner": 18, "intermediate": 30, "advanced": 48}
"""Level → the most words that a reply has. In scenarios, replies need a few words more, for prices and directions."""


@pytest.fixture(scope="module")
def dialogues() -> list[Dialogue]:
    return read()


def words(text: str) -> list[str]:
    return re.findall(r"[\w'’]+", text.casefold())


def test_there_are_many_at_each_level(dialogues: list[Dialogue]) -> None:
    assert all(count >= 100 for count in Counter(dialogue.level for dialogue in dialogues).values())
    assert len({dialogue.partner for dialogue in dialogues}) > 20


def test_the_two_take_turns_and_the_partner_has_the_last_word(dialogues: list[Dialogue]) -> None:
    for dialogue in dialogues:
        assert all(one != other for (one, _), (other, _) in pairwise(dialogue.lines)), dialogue.source
        assert dialogue.lines[-1][0] == "P", dialogue.source


def test_replies_are_short_and_begin_with_a_short_clause(dialogues: list[Dialogue]) -> None:
    """Synthesis begins with the first clause, so a short one is spoken early."""
    firsts = []
    for dialogue in dialogues:
        for speaker, text in dialogue.lines:
            if speaker == "P":
                assert len(words(text)) <= MOST_WORDS[dialogue.level], f"{dialogue.source}: {text}"
                firsts.append(len(words(re.split(r"[,.!?…:;—]\s", text)[0])))
    assert sorted(firsts)[len(firsts) * 9 // 10] <= 7


def test_no_beginning_is_a_habit(dialogues: list[Dialogue]) -> None:
    beginnings = Counter(
        tuple(words(text)[:2]) for dialogue in dialogues for speaker, text in dialogue.lines if speaker == "P"
    )
    (_, most), *_ = beginnings.most_common(1)
    assert most < 0.01 * beginnings.total()


def test_the_bench_asks_what_was_not_trained(dialogues: list[Dialogue]) -> None:
    asked = {tuple(words(line)) for script in [*scripts(), *openings()] for line in script.lines}
    trained = {tuple(words(text)) for dialogue in dialogues for speaker, text in dialogue.lines if speaker == "L"}
    assert not {line for line in asked & trained if len(line) > 3}


def test_the_model_gets_them_as_the_gateway_sends_them() -> None:
    lines = (("L", "Hi. I am Luis."), ("P", "Hello, Luis! Where —"), ("L", f"{INTERRUPTING}Wait."), ("P", "Yes?"))
    messages = Dialogue("beginner", FRIEND, lines, "here").messages()
    assert [(message.role, message.content) for message in messages] == [
        ("system", trained_prompt(JOE, "beginner")),
        ("user", "Hi. I am Luis."),
        ("assistant", f"Hello, Luis! Where{CUT_MARK}"),
        ("user", f"{INTERRUPTING}Wait."),
        ("assistant", "Yes?"),
    ]
    later = Dialogue("beginner", "cafe", lines, "here").messages(2)
    assert [message.content for message in later[1:]] == ["Wait.", "Yes?"]
    assert later[0].content.startswith("You are Maya")


def test_a_partner_that_begins_answers_what_every_template_needs() -> None:
    lines = (("P", "Good morning!"), ("L", "Hello."), ("P", "Coffee?"))
    messages = Dialogue("beginner", "cafe", lines, "here").messages()
    assert [message.role for message in messages] == ["system", "user", "assistant", "user", "assistant"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# beginner | friend\nL: Hi.", "a.txt:1: not a header"),
        ("## expert | friend\nL: Hi.", "a.txt:1: not a header"),
        ("## beginner | nobody\nL: Hi.", "a.txt:1: not a header"),
        ("\n## beginner | friend\nHi.", "a.txt:3: a line begins with"),
        ("## beginner | friend\nL: ", "a.txt:2: a line begins with"),
    ],
)
def test_an_error_names_its_place(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(ValueError, match=re.escape(problem)):
        read(tmp_path)
