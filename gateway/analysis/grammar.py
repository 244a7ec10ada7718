"""Corrections that the language model proposes, and which of them to believe.

A proposal counts only if the learner really said `original` (compared word by word, in lower case, without
punctuation), if `corrected` says something else in mostly the same words, and if there is a reason. Each counts once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from gateway.analysis.answers import MAX_CORRECTIONS, CorrectionAnswer, CorrectionsAnswer, NoAnswerError, ask
from gateway.analysis.document import Correction, Grammar
from gateway.analysis.fluency import word_count
from gateway.analysis.prompts import grammar_question, last_words
from gateway.analysis.sentences import clip, is_prose, one_line, sentences_of
from gateway.analysis.words import Lexicon
from gateway.history import LearnerTurn, Level, Turn
from gateway.ports import Llm

_PIECE = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_MAX_LENGTH = 300
_MAX_TOKENS = 700

NOTHING_CHECKED = Grammar(corrections=(), words_checked=0, corrections_per_100_words=None)


class _Said(NamedTuple):
    """Where something was said, letter for letter."""

    text: str
    sentence: str
    turn_id: str


async def correct(turns: Sequence[Turn], lexicon: Lexicon, llm: Llm, *, level: Level, timeout_s: float) -> Grammar:
    """Corrections of the learner's last words. Raises NoAnswerError."""
    said = [turn for turn in turns if isinstance(turn, LearnerTurn)]
    shown = last_words([turn.text for turn in said])
    words = sum(word_count(text, lexicon) for text in shown)
    if not words:
        raise NoAnswerError("There was nothing to correct.")

    def judge(answer: CorrectionsAnswer) -> Grammar | None:
        corrections = believable(answer.corrections, said)
        if answer.corrections and not corrections:
            return None  # it corrects what nobody said
        rate = round(len(corrections) * 100 / words, 1)
        return Grammar(corrections=corrections, words_checked=words, corrections_per_100_words=rate)

    question = grammar_question(shown, level=level, language=lexicon.language)
    return await ask(llm, question, CorrectionsAnswer, judge, max_tokens=_MAX_TOKENS, timeout_s=timeout_s)


def believable(proposed: Sequence[CorrectionAnswer], turns: Sequence[LearnerTurn]) -> tuple[Correction, ...]:
    """The proposals that stand up to the checks, at most MAX_CORRECTIONS."""
    believed: dict[tuple[str, ...], Correction] = {}
    for proposal in proposed:
        original = _words(proposal.original)
        said = _find(original, turns)
        corrected = clip(one_line(proposal.corrected), _MAX_LENGTH)
        why = clip(one_line(proposal.why), _MAX_LENGTH)
        if said is None or original in believed or not _corrects(original, _words(corrected)):
            continue
        if not is_prose(why, at_least=2):
            continue
        believed[original] = Correction(
            original=said.text, corrected=corrected, why=why, turn_id=said.turn_id, sentence=said.sentence
        )
    return tuple(believed.values())[:MAX_CORRECTIONS]


def _corrects(original: Sequence[str], corrected: Sequence[str]) -> bool:
    """Is it another wording of the same? At least a third of a longer phrase has to stay, and not much to be added."""
    if not corrected or original == corrected:
        return False
    kept = (Counter(original) & Counter(corrected)).total()
    return len(corrected) <= 2 * len(original) + 4 and (len(original) < 4 or kept * 3 >= len(original))


def _find(original: Sequence[str], turns: Sequence[LearnerTurn]) -> _Said | None:
    """The first place where the learner said these words in a row within one sentence."""
    for turn in turns:
        for sentence in map(one_line, sentences_of(turn.text)):
            span = _span(original, sentence)
            if span is not None:
                return _Said(sentence[span[0] : span[1]], sentence, turn.turn_id)
    return None


def _span(original: Sequence[str], sentence: str) -> tuple[int, int] | None:
    """From where to where, in characters, the words stand in a sentence."""
    pieces = list(_PIECE.finditer(sentence))
    words = [_plain(piece.group()) for piece in pieces]
    for first in range(len(words) - len(original) + 1 if original else 0):
        last = first + len(original) - 1
        if words[first : last + 1] == list(original):
            return pieces[first].start(), pieces[last].end()
    return None


def _words(text: str) -> tuple[str, ...]:
    return tuple(_plain(piece) for piece in _PIECE.findall(text))


def _plain(word: str) -> str:
    return word.casefold().replace("’", "'")
