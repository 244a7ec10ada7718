"""Cuts a text that is still being written into clauses that can be spoken one by one.

    splitter = ClauseSplitter()
    splitter.push("Well, I think so. Dr")   → [Clause("Well, I think so. ", 0, 18)]
    splitter.push(". Smith came at 3.14.")  → []
    splitter.finish()                       → [Clause("Dr. Smith came at 3.14.", 18, 41)]

The first clause is cut early, at the first comma with at least two words before it, so that the voice begins soon. If
a comma, question mark or exclamation mark follows a letter, this cut doesn't wait for the next character, because the
language model would take one more token for it. Later clauses end where a sentence does, because a voice sounds best on
whole sentences; only sentences that are too long are cut. The cuts depend on the text alone, never on how it arrives.
Joined, the clauses are the text.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum

from common.letters import LETTER, SPACED_ENDS, SYLLABLES, UNSPACED_ENDS
from tts_service.text.stops import Stop, abbreviations_of, ends_sentence, stop_kind

_FIRST_MIN_WORDS = 2  # "Well," is too short to be spoken alone; "Oh, hello," is not
_FIRST_MAX_CHARS = 60  # about 3.5 s of speech
_PHRASE_CHARS = 120  # a clause of at least this length may end at a comma
_MAX_CHARS = 240  # a clause of at least this length may end at any space
_HARD_MAX_CHARS = 400  # a text without spaces is cut here

_ANY_BOUNDARY = rf"""
      (?P<stops>[{SPACED_ENDS}]{{1,8}}) (?P<closers>["'”’»)\]*_`]{{0,4}}) (?=\s)
    | (?P<cjk_stops>[{UNSPACED_ENDS}]{{1,8}}[」』”’）]{{0,4}}) (?=[^{UNSPACED_ENDS}」』”’）])
    | (?P<phrase>[,;:،؛]["'”’»)\]*_`]{{0,4}}(?=\s) | —(?=[^—]) | (?<=\s)[–-](?=\s) | [，、；：](?=.))
    | (?P<newline>\n)
    | (?P<space>[^\S\n])
    """
_BOUNDARY = re.compile(_ANY_BOUNDARY, re.VERBOSE | re.DOTALL)
_FIRST_BOUNDARY = re.compile(rf"(?<={LETTER})(?P<clear>[,?!।،؟]) | {_ANY_BOUNDARY}", re.VERBOSE | re.DOTALL)
_WORD = re.compile(rf"[{SYLLABLES}]|[^\W_][^\s{SYLLABLES}]*")
# The text ends in a number, an abbreviation or a name, which may be read together with what follows: "5 km", "World War
# II".
_OPEN_END = re.compile(r"(?:\d\S*|\.|(?<!\S)[^\W\d_a-z]\S*)$")
_OPEN_END_CHARS = 20  # a clause that is too long by this much is cut even after such a number, abbreviation or name
_OPENERS = "\"'“‘«([*_`"


class Boundary(Enum):
    """What a clause ends with. This decides how long the pause after the clause is."""

    SENTENCE = "sentence"
    PHRASE = "phrase"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of the text, including spaces: the characters [text_start, text_end), counted in Unicode code points."""

    text: str
    text_start: int
    text_end: int
    boundary: Boundary


class Splitter(ABC):
    """`push` takes the text in parts of any length, and returns the clauses that have certainly ended.

    Where the clauses end depends on the text alone. Joined, the clauses are the text.
    """

    def __init__(self) -> None:
        self._pending = ""
        self._start = 0  # where the pending text begins in the whole text

    @property
    def length(self) -> int:
        """Characters received so far."""
        return self._start + len(self._pending)

    def push(self, text: str) -> list[Clause]:
        """Add the next piece of the text. Returns the clauses that it completes."""
        self._pending += text
        clauses = []
        while (cut := self._next_cut()) is not None:
            clauses.append(self._take(*cut))
        return clauses

    def finish(self) -> list[Clause]:
        """There is no more text. Returns the rest as one clause (perhaps only spaces), or nothing."""
        return [self._take(len(self._pending), Boundary.SENTENCE)] if self._pending else []

    @abstractmethod
    def _next_cut(self) -> tuple[int, Boundary] | None:
        """Where the first clause of the pending text ends, and what it ends with; None: more text is needed to
        decide."""

    def _take(self, end: int, boundary: Boundary) -> Clause:
        text, self._pending = self._pending[:end], self._pending[end:]
        clause = Clause(text, self._start, self._start + end, boundary)
        self._start += end
        return clause


class ClauseSplitter(Splitter):
    """Cuts at the ends of sentences, in long sentences at phrases, and in phrases that are too long at words.

    eager: cut the first clause early. Otherwise every clause ends where a sentence does, if that is not too long.
    language: a BCP-47 tag; it selects the abbreviations.
    """

    def __init__(self, *, eager: bool = True, language: str = "en") -> None:
        super().__init__()
        self._abbreviations = abbreviations_of(language)
        self._scanned = 0  # pending[:scanned] holds no boundary
        self._first = eager

    def _take(self, end: int, boundary: Boundary) -> Clause:
        clause = super()._take(end, boundary)
        self._scanned = 0
        if has_words(clause.text):
            self._first = False
        return clause

    def _next_cut(self) -> tuple[int, Boundary] | None:
        for match in (_FIRST_BOUNDARY if self._first else _BOUNDARY).finditer(self._pending, self._scanned):
            if match.end() > _HARD_MAX_CHARS:
                break
            boundary = self._boundary_at(match)
            if boundary is _UNDECIDED:
                return None
            if isinstance(boundary, Boundary):
                is_clear = match.lastgroup == "clear"
                return match.end() if is_clear else self._past_space(match.end()), boundary
            self._scanned = match.end()
        # A boundary just before the limit may continue after it, so 16 more characters are needed to decide.
        if len(self._pending) > _HARD_MAX_CHARS + 16:
            return _HARD_MAX_CHARS, Boundary.WORD
        return None

    def _boundary_at(self, match: re.Match[str]) -> Boundary | _Undecided | None:
        before = self._pending[: match.start()]
        if not has_words(before):
            return None
        match match.lastgroup:
            case "clear" if match[0] not in ",،":
                return Boundary.SENTENCE
            case "closers":
                return self._after_stop(match, before)
            case "cjk_stops" | "newline":
                return Boundary.SENTENCE
            case "phrase" | "clear":
                return self._after_phrase(match, before)
            case "space" if self._must_end(before):
                return Boundary.WORD
        return None

    def _after_stop(self, match: re.Match[str], before: str) -> Boundary | _Undecided | None:
        """Decides whether these stops (`.`, `?`, `!`, `…`) end a sentence or are part of an abbreviation, a list's
        number or a quotation."""
        word = before[max(map(before.rfind, " \n\t")) + 1 :].lstrip(_OPENERS)
        kind = stop_kind(match["stops"], word, before, self._abbreviations)
        following = self._pending[match.end() :]
        if kind is Stop.SENTENCE and match["closers"]:
            kind = Stop.LETTER_TELLS
        ends = ends_sentence(kind, following, self._abbreviations)
        if ends is None:
            return _UNDECIDED
        if ends:
            return Boundary.SENTENCE
        return Boundary.PHRASE if kind is Stop.ELLIPSIS and self._phrase_may_end(before) else None

    def _after_phrase(self, match: re.Match[str], before: str) -> Boundary | _Undecided | None:
        """The boundary at a comma or a dash; None if the clause is too short to end here, or the mark is between two
        numbers: "November 29, 2026", "5 - 3"."""
        if not self._phrase_may_end(before):
            return None
        if before.rstrip()[-1:].isdigit() and match[0] in (",", "-", "–"):
            following = self._pending[match.end() :].lstrip()[:1]
            if not following:
                return _UNDECIDED
            if following.isdigit() or following in "$£€¥":
                return None
        return Boundary.PHRASE

    def _must_end(self, before: str) -> bool:
        """Whether the clause is so long that it must end at this space."""
        most = _FIRST_MAX_CHARS if self._first else _MAX_CHARS
        return len(before) >= most and (not _OPEN_END.search(before) or len(before) >= most + _OPEN_END_CHARS)

    def _phrase_may_end(self, before: str) -> bool:
        if self._first:
            return len(_WORD.findall(before)) >= _FIRST_MIN_WORDS
        return len(before) >= _PHRASE_CHARS

    def _past_space(self, end: int) -> int:
        """The position after the boundary and one space, if there is one. So the last space of a text does not become
        a clause of its own."""
        is_space = self._pending[end : end + 1].isspace() and not self._pending[end - 1].isspace()
        return end + 1 if is_space else end


class _Undecided(Enum):
    UNDECIDED = "the next letter will tell"


_UNDECIDED = _Undecided.UNDECIDED


def has_words(text: str) -> bool:
    """Whether `text` contains anything to say: letters or digits of any script. Emoji and punctuation don't count."""
    return any(map(str.isalnum, text))
