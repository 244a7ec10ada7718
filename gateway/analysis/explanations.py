"""Asks the language model why a correction was made and what a word means, and checks each short answer.

An answer that fails the check is left out. Then the correction has no reason, or the word no meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.analysis.answer_language import check_of
from gateway.analysis.answers import MeaningsAnswer, NoAnswerError, ReasonsAnswer, ask, of_length
from gateway.analysis.document import Grammar, WordToLearn
from gateway.analysis.prompts import meanings_question, reasons_question
from gateway.analysis.remarks import Remark
from gateway.analysis.sentences import has_end, has_loop, is_prose, one_line, without_number
from gateway.analysis.words import Lexicon, plain_word, word_spans
from gateway.history import Level
from gateway.ports import Llm

_MAX_LENGTH = 200
_TOKENS_EACH = 50
# Each word in a meaning is at least this frequent (among the 7,000 most frequent), or at least as frequent as the word
# that the meaning explains.
_EASY_FROM_ZIPF = 4.0


async def explain(
    grammar: Grammar,
    llm: Llm,
    *,
    level: Level,
    language: str,
    timeout_s: float,
    told_in: str = "",
    gives_way: bool = False,
) -> Grammar:
    """`grammar` with the model's reasons for corrections without one. Raises NoAnswerError.

    told_in: the language of the reasons, as a BCP-47 tag; empty: `language`. gives_way: see `Llm.generate`.
    """
    bare = [one for one in grammar.corrections if not one.why]
    if not bare:
        return grammar

    is_in_language = await check_of(told_in or language)

    def judge(answer: ReasonsAnswer) -> list[str] | None:
        shown = [_presentable(text) for text in answer.reasons]
        reasons = [text if text and is_in_language(text) else "" for text in shown]
        return reasons if any(reasons) and len(reasons) == len(bare) else None

    reasons = await ask(
        llm,
        reasons_question(
            [(one.original, one.corrected) for one in bare], level=level, language=language, told_in=told_in
        ),
        of_length(ReasonsAnswer, len(bare), max_length=_MAX_LENGTH),
        judge,
        max_tokens=_TOKENS_EACH * len(bare),
        timeout_s=timeout_s,
        gives_way=gives_way,
    )
    found = {id(one): reason for one, reason in zip(bare, reasons, strict=True)}
    corrections = (one.model_copy(update={"why": found.get(id(one), one.why)}) for one in grammar.corrections)
    return grammar.model_copy(update={"corrections": tuple(corrections)})


async def define(
    words: Sequence[WordToLearn], lexicon: Lexicon, llm: Llm, *, level: Level, timeout_s: float
) -> tuple[WordToLearn, ...]:
    """The words, with the model's meanings where they are usable. Raises NoAnswerError."""
    if not words:
        raise NoAnswerError(Remark("no_new_words"))

    def judge(answer: MeaningsAnswer) -> list[str | None] | None:
        if len(answer.meanings) != len(words):
            return None
        meanings = [_meaning(text, one, lexicon) for one, text in zip(words, answer.meanings, strict=True)]
        return meanings if any(meanings) else None

    meanings = await ask(
        llm,
        meanings_question([(one.word, one.heard_in) for one in words], level=level, language=lexicon.language),
        of_length(MeaningsAnswer, len(words), max_length=_MAX_LENGTH),
        judge,
        max_tokens=_TOKENS_EACH * len(words),
        timeout_s=timeout_s,
    )
    return tuple(one.model_copy(update={"meaning": text}) for one, text in zip(words, meanings, strict=True))


def _meaning(text: str, word: WordToLearn, lexicon: Lexicon) -> str | None:
    """`text` if it explains the word with other, easier words."""
    shown = _presentable(text, at_least=1)
    if shown is None:
        return None
    used = lexicon.words(shown)
    stem = word.word[: max(4, len(word.word) - 3)]
    if any(other.startswith(stem) for other in used) or plain_word(shown) in plain_word(word.heard_in):
        return None
    easy = min(_EASY_FROM_ZIPF, word.zipf)
    return shown if all(lexicon.zipf(other) >= easy for other in used) else None


def _presentable(text: str, *, at_least: int = 2) -> str | None:
    """`text` on one line, if it is a whole sentence of at least `at_least` words, and not too long."""
    line = without_number(one_line(text))
    fits = has_end(line) and not has_loop(line) and is_prose(line, at_least=at_least) and len(line) < _MAX_LENGTH
    return line if fits and len(word_spans(line)) >= at_least else None
