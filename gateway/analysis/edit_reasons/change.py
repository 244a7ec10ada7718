"""What a correction of English changed, and the words around it: the material of `reasons`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.analysis.edit_reasons import english
from gateway.analysis.words import plain_word, word_spans

Words = tuple[str, ...]


_SHORT = re.compile(r"(?<=[a-z])'(m|re|ve|ll)\b")
_LONG = {"m": " am", "re": " are", "ve": " have", "ll": " will"}


def words_of(text: str) -> Words:
    """The words of `text` in lower case. "I'm" is two words; "he's" is one, because it can be "is" or "has"."""
    plain = _SHORT.sub(lambda match: _LONG[match[1]], plain_word(text))
    return tuple(plain[start:end] for start, end in word_spans(plain))


@dataclass(frozen=True, slots=True)
class Change:
    """The words taken away and added, without those that stay, and the sentence's words before and after them."""

    out: Words
    into: Words
    before: Words
    after: Words
    is_question: bool

    @classmethod
    def of(cls, original: str, corrected: str, sentence: str) -> Change:
        """If `original` is in the sentence twice, the words around it are unknown, as if there were none."""
        out, into, said = words_of(original), words_of(corrected), words_of(sentence)
        places = [at for at in range(len(said)) if said[at : at + len(out)] == out]
        known = len(places) == 1
        before, after = (said[: places[0]], said[places[0] + len(out) :]) if known else ((), ())
        while out and into and out[-1] == into[-1]:
            out, into, after = out[:-1], into[:-1], (out[-1], *after)
        while out and into and out[0] == into[0]:
            out, into, before = out[1:], into[1:], (*before, out[0])
        return cls(out, into, before, after, "?" in sentence)

    @property
    def last(self) -> str:
        """The word before the change, leaving out words such as "always"; empty if there is none."""
        return next((word for word in reversed(self.before) if word not in english.BETWEEN), "")

    @property
    def next(self) -> str:
        """The word after the change; empty if there is none."""
        return self.after[0] if self.after else ""

    @property
    def aid(self) -> str:
        """The word before a verb that asks for its base form: "can", "to", "did" (also in "did you"); or empty."""
        words = [word for word in self.before if word not in english.BETWEEN]
        if self.is_question and words and words[-1] in english.SUBJECTS:
            words.pop()
        return words[-1] if words and words[-1] in english.BASE_FOLLOWS else ""

    def is_said(self, word: str) -> bool:
        """Whether the sentence has `word` outside the change; an added word may only have moved then."""
        return word in self.before or word in self.after
