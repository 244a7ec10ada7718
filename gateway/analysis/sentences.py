"""Small facts about running text: its sentences, which of its words are names, and how to shorten it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from common.languages import base
from common.letters import SENTENCE_ENDS
from gateway.analysis.words import has_only_letters, split_at_spaces, split_characters

_SENTENCE = re.compile(rf"[^{SENTENCE_ENDS}\n]+[{SENTENCE_ENDS}]*[\"'”’»)]*")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_END = re.compile(rf"(?!…)[{SENTENCE_ENDS}][\"'”’»)]*$")  # "…" is no end: `clip` writes it where it cuts a text
_LIST_MARK = re.compile(r"^\s*(?:\(?\d{1,2}[.):]\s+|[-–*•]\s*)+")
_INNER_NUMBER = re.compile(r"(?:^|\s)\(?\d{1,2}[.)]\s+\w")
_NOUNS_ARE_CAPITALISED = frozenset({"de", "lb"})


def sentences_of(text: str) -> list[str]:
    """The sentences of `text`, cut after their final punctuation."""
    return [sentence for match in _SENTENCE.finditer(text) if any(map(str.isalnum, sentence := match.group().strip()))]


def names_in(texts: Iterable[str], language: str) -> set[str]:
    """The names in the texts, in lower case: words that always have a capital, at least once inside a sentence.

    Finds none in a language that writes all its nouns with capitals.
    """
    if base(language) in _NOUNS_ARE_CAPITALISED:
        return set()
    names: set[str] = set()
    plain: set[str] = set()
    for text in texts:
        for sentence in sentences_of(text):
            for position, match in enumerate(_WORD.finditer(sentence)):
                word = match.group()
                if not word[0].isupper():
                    plain.add(word.lower())
                elif position > 0 and len(word) > 1:  # not "I"
                    names.add(word.lower().replace("’", "'"))
    return names - plain - _ENGLISH_I


_ENGLISH_I = {"i'm", "i'd", "i've", "i'll"}


def counted(count: int, noun: str) -> str:
    """ "1 word", "2 words"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def one_line(text: str) -> str:
    """`text` on one line. Each run of white space, line breaks and control characters becomes one space."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def has_end(text: str) -> bool:
    """Whether `text` ends like a sentence, and was not cut."""
    return _END.search(text) is not None


def whole_sentences(text: str) -> str:
    """`text` up to the end of its last whole sentence; empty if it has none."""
    return "".join(match.group() for match in _SENTENCE.finditer(text) if has_end(match.group())).strip()


def has_loop(text: str) -> bool:
    """Whether `text` repeats itself: three successive words at least three times, or a whole sentence twice."""
    words = split_at_spaces(text)
    threes = Counter(zip(words, words[1:], words[2:], strict=False))
    sentences = Counter(" ".join(split_at_spaces(sentence)) for sentence in sentences_of(text))
    return max(threes.values(), default=0) >= 3 or max(sentences.values(), default=0) >= 2


def without_number(text: str) -> str:
    """`text` without a list's number or bullet at its beginning: "1. Speak more." becomes "Speak more."."""
    return _LIST_MARK.sub("", text)


def is_list(text: str) -> bool:
    """Whether `text` contains a list's next number, as in "Speak more. 2. Read more."."""
    return _INNER_NUMBER.search(text) is not None


def is_prose(text: str, *, at_least: int = 3) -> bool:
    """Whether `text` has at least `at_least` words, and does not repeat the same few again and again. Numbers, and
    labels such as B2, don't count as words."""
    words = [word for word in split_characters(text) if has_only_letters(word.replace("'", ""))]
    return len(words) >= at_least and len(set(words)) >= 0.4 * len(words)


def clip(text: str, length: int) -> str:
    """The beginning of `text`: at most `length` characters, including the final "…". Cut between words if possible."""
    if len(text) <= length:
        return text
    head = text[: length - 1]
    return (head.rsplit(None, 1)[0] if " " in head.strip() else head) + "…"
