"""What the bundled model learns, as the conversations that it would have with the gateway.

`Partner` teaches it to talk with learners, `Corrections` to correct their sentences. Each lesson is a prompt and the
right answer; of a conversation, each of the partner's replies is an answer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from gateway.analysis.sentences import one_line, sentences_of
from gateway.ports import ChatMessage
from training import corrections, dialogues
from training.mistakes import with_mistakes

Lesson = Sequence[ChatMessage]


class Lessons(Protocol):
    """held_back: lessons that the model never learns from; they show how well it has learned. batch: how many lessons
    it takes at once. learning_rate: the highest one of the training."""

    held_back: list[Lesson]
    batch: int
    learning_rate: float

    def one_pass(self) -> list[Lesson]:
        """All lessons once, in any order. They differ a little from pass to pass."""
        ...


class Partner:
    """Whole conversations. Half of those that are long enough begin later, as the gateway's prompts omit the first
    lines of long conversations."""

    batch = 4
    learning_rate = 8e-4
    _ONE_HELD_BACK_OF = 20
    _BEGINS_LATER = 0.5
    _LEAST_LINES = 6

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        every = dialogues.read()
        chance.shuffle(every)
        self.held_back: list[Lesson] = [one.messages() for one in every[:: self._ONE_HELD_BACK_OF]]
        self._learned = [one for number, one in enumerate(every) if number % self._ONE_HELD_BACK_OF]

    def one_pass(self) -> list[Lesson]:
        return [dialogue.messages(self._first_line(dialogue)) for dialogue in self._learned]

    def _first_line(self, dialogue: dialogues.Dialogue) -> int:
        if self._chance.random() >= self._BEGINS_LATER:
            return 0
        last = len(dialogue.lines) - self._LEAST_LINES
        return self._chance.choice([0, *(n for n in range(1, last + 1) if dialogue.lines[n][0] == "L")])


class Corrections:
    """All sentences with learners' mistakes, about two right ones for each five of these, and about three with mistakes
    that `mistakes` makes. These last ones come from right sentences of both kinds of lessons."""

    batch = 24
    learning_rate = 1e-3
    _ONE_HELD_BACK_OF = 100
    _RIGHT, _MADE = 0.36, 0.64  # for each sentence with a learner's mistakes
    _WORDS = range(4, 31)  # a made mistake needs some words around it

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        every = corrections.read()
        chance.shuffle(every)
        self.held_back: list[Lesson] = [one.messages() for one in every[:: self._ONE_HELD_BACK_OF]]
        learned = [one for number, one in enumerate(every) if number % self._ONE_HELD_BACK_OF]
        self._wrong = [one for one in learned if one.said != one.corrected]
        self._right = [one for one in learned if one.said == one.corrected]
        right = [*(one.corrected for one in learned), *_partners_sentences()]
        self._sources = [text for text in right if self._fits(text)]

    def one_pass(self) -> list[Lesson]:
        right = self._chance.sample(self._right, int(self._RIGHT * len(self._wrong)))
        made = [
            corrections.Rewriting(with_mistakes(source, self._chance), source, "made")
            for source in self._chance.sample(self._sources, int(self._MADE * len(self._wrong)))
        ]
        return [one.messages() for one in (*self._wrong, *right, *made)]

    def _fits(self, text: str) -> bool:
        return len(text.split()) in self._WORDS and not set("—…") & set(text)


def _partners_sentences() -> list[str]:
    """The sentences that the partner says in the conversations, each once."""
    lines = (text for dialogue in dialogues.read() for speaker, text in dialogue.lines if speaker == "P")
    return list(dict.fromkeys(one_line(sentence) for line in lines for sentence in sentences_of(line)))
