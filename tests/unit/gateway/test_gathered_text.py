"""A reply's text comes in fewer pieces once it can wait, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import EngineError
from gateway.reply.gathered_text import EVERY_S, gathered


def pieces(written: list[tuple[float, str]], *, spoken: str = "", error: bool = False) -> list[str]:
    """What comes of text that is written at these times, and can wait after `spoken`; "!" stands for the error."""
    now, told = 0.0, 0

    async def deltas() -> AsyncIterator[str]:
        nonlocal now
        for at, text in written:
            now = at
            yield text
        if error:
            raise EngineError("LLM: broken")

    async def read() -> list[str]:
        came = gathered(deltas(), lambda: now, lambda: told >= len(spoken))
        nonlocal told
        read: list[str] = []
        try:
            while True:
                read.append(await anext(came))
                told += len(read[-1])
        except StopAsyncIteration:
            return read
        except EngineError:
            return [*read, "!"]

    return asyncio.run(read())


def every(step_s: float, *words: str) -> list[tuple[float, str]]:
    return [(index * step_s, word) for index, word in enumerate(words)]


def test_until_it_can_wait_text_comes_as_it_is_written_and_then_by_clauses() -> None:
    written = every(0.01, "That", " sounds", " lovely", ".", " What", " did", " you", " do", ",", " there", "?")
    by_words = ["That", " sounds", " lovely", ".", " What"]
    assert pieces(written, spoken="That sounds lovely. What") == [*by_words, " did you do,", " there?"]


def test_a_long_clause_comes_ten_times_a_second() -> None:
    came = pieces(every(EVERY_S / 4, "So.", *["a"] * 12))
    assert came == ["So."] + ["aaaa"] * 3


def test_a_slow_model_is_not_held() -> None:
    written = every(1.01 * EVERY_S, "Well", ",", " I", " don't", " know")
    assert pieces(written) == [text for _, text in written]


@pytest.mark.parametrize("word", [" don't", " well-known", " l’eau"])
def test_signs_within_words_end_no_clause(word: str) -> None:
    assert pieces(every(0.01, "So.", word, " a", " b")) == ["So.", f"{word} a b"]


@pytest.mark.parametrize("end", ["。", "？", "!", "…", ";", "\n"])
def test_clauses_end_alike_in_all_languages(end: str) -> None:
    assert pieces(every(0.01, "So.", "a", end, "b")) == ["So.", f"a{end}", "b"]


def test_what_was_written_before_an_error_comes_before_it() -> None:
    assert pieces(every(0.01, "So.", " a", " b"), error=True) == ["So.", " a b", "!"]


@given(st.lists(st.tuples(st.floats(0, 0.2), st.text(alphabet="ab ,.'", max_size=4))), st.booleans())
def test_nothing_is_lost(steps: list[tuple[float, str]], error: bool) -> None:
    at, written = 0.0, []
    for step, text in steps:
        at += step
        written.append((at, text))
    came = pieces(written, error=error)
    assert "".join(came) == "".join(text for _, text in steps) + ("!" if error else "")
