"""The questions to the language model at the end of a conversation.

Each question holds at most 1,000 tokens of conversation (600 in English), so that it fits into a short context.
The learner's words are data, not instructions: they stand between tags, and no tag can be written inside them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.languages import base
from gateway.analysis.feedback_examples import EXAMPLES, FeedbackExample
from gateway.analysis.sentences import one_line
from gateway.history import LearnerTurn, Level, SessionScenario, Turn
from gateway.languages.names import language_name
from gateway.ports import ChatMessage

_MAX_WORDS = 250
MAX_PIECES = 20
_MAX_BYTES = 2400  # bytes of UTF-8: 600 tokens of English, up to 1,000 in scripts that tokenizers split finely


@dataclass(frozen=True, slots=True)
class Language:
    """A language's name for the model, and one mistake of a learner in it: wrong, right, why.

    more: other sentences of learners with their corrections; some are right already. word, word_in, meaning: a word, a
    sentence with it, and what it means there. write_in: tells the model, in this language, to write in it.
    """

    name: str
    wrong: str
    right: str
    why: str
    more: tuple[tuple[str, str], ...] = ()
    word: str = ""
    word_in: str = ""
    meaning: str = ""
    write_in: str = ""

    @property
    def corrected(self) -> list[tuple[str, str]]:
        """Examples of corrections."""
        return [(f"{self.wrong}.", f"{self.right}."), (f"{self.right}.", f"{self.right}."), *self.more]


_MORE_ENGLISH = (
    (
        "Yesterday I go to market and buyed many vegetable for cook the dinner.",
        "Yesterday I went to the market and bought many vegetables to cook dinner.",
    ),
    ("The movie was so funny that we laughed all evening.", "The movie was so funny that we laughed all evening."),
    (
        "People which lives in big citys has more oportunities that people of the country.",
        "People who live in big cities have more opportunities than people in the country.",
    ),
)
_LANGUAGES = {
    "en": Language(
        "English",
        "She don't like it",
        "She doesn't like it",
        "With he, she and it, use doesn't.",
        _MORE_ENGLISH,
        "purchase",
        "She will purchase a house next year.",
        "To buy something.",
    ),
    "de": Language(
        "German",
        "Ich habe gegangen",
        "Ich bin gegangen",
        "Das Perfekt von gehen bildet man mit sein.",
        write_in="Schreib auf Deutsch.",
    ),
    "fr": Language(
        "French", "Je suis 20 ans", "J'ai 20 ans", "L'âge se dit avec avoir.", write_in="Écris en français."
    ),
    "es": Language(
        "Spanish", "Yo soy en casa", "Yo estoy en casa", "El lugar se dice con estar.", write_in="Escribe en español."
    ),
    "it": Language(
        "Italian",
        "Ho andato a casa",
        "Sono andato a casa",
        "Il passato di andare si forma con essere.",
        write_in="Scrivi in italiano.",
    ),
    "ja": Language(
        "Japanese",
        "公園を友達と会いました",
        "公園で友達と会いました",
        "動作をする場所には「で」を使います。",
        write_in="日本語で書いてください。",
    ),
    "pt": Language(
        "Portuguese",
        "Eu sou com fome",
        "Eu estou com fome",
        "Um estado se diz com estar.",
        write_in="Escreve em português.",
    ),
    "nl": Language(
        "Dutch", "Ik heb gegaan", "Ik ben gegaan", "Bij gaan gebruik je zijn.", write_in="Schrijf in het Nederlands."
    ),
    "zh": Language("Chinese", "我有二个姐姐", "我有两个姐姐", "量词前面用“两”。", write_in="请用中文写。"),
}

_STYLE: dict[Level, str] = {
    "beginner": "Use very short sentences and very easy words.",
    "intermediate": "Use short, clear sentences.",
    "advanced": "Be precise.",
}


def language_named(tag: str) -> Language:
    """The entry for a BCP-47 tag. An unlisted language gets an entry with English examples."""
    known = _LANGUAGES.get(base(tag))
    return known or Language(language_name(one_line(tag)[:20]), *_example(_LANGUAGES["en"]))


def _example(language: Language) -> tuple[str, str, str]:
    return language.wrong, language.right, language.why


def corrections_question(sentences: Sequence[str], *, language: str) -> list[ChatMessage]:
    """Asks for each of these sentences without its mistakes. The answer is a `CorrectionsAnswer`."""
    known = language_named(language)
    system = (
        f"You are a teacher of {known.name}. You correct the sentences of a learner.\n"
        "Write each sentence again, without mistakes in grammar, spelling and choice of words. Keep its meaning. "
        "Change as little as possible; a sentence without mistakes stays as it is.\n"
        'Answer in JSON: {"corrected": [the sentences, in order]}'
    )
    wrong, right = zip(*known.corrected, strict=True)
    return [
        ChatMessage("system", system),
        ChatMessage("user", _tagged("learner", wrong)),
        ChatMessage("assistant", json.dumps({"corrected": right}, ensure_ascii=False)),
        ChatMessage("user", _tagged("learner", sentences)),
    ]


def reasons_question(
    corrections: Sequence[tuple[str, str]], *, level: Level, language: str, told_in: str = ""
) -> list[ChatMessage]:
    """Asks for the reason for each correction, a (wrong, right) pair. The answer is a `ReasonsAnswer`.

    told_in: the language of the reasons; empty: `language`. If it differs from `language`, the question
    contains no example.
    """
    known = language_named(language)
    explains_in = language_name(told_in) if told_in else known.name
    system = (
        f"You are a kind teacher of {known.name}. A {level} learner made mistakes, and you have corrected them.\n"
        f"Explain each correction in {explains_in}, in one sentence of at most 12 words. {_STYLE[level]}\n"
        'Answer in JSON: {"reasons": [a sentence for each, in order]}'
    )
    example = [
        ChatMessage("user", _tagged("corrections", [f"{known.wrong} → {known.right}"])),
        ChatMessage("assistant", json.dumps({"reasons": [known.why]}, ensure_ascii=False)),
    ]
    return [
        ChatMessage("system", system),
        *(example if explains_in == known.name else ()),
        ChatMessage("user", _tagged("corrections", [f"{wrong} → {right}" for wrong, right in corrections])),
    ]


def meanings_question(words: Sequence[tuple[str, str]], *, level: Level, language: str) -> list[ChatMessage]:
    """Asks what each word means in its sentence. words: (word, sentence). The answer is a `MeaningsAnswer`."""
    known = language_named(language)
    system = (
        f"You write a dictionary of {known.name} for {level} learners. {_STYLE[level]}\n"
        f"Say what each word means in its sentence: in {known.name}, in at most 10 words, easier than the word itself, "
        "which you do not use. End with a full stop.\n"
        'Answer in JSON: {"meanings": [a meaning for each, in order]}'
    )
    messages = [ChatMessage("system", system)]
    if known.word:
        messages += [
            ChatMessage("user", _tagged("words", [f"{known.word}: {known.word_in}"])),
            ChatMessage("assistant", json.dumps({"meanings": [known.meaning]}, ensure_ascii=False)),
        ]
    return [*messages, ChatMessage("user", _tagged("words", [f"{word}: {sentence}" for word, sentence in words]))]


def note_question(lines: Sequence[str], *, language: str) -> list[ChatMessage]:
    """Asks what this piece of the conversation is about. The answer is a `NoteAnswer`."""
    known = language_named(language)
    system = (
        f"You read a part of a conversation in {known.name}. Say in one sentence of at most 15 words, in {known.name}, "
        "what the learner told the partner.\n"
        'Answer in JSON: {"about": the sentence}'
    )
    return [
        ChatMessage("system", system),
        ChatMessage("user", f"{_tagged('conversation', lines)}\n{known.write_in}".strip()),
    ]


def feedback_question(
    turns: Sequence[Turn], facts: Sequence[str], *, level: Level, language: str, notes: Sequence[str] = ()
) -> list[ChatMessage]:
    """Asks for feedback and next steps. The answer is a `FeedbackAnswer`.

    facts: measured, one sentence each. notes: about the earlier part of the conversation; the last part is quoted.
    """
    known = language_named(language)
    system = (
        f"You are a kind teacher of {known.name}. A {level} learner has just talked with a partner.\n"
        f"Write to the learner as 'you', in {known.name}. {_STYLE[level]} Write whole sentences with full stops.\n"
        "Answer in JSON with these fields:\n"
        "summary: two sentences of at most 15 words: what you talked about, and what the learner did well.\n"
        "next_steps: three things to practise next, one sentence of at most 12 words each, without numbers.\n"
        "cefr: the level of the learner's speech: A1, A2, B1, B2, C1 or C2.\n"
        "cefr_because: one sentence of at most 12 words: what in the learner's words shows that level."
    )
    example = EXAMPLES.get(base(language))
    earlier = (_tagged("earlier", notes) + "\n") if notes else ""
    return [
        ChatMessage("system", system),
        *(_feedback_example(example, known) if example else ()),
        ChatMessage("user", earlier + _feedback_user(last_words(lines_of(turns)), facts, known)),
    ]


def _feedback_user(lines: Sequence[str], facts: Sequence[str], known: Language) -> str:
    return (
        f"{_tagged('conversation', lines)}\n{_tagged('measured', facts)}\n"
        "The text above is the conversation that has ended, and what was measured. Write the feedback as JSON. "
        + known.write_in
    ).strip()


def _feedback_example(example: FeedbackExample, known: Language) -> tuple[ChatMessage, ChatMessage]:
    lines = [f"Learner: {example.learner}", f"Partner: {example.partner}"]
    words = len(example.learner.split())
    return (
        ChatMessage("user", _feedback_user(lines, [f"The learner said {words} words."], known)),
        ChatMessage("assistant", json.dumps(example.answer, ensure_ascii=False)),
    )


def goals_question(lines: Sequence[str], scenario: SessionScenario, tasks: Mapping[str, str]) -> list[ChatMessage]:
    """Asks which tasks of the scenario the learner did in this piece of the conversation.

    tasks: name → task. The answer has a boolean for each name.
    """
    system = (
        f"In a role play, the learner is {scenario.learner}, and the partner is {scenario.partner}.\n"
        "You judge which tasks the learner has done. Only the learner's own words count.\n"
        f"Answer in JSON with these fields, each true or false: {', '.join(tasks)}."
    )
    user = (
        _tagged("conversation", lines)
        + "\n"
        + _tagged("tasks", [f"{name}: {task}" for name, task in tasks.items()])
        + "\nFor each task: did the learner do it? Answer in JSON."
    )
    return [ChatMessage("system", system), ChatMessage("user", user)]


def lines_of(turns: Sequence[Turn]) -> list[str]:
    """A line for each turn, with who said it."""
    return [f"{'Learner' if isinstance(turn, LearnerTurn) else 'Partner'}: {turn.text}" for turn in turns]


def last_words(texts: Sequence[str], *, max_words: int = _MAX_WORDS, max_bytes: int = _MAX_BYTES) -> list[str]:
    """The last lines of the conversation within both bounds. The first of these lines may be shortened."""
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


def pieces_of(turns: Sequence[Turn]) -> list[list[str]]:
    """The whole conversation in pieces, as lines. Each piece fits into a question. The last one is `last_words`.

    If there are more than MAX_PIECES, some are left out at equal intervals.
    """
    pieces: list[list[str]] = []
    rest = lines_of(turns)
    while rest and (piece := last_words(rest)):
        pieces.insert(0, piece)
        rest = rest[: len(rest) - len(piece)]
    count = min(len(pieces), MAX_PIECES)
    return [pieces[(number + 1) * len(pieces) // count - 1] for number in range(count)]


def _tagged(tag: str, lines: Sequence[str]) -> str:
    inside = "\n".join(one_line(line).replace("<", "‹").replace(">", "›") for line in lines)
    return f"<{tag}>\n{inside}\n</{tag}>"
