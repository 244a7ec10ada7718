"""Corrections by a small model that was trained to correct English sentences."""

from __future__ import annotations

import pytest

from common.errors import BusyError, InvalidInputError, UnavailableError
from gateway.analysis.answers import NoAnswerError
from gateway.analysis.grammar import PIECE_SENTENCES, can_be_asked, rewrite
from gateway.analysis.trained_corrections import LEAST_CERTAINTY, SYSTEM
from gateway.ports import ChatMessage, Rewriting
from tests.support.scripted_analysis import ScriptedLlm, run, stages_of, typed

SISTER = "My sister bring me soup."
RIGHT = Rewriting("My sister brings me soup.", 0.9)


def trained(answer: Rewriting | Exception | None = RIGHT) -> ScriptedLlm:
    """A model that gives this answer for SISTER, and leaves other sentences as they are."""
    return ScriptedLlm(is_small=True, is_trained_to_correct=True, rewritten={SISTER: answer})


async def test_it_gets_one_sentence_at_a_time_as_in_its_training() -> None:
    llm = trained()
    assert await rewrite(["I like tea.", SISTER], llm, language="en-GB", timeout_s=1) == [
        "I like tea.",
        "My sister brings me soup.",
    ]
    assert [list(question) for question in llm.questions] == [
        [ChatMessage("system", SYSTEM), ChatMessage("user", sentence)] for sentence in ("I like tea.", SISTER)
    ]


@pytest.mark.parametrize(
    ("is_small", "is_trained", "language", "is_asked"),
    [
        (True, True, "en-US", True),
        (True, True, "es", False),
        (True, False, "en", False),
        (False, False, "es", True),
    ],
)
def test_a_small_model_is_asked_in_the_language_of_its_training(
    language: str, *, is_small: bool, is_trained: bool, is_asked: bool
) -> None:
    llm = ScriptedLlm(is_small=is_small, is_trained_to_correct=is_trained)
    assert can_be_asked(llm, language) is is_asked


async def test_the_analysis_has_its_corrections_and_no_other_text_of_it() -> None:
    turns = typed(SISTER, *(f"The number {number} is green." for number in range(12)))
    stages = await stages_of(llm := trained(), turns)
    analysis = stages[-1].analysis
    (found,) = analysis.grammar.corrections
    assert (found.original, found.corrected, found.by) == ("bring", "brings", "model")
    assert found.why == "For one person or thing, the verb is “brings”."
    assert found.why_code is not None
    assert (found.why_code.code, found.why_code.values) == ("for_one", {"form": "brings"})
    assert analysis.grammar.words_checked == 5 + 12 * 5
    assert "grammar" not in analysis.unavailable
    assert set(llm.asked) == {"sentence"}
    assert (analysis.summary, analysis.next_steps, analysis.pending) == (None, (), ())
    assert "too small" in analysis.unavailable["summary"]
    pieces = -(-13 // PIECE_SENTENCES)
    assert [stage.done for stage in stages] == list(range(pieces + 2))
    assert stages[0].total == pieces + 1


@pytest.mark.parametrize(
    ("answer", "words_checked"),
    [
        (Rewriting("Soup is good for you, my friend.", 1.0), 3),  # another sentence
        (Rewriting("My sisters bring me soup.", LEAST_CERTAINTY - 0.01), 3),  # the model is not sure
        (Rewriting(SISTER, 1.0), 3 + 5),
    ],
)
async def test_only_what_is_believed_counts_as_checked(answer: Rewriting, words_checked: int) -> None:
    analysis = await run(trained(answer), typed(SISTER, "I like tea."))
    assert analysis.grammar.corrections == ()
    assert analysis.grammar.words_checked == words_checked


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (UnavailableError("LLM: gone"), "The language model failed: LLM: gone"),
        (InvalidInputError("adapter: there is no 'smollm2-corrections'"), "too small to find mistakes"),
        (None, "did not answer in time"),
    ],
)
async def test_if_it_fails_the_rules_corrections_stay_and_the_reason_is_told(
    failure: Exception | None, reason: str
) -> None:
    analysis = await run(trained(failure), typed(SISTER, "We buyed bread."), timeout_s=0.2)
    assert [one.corrected for one in analysis.grammar.corrections] == ["bought"]
    assert reason in analysis.unavailable["grammar"]


async def test_what_was_checked_before_a_failure_is_kept() -> None:
    analysis = await run(trained(UnavailableError("LLM: gone")), typed("I like tea.", SISTER), timeout_s=0.2)
    assert analysis.grammar.words_checked == 3
    assert "grammar" not in analysis.unavailable


async def test_the_analysis_asks_again_after_it_gave_way_to_a_learners_reply() -> None:
    llm = trained()
    llm.busy = 2
    analysis = await run(llm, typed(SISTER))
    assert [one.corrected for one in analysis.grammar.corrections] == ["brings"]
    assert llm.asked == ["sentence"] * 3


async def test_a_check_that_gives_way_does_not_wait() -> None:
    llm = trained(BusyError("LLM: busy"))
    with pytest.raises(NoAnswerError):
        await rewrite([SISTER], llm, language="en", timeout_s=60, gives_way=True)
    assert llm.asked == ["sentence"]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("She wants to learn English.", [("want", "wants to", "model")]),
        ("She wants learn English.", [("She want", "She wants", "rule")]),
        ("She want to learn English.", [("She want", "She wants", "rule"), ("learn", "to learn", "model")]),
    ],
)
async def test_the_model_may_mend_more_than_a_rule(written: str, found: list[tuple[str, str, str]]) -> None:
    said = "She want learn English."
    llm = ScriptedLlm(is_small=True, is_trained_to_correct=True, rewritten={said: Rewriting(written, 1.0)})
    analysis = await run(llm, typed(said))
    assert [(one.original, one.corrected, one.by) for one in analysis.grammar.corrections] == found
