"""What the language model is asked at the end of a conversation.

A few questions, each with a few hundred tokens of conversation at most, so that a small model's context holds them.
What was said is data, not instruction: it stands between tags, and no tag can be written inside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.analysis.sentences import one_line
from gateway.history import LearnerTurn, Level, SessionScenario, Turn
from gateway.ports import ChatMessage

_MAX_WORDS = 250
_MAX_BYTES = 2400  # of UTF-8: 600 tokens of English, up to 1,000 of a script that a tokenizer knows badly


@dataclass(frozen=True, slots=True)
class Language:
    """The name by which a model knows a language, and one mistake of a learner in it: wrong, right, why."""

    name: str
    wrong: str
    right: str
    why: str


_LANGUAGES = {
    "en": Language("English", "She don't like it", "She doesn't like it", "With he, she and it, use doesn't."),
    "de": Language("German", "Ich habe gegangen", "Ich bin gegangen", "Das Perfekt von gehen bildet man mit sein."),
    "fr": Language("French", "Je suis 20 ans", "J'ai 20 ans", "L'âge se dit avec avoir."),
    "es": Language("Spanish", "Yo soy en casa", "Yo estoy en casa", "El lugar se dice con estar."),
    "it": Language("Italian", "Ho andato a casa", "Sono andato a casa", "Il passato di andare si forma con essere."),
    "pt": Language("Portuguese", "Eu sou com fome", "Eu estou com fome", "Um estado se diz com estar."),
    "nl": Language("Dutch", "Ik heb gegaan", "Ik ben gegaan", "Bij gaan gebruik je zijn."),
}

_MISTAKES: dict[Level, str] = {
    "beginner": "Only the mistakes that matter most: verb forms, word order, missing words. Use very easy words.",
    "intermediate": "Mistakes in verbs, articles, prepositions and word order. Use clear, simple words.",
    "advanced": "Every mistake in grammar, and words that a native speaker would not choose here.",
}
_STYLE: dict[Level, str] = {
    "beginner": "Use very short sentences and very easy words.",
    "intermediate": "Use short, clear sentences.",
    "advanced": "Be precise.",
}


def language_named(tag: str) -> Language:
    """What is known of the language of a BCP-47 tag; the tag itself stands for the name of one that is not listed."""
    known = _LANGUAGES.get(tag.partition("-")[0].lower())
    return known or Language(f"the language '{one_line(tag)[:20]}'", *_example(_LANGUAGES["en"]))


def _example(language: Language) -> tuple[str, str, str]:
    return language.wrong, language.right, language.why


def grammar_question(lines: Sequence[str], *, level: Level, language: str) -> list[ChatMessage]:
    """Which mistakes are in `lines`, the learner's? The answer is a `CorrectionsAnswer`."""
    known = language_named(language)
    system = (
        f"You are a kind teacher of {known.name}. You correct what a {level} learner said aloud.\n"
        f"{_MISTAKES[level]} Ignore punctuation, capital letters, um and uh.\n"
        f"Copy `original` word for word from the learner's text. Keep it short. Correct as little as needed.\n"
        f"Explain `why` in {known.name}, in one short sentence.\n"
        'Answer in JSON. If there are no mistakes: {"corrections": []}'
    )
    shown = {"corrections": [{"original": known.wrong, "corrected": known.right, "why": known.why}]}
    return [
        ChatMessage("system", system),
        ChatMessage("user", _tagged("learner", [known.wrong])),
        ChatMessage("assistant", json.dumps(shown, ensure_ascii=False)),
        ChatMessage("user", _tagged("learner", lines)),
    ]


def feedback_question(turns: Sequence[Turn], facts: Sequence[str], *, level: Level, language: str) -> list[ChatMessage]:
    """How did it go, what comes next? facts: measured, a sentence each. The answer is a `FeedbackAnswer`."""
    known = language_named(language)
    system = (
        f"You are a kind teacher of {known.name}. A {level} learner has just talked with a partner.\n"
        f"Write to the learner as 'you', in {known.name}. {_STYLE[level]}\n"
        "Answer in JSON with these fields:\n"
        "summary: two or three sentences: what you talked about, and what the learner did well.\n"
        "next_steps: three things to practise next, a short sentence each.\n"
        "cefr: the level of the learner's speech: A1, A2, B1, B2, C1 or C2.\n"
        "cefr_because: one short sentence: what in the learner's words shows that level."
    )
    user = (
        _tagged("conversation", last_words(_lines(turns)))
        + "\n"
        + _tagged("measured", facts)
        + "\nThe text above is the conversation that has ended, and what was measured. Write the feedback as JSON."
    )
    return [ChatMessage("system", system), ChatMessage("user", user)]


def goals_question(turns: Sequence[Turn], scenario: SessionScenario, tasks: Mapping[str, str]) -> list[ChatMessage]:
    """Which tasks of the scenario did the learner do? tasks: name → task. The answer has a boolean for each name."""
    system = (
        f"In a role play, the learner is {scenario.learner}, and the partner is {scenario.partner}.\n"
        "You judge which tasks the learner has done. Only the learner's own words count.\n"
        f"Answer in JSON with these fields, each true or false: {', '.join(tasks)}."
    )
    user = (
        _tagged("conversation", last_words(_lines(turns)))
        + "\n"
        + _tagged("tasks", [f"{name}: {task}" for name, task in tasks.items()])
        + "\nFor each task: did the learner do it? Answer in JSON."
    )
    return [ChatMessage("system", system), ChatMessage("user", user)]


def _lines(turns: Sequence[Turn]) -> list[str]:
    return [f"{'Learner' if isinstance(turn, LearnerTurn) else 'Partner'}: {turn.text}" for turn in turns]


def last_words(texts: Sequence[str], *, max_words: int = _MAX_WORDS, max_bytes: int = _MAX_BYTES) -> list[str]:
    """The end of what was said: the last lines, the first of them perhaps cut, within both bounds."""
    kept: list[str] = []
    for text in reversed(texts):
        words: list[str] = []
        for word in reversed(one_line(text).split()):
            max_words -= 1
            max_bytes -= len(word.encode(errors="replace")) + 1
            if max_words < 0 or max_bytes < 0:
                break
            words.append(word)
        if words:
            kept.append(" ".join(reversed(words)))
        if max_words < 0 or max_bytes < 0:
            break
    return kept[::-1]


def _tagged(tag: str, lines: Sequence[str]) -> str:
    inside = "\n".join(one_line(line).replace("<", "‹").replace(">", "›") for line in lines)
    return f"<{tag}>\n{inside}\n</{tag}>"
