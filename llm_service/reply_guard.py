"""Keeps a reply from repeating itself, from reciting an earlier reply, and from stopping in mid-sentence. Pure.

    guard = ReplyGuard(messages, Limits(max_tokens=70))
    guard.push("I like green tea. I like")  → "I like green tea. "   the second sentence begins like the first: it waits
    guard.push(" green tea. Do you?")       → ""                     it was the same: the reply is over
    guard.outcome                           → Outcome.REPEATED

The first clause passes as it comes, unless its words so far begin a sentence of an earlier reply. Then it waits for a
word that differs, but at most until its own end, because the learner waits for sound. If the first sentence is a single
clause and repeats one of an earlier reply, it is spoken only if nothing else comes. Later text passes in whole clauses,
as synthesis speaks it, so the guard can leave out a bad clause. Once most of `max_tokens` is used, the reply ends with
the current sentence.

The guard accepts what people repeat on purpose: a short sentence ("That's great!"), a few repeated words in a row
("very, very good"), a list within a sentence, a sentence that grows ("I go. I go to school. I go to school by bus."),
and everything if the learner asks to hear something again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from common.letters import LETTERS_AND_DIGITS, SPACED_ENDS, SYLLABLES, UNSPACED_ENDS
from llm_service.engine import Message

_REPEATABLE_IN_REPLY_WORDS = 2
"""A sentence of at most this many words may come again in the same reply: "Yes. Yes."."""
_REPEATABLE_WORDS = 3
"""A sentence of at most this many words may come again in a later reply: "That's great!", "And you?"."""
_FIRST_CLAUSE_WORDS = 2
"""The first clause has at least this many words, as in synthesis."""
_CYCLE_WORDS = 4
"""This many words or more are a loop if they are said twice in a row. Three words are a loop if they are said
three times in a row."""
_LONG_RUN_WORDS = 8
"""A run of this many words is a loop if it comes a second time in the sentence."""
_RUN_WORDS, _RUN_TIMES = 3, 3
"""A run of _RUN_WORDS words may not come _RUN_TIMES times in a reply, unless all are in the same sentence. In
Chinese, Japanese and Korean, a character or syllable counts as half a word."""
_FEW_WORDS_TIMES = 5
"""One or two words are a loop if they come this often in a row."""
_TAIL_TOKENS = 40
"""When only this many tokens of `max_tokens` are left, and at least half of `max_tokens` is used, the reply ends with
the current sentence."""
_CHARS_PER_TOKEN = 4
_EARLIER_REPLIES = 50
"""Only this many replies, the latest ones, are compared."""

_ENDS = re.compile(rf"[{SPACED_ENDS}]+[\"'”’»)\]*_]*\s+|[{UNSPACED_ENDS}]+[」』”’）]*|\n\s*")
_CLAUSE_ENDS = re.compile(r"(?:[,;:،؛]|\s[–—-])\s+|[，、；：]|—(?=\w)")
_ABBREVIATION = re.compile(r"(?:^|[\s(\"'“‘])(?:[A-Z][a-z]{0,2}|(?:[A-Za-z]\.)+[A-Za-z])\.\s*$")
"""These do not end a sentence: a capital with up to two more letters, or letters with dots between them ("Dr.", "Mrs.",
"J.", "e.g.", "U.S.")."""
_HALF_WORD = re.compile(f"[{SYLLABLES}]")
_WORD = re.compile(rf"{_HALF_WORD.pattern}|{LETTERS_AND_DIGITS}(?:['’]{LETTERS_AND_DIGITS})*")
_SPEAKER = re.compile(
    r"\s*(?:user|assistant|system|human|learner|student|teacher|partner|friend|ai)\s*:", re.IGNORECASE
)
_ASKS_AGAIN = re.compile(
    r"\b(?:sorry|what|pardon|again)\s*\?"
    r"|\b(?:(?:say|tell|hear|ask|read|explain|try|show|do)\b.*\bagain|again,? please|please,? again|^again|once again"
    r"|repeat\w*|say (?:that|it)|once more|pardon|what did you say"
    r"|(?:don'?t|do not|didn'?t|did not|not|can'?t|couldn'?t) (?:understand|hear|get (?:it|that|you)|follow)"
    r"|slowly|slower|too fast|drill|let'?s practi[cs]e|practi[cs]e with me|sing|recite|poem|rhyme|refrain|lyrics|spell"
    r"|noch ?mal|wiederhol\w*|langsam\w*|verstehe?|gedicht|otra vez|repite|repet\w*|repit\w*|despacio|entiendo|canta"
    r"|encore une fois|r[eé]p[eé]t\w*|lentement|comprends?|chante|poème|ancora una volta|ripet\w*|più piano|capisco"
    r"|de novo|devagar|entendi|entendo|еще раз|повтори\w*|opnieuw|herhaal|tekrar)\b"
    r"|再|もう一度|もういちど|繰り返|다시|फिर|दोहरा",
    re.IGNORECASE,
)
"""The learner asks to hear something again, or for a text that repeats. Little is lost if such a request is missed: a
reply that consists only of a repetition is spoken anyway."""


class Outcome(Enum):
    """Why the guard ended a reply."""

    REPEATED = "repeated"
    """It repeated itself."""
    RECITED = "recited"
    """It repeated an earlier reply."""
    BOTH_SIDES = "both_sides"
    """It began to write the learner's words, too."""
    LONG = "long"
    """It had used most of its tokens, or reached its last sentence or its question."""


@dataclass(frozen=True, slots=True)
class Limits:
    """max_tokens, max_sentences: the greatest length of the reply; 0 sentences: any number. ends_with_question: the
    reply ends after its first question."""

    max_tokens: int
    max_sentences: int = 0
    ends_with_question: bool = False


class ReplyGuard:
    """`push` takes the model's text and returns the text that may be spoken. Once `outcome` is set, the reply is over:
    stop the model.

    messages: the messages of the request. The reply must not recite the replies among them.
    """

    def __init__(self, messages: Sequence[Message], limits: Limits) -> None:
        self.outcome: Outcome | None = None
        self._limits = limits
        self._tail_from = max(limits.max_tokens // 2, limits.max_tokens - _TAIL_TOKENS)
        self._may_repeat = _may_repeat(messages)
        replies = [message.content for message in messages if message.role == "assistant"][-_EARLIER_REPLIES:]
        self._earlier = {words for reply in replies for words in _sentences(reply) if len(words) > _REPEATABLE_WORDS}
        self._said: list[tuple[str, ...]] = []  # this reply's sentences
        self._sentence = ""  # the sentence that is being written
        self._released = 0  # how many of its first characters have been released
        self._first_clause_is_out = False
        self._checked = 0  # how many of its first words are known to contain no loop
        self._recital = ""  # the first sentence, if an earlier reply had it; spoken only if nothing else comes
        self._sentences = 0  # how many sentences have been released
        self._asked = False  # whether a question has been released
        self._tokens = 0.0

    def push(self, text: str) -> str:
        """Take the next piece of the model's text; return the text that may be spoken now."""
        if self.outcome:
            return ""
        self._tokens += max(1.0, len(text) / _CHARS_PER_TOKEN)
        self._sentence += text
        out = ""
        while not self.outcome and (end := self._end_of_sentence()):
            out += self._close(end)
        return out if self.outcome else out + self._open_text()

    def finish(self, *, cut_off: bool = False) -> str:
        """The model has ended. Returns the rest of the text. cut_off: the model had reached its limit."""
        if self.outcome:
            return ""
        out = ""
        if _words_of(self._sentence):
            out = self._break_off() if cut_off else self._close(len(self._sentence), is_last=True)
        return out if out or self._sentences or self._released else self._recital

    # --- sentences ------------------------------------------------------------------------------

    def _end_of_sentence(self) -> int:
        """Where the sentence that is being written ends, including its white space; 0: it has not ended."""
        return next(_ends(self._sentence), 0)

    def _close(self, end: int, *, is_last: bool = False) -> str:
        """The sentence ends at `end`: release the rest of it, or end the reply before it. is_last: the model ended
        there."""
        sentence, rest = self._sentence[:end], self._sentence[end:]
        words = _words_of(sentence)
        if fault := self._fault(sentence, words):
            if fault is not Outcome.RECITED or self._sentences:
                return self._stop(fault)
            if not _first_clause_end(sentence):
                # Nothing has been released yet, and the next sentence may be new.
                self._recital, self._sentence = self._recital or sentence, rest
                return ""
        out = sentence[self._released :]
        self._said.append(words)
        self._sentence, self._released, self._checked = rest, 0, 0
        self._first_clause_is_out = True
        self._sentences += 1
        self._asked |= sentence.rstrip("\"'”’»)]*_ \n").endswith(("?", "？", "؟"))
        if not is_last and self._is_long_enough():
            self.outcome = Outcome.LONG
        return out

    def _fault(self, sentence: str, words: tuple[str, ...]) -> Outcome | None:
        if _SPEAKER.match(sentence):
            return Outcome.BOTH_SIDES
        if self._may_repeat:
            return None
        if len(words) > _REPEATABLE_IN_REPLY_WORDS and words in self._said:
            return Outcome.REPEATED
        if words in self._earlier:
            return Outcome.RECITED
        return Outcome.REPEATED if _has_loop(words) or self._harps(words) else None

    def _harps(self, words: tuple[str, ...]) -> bool:
        """Whether a run of words comes for the third time, and not always in the same sentence.

        A sentence that begins with all words of the previous sentence may contain any run.
        """
        if self._said and words[: len(self._said[-1])] == self._said[-1]:
            return False
        before = Counter(run for said in self._said for run in _runs(said))
        return any(before[run] and before[run] + times >= _RUN_TIMES for run, times in Counter(_runs(words)).items())

    def _is_long_enough(self) -> bool:
        limits = self._limits
        return (
            self._tokens >= self._tail_from
            or 0 < limits.max_sentences <= self._sentences
            or (limits.ends_with_question and self._asked)
        )

    # --- the sentence being written -------------------------------------------------------------

    def _open_text(self) -> str:
        """The part of the unfinished sentence that may be spoken."""
        if self._sentences and _SPEAKER.match(self._sentence):
            return self._stop(Outcome.BOTH_SIDES)
        safe = self._safe_length()
        words = _words_of(self._sentence[:safe])
        may_wait = self._sentences > 0 or not self._first_clause_is_out
        must_wait = may_wait and not self._may_repeat and self._begins_like_another(words)
        if safe <= self._released or not words or must_wait:
            return ""
        if not self._may_repeat and (_has_loop(words, self._checked) or self._harps(words)):
            return self._stop(Outcome.REPEATED)
        self._checked = len(words) - 1  # the last word may be unfinished
        out, self._released = self._sentence[self._released : safe], safe
        return out

    def _begins_like_another(self, words: tuple[str, ...]) -> bool:
        """Whether the words so far are, or begin, an earlier sentence.

        The last word may be unfinished. Only a sentence of which nothing has been released can wait.
        """
        if self._released or not words:
            return False
        *whole, last = words
        return any(
            len(known) >= len(words) and list(known[: len(whole)]) == whole and known[len(whole)].startswith(last)
            for known in (*self._said, *self._earlier)
        )

    def _safe_length(self) -> int:
        """How many characters may be released: in the reply's first clause all, later only those before the last end of
        a clause."""
        if self._first_clause_is_out:
            ends = list(_CLAUSE_ENDS.finditer(self._sentence))
            return ends[-1].start() if ends else 0
        if end := _first_clause_end(self._sentence):
            self._first_clause_is_out = True
            return end
        return len(self._sentence.rstrip())

    # --- ends -----------------------------------------------------------------------------------

    def _stop(self, outcome: Outcome) -> str:
        """End the reply before the clause that is being written. Returns the text that closes it."""
        self.outcome = outcome
        if self._released:
            return "…" if self._sentence[self._released - 1].isspace() else "."
        return "" if self._sentences else self._recital or self._first_words()

    def _break_off(self) -> str:
        """The limit was reached in mid-sentence: end after a whole sentence or clause, or else after a whole word."""
        if self._sentences and not self._released:
            self.outcome = Outcome.LONG
            return ""  # whole sentences have been released, so leave this one out
        if self._released and not self._sentence[self._released - 1].isspace() and self._first_clause_is_out:
            return self._stop(Outcome.LONG)
        self.outcome = Outcome.LONG
        return self._sentence[self._released :].rpartition(" ")[0].rstrip(" ,;:–—-") + "…"

    def _first_words(self) -> str:
        """The text so far without its repetition, because the reply would otherwise be empty."""
        words = _words_of(self._sentence)
        good = next(count for count in range(len(words), 0, -1) if not _has_loop(words[:count]))
        ends = [match.end() for match in _WORD.finditer(self._sentence)]
        return self._sentence[: ends[good - 1]] + "…"


def _first_clause_end(sentence: str) -> int:
    """Where the first clause of at least _FIRST_CLAUSE_WORDS words ends, including its white space; 0: not within the
    sentence."""
    for match in _CLAUSE_ENDS.finditer(sentence):
        if len(_words_of(sentence[: match.start()])) >= _FIRST_CLAUSE_WORDS:
            return match.end()
    return 0


def _may_repeat(messages: Sequence[Message]) -> bool:
    """Whether the learner asks to hear something again: in words, or by repeating an earlier turn."""
    learner = [message.content for message in messages if message.role == "user"]
    if not learner:
        return False
    latest = _words_of(learner[-1])
    return bool(_ASKS_AGAIN.search(learner[-1])) or any(_words_of(text) == latest for text in learner[:-1])


def _ends(text: str) -> Iterator[int]:
    """Where sentences end, each with its white space. A last sentence that has not ended is left out."""
    for match in _ENDS.finditer(text):
        so_far = text[: match.end()]
        if _words_of(so_far) and not (match[0].rstrip() == "." and _ABBREVIATION.search(so_far)):
            yield match.end()


def _sentences(text: str) -> Iterator[tuple[str, ...]]:
    """The words of each sentence of a text that is complete."""
    start = 0
    for end in (*_ends(text), len(text)):
        yield _words_of(text[start:end])
        start = end


def _runs(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every run of _RUN_WORDS words."""
    for start, word in enumerate(words):
        end = start + _RUN_WORDS * (2 if _HALF_WORD.match(word) else 1)
        if end <= len(words):
            yield tuple(words[start:end])


def _words_of(text: str) -> tuple[str, ...]:
    return tuple(word.replace("’", "'").casefold() for word in _WORD.findall(text))


def _has_loop(words: Sequence[str], since: int = 0) -> bool:
    """Whether a loop ends after the first `since` words of a sentence.

    A loop is a run of words that comes again at once: at least _CYCLE_WORDS words twice, three words three times, or
    one or two words _FEW_WORDS_TIMES times. A run of _LONG_RUN_WORDS words that came before is a loop, too.
    """
    return any(_ends_in_loop(words[:end]) for end in range(since + 1, len(words) + 1))


def _ends_in_loop(words: Sequence[str]) -> bool:
    for length in range(1, len(words) // 2 + 1):
        times = 2 if length >= _CYCLE_WORDS else 3 if length > 2 else _FEW_WORDS_TIMES
        if list(words[-length:]) * times == list(words[-length * times :]):
            return True
    latest = tuple(words[-_LONG_RUN_WORDS:])
    starts = range(len(words) - 2 * _LONG_RUN_WORDS + 1)
    return any(tuple(words[start : start + _LONG_RUN_WORDS]) == latest for start in starts)
