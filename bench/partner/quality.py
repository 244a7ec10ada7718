"""Measures of a reply's text that need no model. Pure.

loops: within a reply, a run of three words occurs three times, or a sentence of at least three words twice.
unfinished: the reply does not end with a punctuation mark that ends a sentence. repeats: at least 60 % of its
three-word runs are in one earlier reply. begins alike: it begins with the same two words as an earlier reply. takes up:
it contains a word that shows what the learner's line was about. asks again: it asks for a fact that the learner has
just told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.history import Level

REPEATED_SHARE = 0.6
MOST_SENTENCES: dict[Level, int] = {"beginner": 3, "intermediate": 4, "advanced": 5}
"""How many sentences a reply may have at a level, including its question."""
RAREST_ZIPF: dict[Level, float] = {"beginner": 4.0, "intermediate": 3.5, "advanced": 3.0}
"""A word with a lower Zipf frequency (wordfreq) is above the level: 4 is once in 100,000 words, 3 once in a million."""

TELLING_ZIPF, TELLING_LETTERS = 5.7, 4
"""A word shows what a line is about if its Zipf frequency (wordfreq) is below TELLING_ZIPF and it has at least
TELLING_LETTERS letters. Words with the same first TELLING_LETTERS letters count as one: "cooked" takes up "cook"."""

_IS = r"(?:'s|’s| is)"
QUESTIONS = {
    "name": rf"what{_IS} your (?:first |full )?name|may i (?:ask|know) your name|what are you called",
    "home": r"where (?:do you|are you) liv",
    "origin": r"where (?:are you|do you come) from",
    "age": r"how old are you",
    "job": rf"what{_IS} your (?:job|work|profession)|what do you do(?: for (?:a living|work))?\?",
    "study": r"what (?:do you study|are you studying)",
    "their name": rf"what{_IS} (?:his|her|its|your \w+'s) name|what{_IS} (?:he|she|it) called",
    "their age": r"how old is \w+",
    "their job": rf"what does \w+ do(?: for (?:a living|work))?\?|what{_IS} (?:his|her) job",
}
"""Fact → the questions for it, as a regular expression. "their": about somebody else whom the learner has mentioned."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*")
_ENDS = re.compile(r"[.!?…。！？][\"'”’»)\]*]*$")


def words_of(text: str) -> list[str]:
    """The words of `text`, in lower case."""
    return [word.replace("’", "'").lower() for word in _WORD.findall(text)]


def runs_of(words: Sequence[str], length: int = 3) -> Iterator[tuple[str, ...]]:
    """Each run of `length` words."""
    return (tuple(words[start : start + length]) for start in range(len(words) - length + 1))


def sentences_of(text: str) -> list[str]:
    """The sentences of `text` that contain a word."""
    return [sentence.strip() for sentence in _SENTENCE.findall(text) if words_of(sentence)]


def loops(text: str) -> bool:
    """Whether three words in a row occur three times, or a sentence of at least three words occurs twice."""
    runs = Counter(runs_of(words_of(text)))
    sentences = Counter(tuple(words) for words in map(words_of, sentences_of(text)) if len(words) > 2)
    return max(runs.values(), default=0) >= 3 or max(sentences.values(), default=0) >= 2


def is_unfinished(text: str) -> bool:
    """Whether `text` doesn't end with a punctuation mark that ends a sentence."""
    return not _ENDS.search(text.strip())


def repeats(text: str, earlier: Sequence[str]) -> bool:
    """Whether one earlier reply contains at least REPEATED_SHARE of its three-word runs."""
    runs = set(runs_of(words_of(text)))
    return any(len(runs & set(runs_of(words_of(other)))) >= REPEATED_SHARE * len(runs) for other in earlier if runs)


def begins_alike(text: str, earlier: Sequence[str]) -> bool:
    """Whether an earlier reply has the same first two words."""
    return bool(words_of(text)) and any(words_of(other)[:2] == words_of(text)[:2] for other in earlier)


def takes_up(reply: str, said: str) -> bool | None:
    """Whether the reply contains a word that shows what the learner's line `said` is about; None: the line has no such
    word."""
    telling = {
        word[:TELLING_LETTERS] for word in words_of(said) if len(word) >= TELLING_LETTERS and _zipf(word) < TELLING_ZIPF
    }
    if not telling:
        return None
    return any(word[:TELLING_LETTERS] in telling for word in words_of(reply))


def asks_again(reply: str, facts: Sequence[str]) -> bool:
    """Whether the reply asks for one of these facts, which are keys of QUESTIONS."""
    return any(re.search(rf"\b(?:{QUESTIONS[fact]})", reply, re.IGNORECASE) for fact in facts)


def _zipf(word: str) -> float:
    """How frequent an English word is."""
    from wordfreq import zipf_frequency  # takes a third of a second, and all workers of `make test` import this module

    return float(zipf_frequency(word, "en"))


def rare_words(text: str, level: Level) -> list[str]:
    """The words above the level. Names (words with a capital within a sentence) don't count."""
    names = {word.lower() for word in re.findall(r"(?<=[\w,] )[A-Z][a-z]+", text)}
    return [word for word in words_of(text) if word not in names and _zipf(word) < RAREST_ZIPF[level]]


@dataclass
class Tally:
    """Counts over many replies."""

    replies: int = 0
    loops: int = 0
    unfinished: int = 0
    repeats: int = 0
    begin_alike: int = 0
    too_long: int = 0
    questions: int = 0
    words: int = 0
    rare_words: int = 0
    missing: int = 0
    telling_lines: int = 0
    taken_up: int = 0
    openings: int = 0
    asked_again: int = 0

    def add(self, exchanges: Sequence[tuple[str, str]], level: Level, facts: Sequence[str] = ()) -> None:
        """Count the replies of one conversation: (what the learner said, the reply), in order. An empty reply counts as
        missing. facts: those that the conversation's first line tells."""
        replies = [reply for _, reply in exchanges]
        for number, (said, text) in enumerate(exchanges):
            if not text:
                self.missing += 1
                continue
            self.replies += 1
            self.loops += loops(text)
            self.unfinished += is_unfinished(text)
            self.repeats += repeats(text, replies[:number])
            self.begin_alike += begins_alike(text, replies[:number])
            self.too_long += len(sentences_of(text)) > MOST_SENTENCES[level]
            self.questions += "?" in sentences_of(text)[-1] if sentences_of(text) else False
            self.words += len(words_of(text))
            self.rare_words += len(rare_words(text, level))
            taken_up = takes_up(text, said)
            self.telling_lines += taken_up is not None
            self.taken_up += bool(taken_up)
            if facts and number == 0:
                self.openings += 1
                self.asked_again += asks_again(text, facts)

    def share(self, count: int) -> float:
        """The count as a percentage of the replies."""
        return 100 * count / max(1, self.replies)
