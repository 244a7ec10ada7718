"""The corrections of the analysis, with scripted models: only those that can be checked are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from gateway.analysis.grammar import Sentence, edits, pieces_of, sentences_said, spread
from gateway.history import LearnerTurn, PartnerTurn, Turn
from tests.support.scripted_analysis import (
    Reply,
    ScriptedLlm,
    corrected,
    run,
    stages_of,
    typed,
)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        pytest.param("I like green tea.", "He goes to school every morning.", id="another sentence"),
        pytest.param("I like green tea very much.", "I like green", id="cut short"),
        pytest.param("We also went there.", "We also bought a", id="no end"),
        pytest.param("I like tea.", "", id="nothing"),
        pytest.param("I like tea.", "I like tea, I like tea, I like tea.", id="a loop"),
        pytest.param("I like tea.", "I like tea. It is hot. It is good. Do you like it?", id="goes on and on"),
        pytest.param("I like tea.", "I like tea because it has been my favourite for many years.", id="much added"),
        pytest.param("I like it.", "The sentence has no mistakes.", id="about the sentence"),
    ],
)
async def test_a_rewriting_that_is_another_sentence_is_not_believed(said: str, answer: str) -> None:
    turns = typed("Yesterday I goes home.", said)
    analysis = await run(ScriptedLlm(corrections=(corrected("Yesterday I went home.", answer),)), turns)
    assert [one.corrected for one in analysis.grammar.corrections] == ["went"]
    assert analysis.grammar.words_checked == 4
    alone = await run(llm := ScriptedLlm(corrections=(corrected(answer),)), turns[1:])
    assert alone.grammar.corrections == ()
    assert alone.grammar.corrections_per_100_words is None
    assert alone.unavailable["grammar"]
    assert llm.asked.count("CorrectionsAnswer") == 2


async def test_changes_that_stand_together_are_one_correction_and_bring_a_neighbour_if_need_be() -> None:
    said = "I have went to cinema yesterday with my friend, and it was good film."
    right = "I went to the cinema yesterday with my friend, and it was a good film."
    analysis = await run(ScriptedLlm(corrections=(corrected(right),)), typed(said))
    assert [(one.original, one.corrected) for one in analysis.grammar.corrections] == [
        ("have went", "went"),
        ("cinema", "the cinema"),
        ("good", "a good"),
    ]


async def test_capitals_and_punctuation_are_no_mistakes() -> None:
    turns = typed("well i like tea and you.")
    analysis = await run(ScriptedLlm(corrections=(corrected("Well, I like tea, and you."),)), turns)
    assert analysis.grammar.corrections == ()
    assert analysis.grammar.corrections_per_100_words == 0


@pytest.mark.parametrize(
    ("said", "written", "found"),
    [
        ("I can not go, and I do not want to.", "I can't go, and I don't want to.", []),
        ("I'm here and he won't come.", "I am here and he will not come.", []),
        ("We can not see it, and I likes it.", "We can't see it, and I like it.", [("likes", "like")]),
        ("He do not know.", "He does not know.", [("He do not", "He doesn't")]),
        ("My name's Ana and she's here.", "My name is Ana and she is here.", []),
        ("He's been there. Let's go!", "He has been there. Let us go!", []),
        ("It's my brothers car.", "It's my brother's car.", [("brothers", "brother's")]),
        ("My mother is name is Ana.", "My mother's name is Ana.", [("mother is", "mother's")]),
    ],
)
async def test_a_contraction_or_a_hyphen_is_no_correction(
    said: str, written: str, found: list[tuple[str, str]]
) -> None:
    analysis = await run(ScriptedLlm(corrections=(corrected(written),)), typed(said))
    assert [(one.original, one.corrected) for one in analysis.grammar.corrections] == found


async def test_the_same_correction_is_shown_once_counts_each_time_and_the_number_is_bounded() -> None:
    turns = typed(*["I likes tea."] * 3, *(f"He likes {word} a lot of." for word in "abcdefgh"))
    answers = [corrected("I like tea.", "I like tea.", "I like tea.", *(f"He likes {w} a lot." for w in "abc"))]
    answers.append(corrected(*(f"He likes {w} a lot." for w in "defgh")))
    analysis = await run(ScriptedLlm(corrections=answers), turns)
    assert [one.original for one in analysis.grammar.corrections] == ["likes", "lot of"]
    assert analysis.grammar.corrections_per_100_words == round(11 * 100 / (3 * 3 + 8 * 6), 1)


async def test_all_of_a_long_conversation_is_looked_at_in_small_pieces() -> None:
    turns: list[Turn] = []
    for number in range(100):
        turns.append(PartnerTurn(turn_id=f"p{number}", text="And?", generated_text="And?", started_s=number))
        turns += typed(f"My holiday number {number} was very nice and warm.")
    said = [turn.text for turn in turns if isinstance(turn, LearnerTurn)]

    def answers() -> Iterator[Reply]:
        for piece in asked_for(turns):
            yield corrected(*piece)

    llm = ScriptedLlm(corrections=list(answers()))
    stages = await stages_of(llm, turns)
    questions = [question[-1].content for question in llm.questions]
    shown = [text for text in said if any(text in question for question in questions)]
    assert shown == said
    assert stages[-1].analysis.grammar.words_checked == 900
    assert llm.asked.count("NoteAnswer") > 1
    assert "You told me about your holidays." in questions[-1]
    assert all(sum(len(m.content.encode()) for m in question) < 4500 for question in llm.questions)
    assert len(stages) == stages[0].total + 1 == 17 + 3 + 1


def asked_for(turns: Sequence[Turn]) -> list[list[str]]:
    """The sentences of each question for corrections, in the order of the questions."""
    sentences = sentences_said(turns)
    return [[sentences[number].text for number in piece] for piece in spread(pieces_of(sentences))]


async def test_when_time_runs_out_what_was_checked_so_far_is_kept() -> None:
    turns = typed(*(f"I likes tea number {number}." for number in range(12)))
    first = corrected(*(f"I like tea number {number}." for number in range(6)))
    analysis = await run(ScriptedLlm(corrections=(first, None)), turns, timeout_s=0.4)
    assert analysis.grammar.words_checked == 30
    assert "grammar" not in analysis.unavailable
    assert analysis.summary


@pytest.mark.parametrize("why", ["You need a big feast to", "too " * 40 + "much.", "", "?!"])
async def test_a_reason_that_is_no_sentence_is_left_out_and_the_correction_stands(why: str) -> None:
    analysis = await run(ScriptedLlm(reasons=({"reasons": [why]},)))
    assert (analysis.grammar.corrections[0].corrected, analysis.grammar.corrections[0].why) == ("went", "")


async def test_no_mistakes_is_an_answer() -> None:
    turns = typed("I like tea.")
    analysis = await run(llm := ScriptedLlm(corrections=(corrected("I like tea."),)), turns)
    assert "grammar" not in analysis.unavailable
    assert analysis.grammar.corrections_per_100_words == 0
    assert llm.asked.count("CorrectionsAnswer") == 1


def test_a_corrected_passage_occurs_once_in_its_sentence() -> None:
    sentence = Sentence("I have a idea, and a apple is not a idea.", "t")
    found = list(edits(sentence, "I have an idea, and an apple is not an idea."))
    assert [(one.original, one.corrected) for one in found] == [
        ("have a idea", "have an idea"),
        ("a apple", "an apple"),
        ("not a idea", "not an idea"),
    ]
    assert all(sentence.text.count(one.original) == 1 for one in found)
