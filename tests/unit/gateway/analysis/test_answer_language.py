"""What a model writes in English is not shown to learners of another language."""

from __future__ import annotations

import json

import pytest

from gateway.analysis.answer_language import check_of
from gateway.analysis.answers import FeedbackAnswer
from gateway.analysis.document import Correction, Grammar
from gateway.analysis.explanations import explain
from gateway.analysis.feedback import presentable
from gateway.analysis.feedback_examples import EXAMPLES
from gateway.history import LearnerTurn, Turn
from tests.support.scripted_analysis import FEEDBACK, ScriptedLlm, run

ENGLISH = (
    "You talked about the market and your friends. You did well.",
    "Practise the simple past.",
    "You use no in place of not.",
    "I did not know María in Sevilla.",
)
OTHERS = {
    "es": ("Hablaste del mercado y de tus amigos.", "Practica el pasado.", "El lugar se dice con estar.", "Muy bien."),
    "fr": ("Tu as parlé du marché.", "Lis un texte simple.", "L'âge se dit avec avoir.", "Parle plus."),
    "it": ("Hai parlato del mercato.", "Studia i verbi al passato.", "Bravo, parli bene."),
    "pt": ("Você falou do mercado.", "Pratique o passado.", "Um estado se diz com estar."),
    "de": ("Du hast über den Markt gesprochen.", "Übe das Perfekt.", "Der Artikel ist die."),
    "nl": ("Je sprak over de markt.", "Oefen de verleden tijd.", "Bij gaan gebruik je zijn."),
    "hi": ("आपने बाज़ार के बारे में बात की।", "बीते समय का अभ्यास करें।"),
    "ja": ("市場と友達について話しました。", "過去形を練習しましょう。", "場所には「で」を使います。"),
    "zh": ("你谈到了市场和朋友。", "练习说过去的事。"),
    "pt-BR": ("Você fala muito bem.",),
}
HEARD: list[Turn] = [LearnerTurn(turn_id="l1", text="Ayer fui al mercado con mi hermana.", started_s=3, duration_s=4)]
SPANISH = {
    "summary": "Hablaste del mercado. Contaste una historia clara.",
    "next_steps": ["Practica el pasado.", "Habla un poco más."],
    "cefr": "A2",
    "cefr_because": "Son frases cortas sobre cosas de cada día.",
}


@pytest.mark.parametrize("language", OTHERS)
async def test_english_is_told_from_the_language(language: str) -> None:
    is_in_language = await check_of(language)
    assert [text for text in OTHERS[language] if not is_in_language(text)] == []
    assert [text for text in ENGLISH if is_in_language(text)] == []


@pytest.mark.parametrize("language", ["en", "en-GB", "cy", ""])
async def test_everything_is_accepted_where_nothing_can_be_compared(language: str) -> None:
    is_in_language = await check_of(language)
    assert is_in_language("You talked about the market.")


async def test_feedback_in_english_is_asked_for_once_more() -> None:
    analysis = await run(llm := ScriptedLlm(feedback=(FEEDBACK, SPANISH)), HEARD, language="es")
    assert llm.asked.count("FeedbackAnswer") == 2
    assert analysis.summary == SPANISH["summary"]
    assert list(analysis.next_steps) == SPANISH["next_steps"]


async def test_a_part_in_english_is_left_out() -> None:
    mixed = {**SPANISH, "next_steps": [*FEEDBACK["next_steps"], "Habla un poco más."]}
    analysis = await run(ScriptedLlm(feedback=(mixed,)), HEARD, language="es")
    assert list(analysis.next_steps) == ["Habla un poco más."]
    analysis = await run(ScriptedLlm(feedback=(FEEDBACK,)), HEARD, language="es")
    assert analysis.summary is None
    assert {"summary", "next_steps"} <= set(analysis.unavailable)


async def test_a_reason_is_in_the_language_that_was_asked_for() -> None:
    wrong = Correction(turn_id="l1", sentence="I go there.", original="go", corrected="went", why="", by="model")
    grammar = Grammar(corrections=(wrong, wrong.model_copy()), words_checked=3, corrections_per_100_words=None)
    reasons = {"reasons": ["Use the past tense.", "Ya pasó, por eso es el pasado."]}
    told = await explain(
        grammar, ScriptedLlm(reasons=(reasons,)), level="beginner", language="en", told_in="es", timeout_s=5
    )
    assert [one.why for one in told.corrections] == ["", "Ya pasó, por eso es el pasado."]


async def test_the_question_ends_in_the_language_itself() -> None:
    await run(llm := ScriptedLlm(feedback=(SPANISH,)), HEARD, language="es")
    assert llm.questions[-1][-1].content.endswith("Escribe en español.")


@pytest.mark.parametrize("language", EXAMPLES)
async def test_the_example_of_feedback_is_in_the_language_and_could_be_shown(language: str) -> None:
    answer = FeedbackAnswer.model_validate(EXAMPLES[language].answer)
    shown = presentable(answer, [], await check_of(language))
    assert shown is not None
    assert (shown.summary, list(shown.next_steps)) == (answer.summary, answer.next_steps)
    assert shown.impression is not None


async def test_the_example_comes_before_the_question_and_is_not_shown_as_feedback() -> None:
    copied = EXAMPLES["es"].answer
    analysis = await run(llm := ScriptedLlm(feedback=(copied,)), HEARD, language="es-MX")
    assert json.loads(llm.questions[-1][-2].content)["summary"] == copied["summary"]
    assert analysis.summary is None
    await run(llm := ScriptedLlm(), HEARD, language="en")
    assert [message.role for message in llm.questions[-1]] == ["system", "user"]
