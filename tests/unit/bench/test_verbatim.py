"""The sentences and the figures of the verbatim bench."""

from __future__ import annotations

from collections import Counter

from bench.verbatim.fillers import count, with_fillers
from bench.verbatim.report import Heard, has_mistake, is_made_wrong, table, words_of
from bench.verbatim.sentences import Pair, pairs

PAIR = Pair(0, "verb form", "I buyed ten apples.", "I bought ten apples.", "tuned")


def test_there_are_200_pairs_spread_evenly() -> None:
    found = pairs()
    assert len(found) == 200
    assert len({pair.said for pair in found} | {pair.right for pair in found}) == 400
    assert set(Counter(pair.kind for pair in found).values()) == {33, 34}
    assert Counter(pair.half for pair in found) == {"tuned": 100, "held out": 100}


def test_a_mistake_has_reached_the_transcript_if_it_is_closer_to_what_was_said() -> None:
    assert has_mistake("I buyed 10 apple.", PAIR)
    assert not has_mistake("I bought ten apples.", PAIR)
    assert not has_mistake("I buy ten apples.", PAIR)


def test_only_what_the_pass_changes_is_made_wrong() -> None:
    assert is_made_wrong("I bought ten apples.", "I buyed ten apples.", PAIR.right)
    assert not is_made_wrong("I bought then apples.", "I bought then apples.", PAIR.right)


def test_the_table_has_a_row_for_each_half_kind_and_voice() -> None:
    heard = Heard(PAIR, "joe", PAIR.right, PAIR.said, PAIR.right, PAIR.right)
    rows = table([heard]).splitlines()
    assert rows[2] == "| all | 1 | 0.0% | 100.0% | 0.0% | 0.0% | 0.0% |"
    assert [row.split(" | ")[0] for row in rows[3:]] == ["| tuned", "| held out", "| verb form", "| joe"]


def test_fillers() -> None:
    said = list(with_fillers())
    assert Counter(pair.half for pair, _ in said) == {"tuned": 40, "held out": 40}
    assert all(count(text) == 1 for _, text in said)
    assert words_of("Twenty-five, 25") == ["twenty", "five", "twenty", "five"]
