"""What the language model adds to the analysis, with scripted models: only what can be checked is shown."""

from __future__ import annotations

import pytest

from gateway.analysis import analyse
from gateway.history import PartnerTurn, Turn
from tests.support.scripted_analysis import (
    FEEDBACK,
    TURNS,
    ScriptedLlm,
    run,
    typed,
)


async def test_a_good_model_fills_every_part() -> None:
    analysis = await run(llm := ScriptedLlm())
    assert analysis.summary == FEEDBACK["summary"]
    assert list(analysis.next_steps) == FEEDBACK["next_steps"]
    assert set(analysis.unavailable) == {"cefr", "fillers"}  # too few words for cefr; no fillers were written down
    assert analysis.pending == ()
    found = [(one.original, one.corrected, one.why, one.by, one.turn_id) for one in analysis.grammar.corrections]
    assert found == [
        ("go", "went", "The morning is over, so use the past.", "model", "l1"),
        ("She don't", "She doesn't", "After he, she and it, it is “doesn't”.", "rule", "l1"),
        ("buyed", "bought", "The verb is irregular: its past tense is “bought”.", "rule", "l2"),
    ]
    assert analysis.grammar.corrections[0].sentence == "Today I go to the market."
    assert analysis.grammar.words_checked == 15
    assert analysis.grammar.corrections_per_100_words == 20
    assert analysis.cefr.evidence[-1] == ("The language model's impression: A2. Short sentences about everyday things.")
    assert llm.asked == ["CorrectionsAnswer", "ReasonsAnswer", "FeedbackAnswer"]
    assert analysis.conversation.model_dump() == {
        "language": "en",
        "level": "beginner",
        "duration_s": 12.5,
        "learner_turns": 2,
        "typed_turns": 1,
        "partner_turns": 1,
        "interruptions": 0,
    }


async def test_the_measured_parts_come_first_and_the_rest_part_by_part() -> None:
    stages = analyse(TURNS, level="beginner", language="en", duration_s=12.5, llm=(llm := ScriptedLlm()))
    first = await anext(stages)
    assert llm.asked == []
    assert first.analysis.fluency.words == 10
    assert first.analysis.pending == ("grammar", "cefr", "summary", "next_steps", "meanings")
    assert [one.by for one in first.analysis.grammar.corrections] == ["rule", "rule"]
    assert not first.analysis.unavailable.keys() & set(first.analysis.pending)
    rest = [stage async for stage in stages]
    done = [first.done, *(stage.done for stage in rest)]
    assert done == sorted(set(done))
    assert done[0] == 0
    assert done[-1] == first.total == rest[-1].total
    left = [len(stage.analysis.pending) for stage in (first, *rest)]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0


async def test_the_advice_is_asked_for_with_facts_and_corrections_at_hand() -> None:
    await run(llm := ScriptedLlm())
    question = llm.questions[-1][-1].content
    assert "Mistake: go → went" in question
    assert "15 words" in question


async def test_a_model_that_is_small_is_asked_nothing() -> None:
    heard = PartnerTurn(turn_id="p", text="It is a delicious village.", generated_text="", started_s=0)
    analysis = await run(llm := ScriptedLlm(is_small=True), [heard, *TURNS])
    assert llm.asked == []
    assert (analysis.summary, analysis.next_steps, analysis.pending) == (None, (), ())
    assert "too small" in analysis.unavailable["summary"]
    assert "too small" in analysis.unavailable["next_steps"]
    assert [(one.original, one.by) for one in analysis.grammar.corrections] == [
        ("She don't", "rule"),
        ("buyed", "rule"),
    ]
    assert analysis.grammar.words_checked == 0
    assert analysis.grammar.corrections_per_100_words is None
    assert "too small to find mistakes" in analysis.unavailable["grammar"]
    assert "too small" in analysis.unavailable["meanings"]
    assert analysis.vocabulary.words_to_learn


async def test_no_level_is_named_where_mistakes_could_not_be_found() -> None:
    turns = typed(*(f"I not understand the number {number} of the houses." for number in range(12)))
    for llm in (ScriptedLlm(is_small=True), ScriptedLlm(corrections=("no idea",))):
        analysis = await run(llm, turns)
        assert (analysis.cefr.estimate, analysis.cefr.confidence) == (None, None)
        assert "mistakes count" in analysis.unavailable["cefr"]


@pytest.mark.parametrize(
    ("meaning", "is_shown"),
    [
        ("Very good to eat.", True),
        ("Something that is delicious.", False),  # uses the word itself
        ("Very good to", False),  # breaks off
        ("Gastronomically sublime.", False),  # uses a harder word
        ("It is a delicious village.", False),  # repeats the sentence
        ("Good food, good food, good food, good food.", False),
        ("1. Very good to eat.", True),
    ],
)
async def test_a_word_has_a_meaning_only_if_it_helps(meaning: str, *, is_shown: bool) -> None:
    heard = "It was a delicious thing."
    turns: list[Turn] = [PartnerTurn(turn_id="p", text=heard, generated_text=heard, started_s=0), *TURNS]
    analysis = await run(ScriptedLlm(meanings=({"meanings": [meaning]},)), turns)
    (word,) = analysis.vocabulary.words_to_learn
    assert word.word == "delicious"
    assert word.meaning == (meaning.removeprefix("1. ") if is_shown else None)
    assert ("meanings" in analysis.unavailable) is not is_shown


async def test_half_of_the_feedback_is_better_than_none() -> None:
    analysis = await run(ScriptedLlm(feedback=({**FEEDBACK, "next_steps": ["", "Why?", "no no no no no no."]},)))
    assert analysis.summary
    assert set(analysis.unavailable) == {"next_steps", "cefr", "fillers"}


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        ("Practise the simple past.", "Practise the simple past."),
        ("1. Practise the simple past.", "Practise the simple past."),
        ("- Practise the\nsimple past.", "Practise the simple past."),
        ("Practise the simple past", None),
        ("1. Practise the past. 2. Read more books.", None),
        ("Practise a lot. Practise a lot.", None),
        ("I'm glad to meet you, I'm glad to see you, I'm glad to hear you.", None),
        ("Do you want to practise?", None),
    ],
)
async def test_a_next_step_is_a_whole_sentence_without_a_number(step: str, shown: str | None) -> None:
    analysis = await run(ScriptedLlm(feedback=({**FEEDBACK, "next_steps": [step]},)))
    assert list(analysis.next_steps) == ([shown] if shown else [])


async def test_a_summary_ends_with_its_last_whole_sentence() -> None:
    cut = "You talked about the market.\n\x07You told a clear story. We also bought a"
    analysis = await run(ScriptedLlm(feedback=({**FEEDBACK, "summary": cut},)))
    assert analysis.summary == "You talked about the market. You told a clear story."
    loop = "You said a great many things, one after the other. "
    analysis = await run(ScriptedLlm(feedback=({**FEEDBACK, "summary": loop * 2},)))
    assert analysis.summary is None
