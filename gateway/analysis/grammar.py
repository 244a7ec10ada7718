"""Finds corrections of the learner's sentences, and decides which of them to believe.

The language model is shown the learner's sentences, a few at a time, and writes each of them again without mistakes.
This module compares the words to find the changes. It believes a rewritten sentence only if that is the same sentence
with few changes (see `is_credible`). Rules without a model (`slips`) find a few more mistakes, even if the model is too
small to be asked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from gateway.analysis.answers import MAX_CORRECTIONS, Clock, CorrectionsAnswer, ask, of_length
from gateway.analysis.document import Correction, Grammar, Told
from gateway.analysis.edit_reasons import reason_for
from gateway.analysis.fluency import word_count
from gateway.analysis.prompts import corrections_question
from gateway.analysis.sentences import has_end, has_loop, one_line, sentences_of
from gateway.analysis.slips import slips_in
from gateway.analysis.trained_corrections import is_trained_for, rewrite_one
from gateway.analysis.words import Lexicon, plain_word, word_spans
from gateway.history import LearnerTurn, Turn
from gateway.ports import Llm

PIECE_SENTENCES = 6
PIECE_BYTES = 900
_LONGEST_BYTES = 400  # a longer "sentence" is text that recognition did not punctuate; it is not checked
_TOKENS_PER_BYTE = 0.5  # room for the rewritten sentence; English needs half as many tokens
_CONTRACTIONS = {"n't": "not", "'m": "am", "'re": "are", "'ve": "have", "'ll": "will"}
_IS_OR_HAS = re.compile(r"\b(he|she|it|that|there|here|what|who|where|how|when|name)'s\b")

NOTHING_CHECKED = Grammar(corrections=(), words_checked=0, corrections_per_100_words=None)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the learner's, and the turn in which it was said."""

    text: str
    turn_id: str


class Corrections:
    """The search for mistakes in the learner's sentences: by rules at once, then by the model, piece by piece."""

    def __init__(self, turns: Sequence[Turn], lexicon: Lexicon, native_language: str = "") -> None:
        self._lexicon = lexicon
        self._native_language = native_language
        self._sentences = sentences_said(turns)
        self._found = [tuple(rule_corrections(one, lexicon.language, native_language)) for one in self._sentences]
        self._checked: set[int] = set()
        self.pieces = spread(pieces_of(self._sentences))
        """For each question to the model, the numbers of its sentences."""

    @property
    def is_empty(self) -> bool:
        """Whether there is no sentence that could have a mistake."""
        return not self._sentences

    async def check(self, piece: Sequence[int], llm: Llm, *, timeout_s: float) -> None:
        """Ask the model about one of the `pieces`. Raises NoAnswerError if its answer is of no use."""
        language = self._lexicon.language
        is_trained, clock = is_trained_for(llm, language), Clock(timeout_s)
        for numbers in ([number] for number in piece) if is_trained else [piece]:
            texts = [self._sentences[number].text for number in numbers]
            rewritten = await rewrite(texts, llm, language=language, timeout_s=clock.left_s())
            for number, text in zip(numbers, rewritten, strict=True):
                if text is not None:
                    self._checked.add(number)
                    await self._add(number, text, needs_reasons=is_trained)

    async def _add(self, number: int, text: str, *, needs_reasons: bool) -> None:
        found = list(edits(self._sentences[number], text))
        if needs_reasons and found:
            found = await asyncio.to_thread(with_reasons, found, self._native_language)
        self._found[number] = of_both(self._found[number], found, text, self._lexicon.language)

    def grammar(self) -> Grammar:
        """The result so far. The rate counts each mistake in a checked sentence; equal corrections are shown once."""
        words = sum(word_count(self._sentences[number].text, self._lexicon) for number in self._checked)
        mistakes = sum(len(self._found[number]) for number in self._checked)
        shown: dict[object, Correction] = {}
        for one in (correction for corrections in self._found for correction in corrections):
            shown.setdefault((_words(one.original), _words(one.corrected)), one)
        return Grammar(
            corrections=tuple(shown.values())[:MAX_CORRECTIONS],
            words_checked=words,
            corrections_per_100_words=round(mistakes * 100 / words, 1) if words else None,
        )


def sentences_said(turns: Sequence[Turn]) -> list[Sentence]:
    """The learner's sentences of at least two words, in order."""
    return [
        Sentence(text, turn.turn_id)
        for turn in turns
        if isinstance(turn, LearnerTurn)
        for text in map(one_line, sentences_of(turn.text))
        if len(word_spans(text)) >= 2
    ]


def pieces_of(sentences: Sequence[Sentence]) -> list[list[int]]:
    """Numbers of sentences, in pieces that fit a short context; sentences that are too long are left out."""
    pieces: list[list[int]] = []
    room = 0
    for number, sentence in enumerate(sentences):
        size = len(sentence.text.encode(errors="replace"))
        if size > _LONGEST_BYTES:
            continue
        if size > room or len(pieces[-1]) == PIECE_SENTENCES:
            pieces.append([])
            room = PIECE_BYTES
        pieces[-1].append(number)
        room -= size
    return pieces


def spread(pieces: Sequence[list[int]]) -> list[list[int]]:
    """First every fourth piece, then those halfway between these, then the others. So every part of the conversation is
    covered if time runs out."""
    return [*pieces[::4], *pieces[2::4], *pieces[1::2]]


async def rewrite(
    sentences: Sequence[str], llm: Llm, *, language: str, timeout_s: float, gives_way: bool = False
) -> list[str | None]:
    """Each sentence as the language model corrects it; None if its answer is not credible.

    timeout_s: for all of them. Raises NoAnswerError, also if a model that gets them all at once writes nothing
    credible.
    """

    if is_trained_for(llm, language):
        clock = Clock(timeout_s)
        written = [await rewrite_one(one, llm, timeout_s=clock.left_s(), gives_way=gives_way) for one in sentences]
        return _believed(sentences, written)

    def judge(answer: CorrectionsAnswer) -> list[str | None] | None:
        believed = _believed(sentences, answer.corrected)
        return believed if any(believed) else None

    size = sum(len(sentence.encode(errors="replace")) for sentence in sentences)
    return await ask(
        llm,
        corrections_question(sentences, language=language),
        of_length(CorrectionsAnswer, len(sentences), max_length=_LONGEST_BYTES + 100),
        judge,
        max_tokens=int(60 + _TOKENS_PER_BYTE * size),
        timeout_s=timeout_s,
        gives_way=gives_way,
    )


def can_be_asked(llm: Llm, language: str) -> bool:
    """Whether the model is asked for corrections: a small one only if it was trained for them."""
    return not llm.is_small or is_trained_for(llm, language)


def _believed(sentences: Sequence[str], written: Sequence[str | None]) -> list[str | None]:
    """For each sentence what the model wrote, or None if it wrote nothing, or nothing credible."""
    lines = [one_line(text or "") for text in written[: len(sentences)]] + [""] * (len(sentences) - len(written))
    return [
        with_own_contractions(sentence, line) if is_credible(sentence, line) else None
        for sentence, line in zip(sentences, lines, strict=True)
    ]


def is_credible(sentence: str, corrected: str) -> bool:
    """Whether `corrected` is the same sentence, complete and with few words changed."""
    before, after = _words(sentence), _words(corrected)
    if not after or (has_end(sentence) and not has_end(corrected)):
        return False
    if has_loop(corrected) and not has_loop(sentence):
        return False
    if len(sentences_of(corrected)) > len(sentences_of(sentence)) + 1:
        return False
    kept = sum(block.size for block in _matcher(before, after).get_matching_blocks())
    changed = max(len(before), len(after)) - kept
    return changed <= max(2, len(before) // 2) and len(after) <= len(before) + max(2, len(before) // 3)


def with_own_contractions(sentence: str, corrected: str) -> str:
    """`corrected` with the learner's "can not" where it has "can't", or the other way round: neither is a mistake."""
    before, after = word_spans(sentence), word_spans(corrected)
    for start, end, new_start, new_end in reversed(list(_changes(_words(sentence), _words(corrected)))):
        own = sentence[before[start][0] : before[end - 1][1]]
        first, last = after[new_start][0], after[new_end - 1][1]
        if not _expanded(own).isdisjoint(_expanded(corrected[first:last])):
            corrected = corrected[:first] + own + corrected[last:]
    return corrected


def _expanded(text: str) -> set[tuple[str, ...]]:
    """The words of `text` in lower case, with English contractions written out: "he's" in two ways."""
    plain = plain_word(text).replace("can't", "can not").replace("cannot", "can not").replace("won't", "will not")
    plain = plain.replace("let's", "let us")
    for short, long in _CONTRACTIONS.items():
        plain = plain.replace(short, f" {long}")
    ways = (_IS_OR_HAS.sub(rf"\1 {verb}", plain) for verb in ("is", "has"))
    return {tuple(way[start:end] for start, end in word_spans(way)) for way in ways}


def edits(sentence: Sentence, corrected: str) -> Iterator[Correction]:
    """The corrections that turn the sentence into `corrected`. Changes that are close together are one correction."""
    before, after = word_spans(sentence.text), word_spans(corrected)

    def original(start: int, end: int) -> str:
        return sentence.text[before[start][0] : before[end - 1][1]]

    for start, end, new_start, new_end in _changes(_words(sentence.text), _words(corrected)):
        # If the same words stand elsewhere in the sentence, include a neighbouring word; see `told_apart`.
        if sentence.text.count(original(start, end)) > 1 and end < len(before) and new_end < len(after):
            end, new_end = end + 1, new_end + 1
        if sentence.text.count(original(start, end)) > 1 and start > 0 and new_start > 0:
            start, new_start = start - 1, new_start - 1
        yield Correction(
            original=original(start, end),
            corrected=corrected[after[new_start][0] : after[new_end - 1][1]],
            why="",
            turn_id=sentence.turn_id,
            sentence=sentence.text,
        )


def with_reasons(corrections: Iterable[Correction], native_language: str) -> list[Correction]:
    """Corrections of English, with the reasons that can be told without a model, in `native_language` if the page
    speaks it. Blocks until the list of English words is loaded."""
    found = []
    for one in corrections:
        reason = reason_for(one.original, one.corrected, one.sentence)
        told = {"why": reason.in_language(native_language), "why_code": Told.of(reason)} if reason else {}
        found.append(one.model_copy(update=told))
    return found


def rule_corrections(sentence: Sentence, language: str, native_language: str = "") -> list[Correction]:
    """The corrections that the rules find in a sentence. native_language: the language of the reasons; see
    `Remark.in_language`."""
    found = []
    for slip in slips_in(sentence.text, language):
        original, corrected = told_apart(sentence.text, slip.start, slip.end, slip.corrected)
        found.append(
            Correction(
                original=original,
                corrected=corrected,
                why=slip.why.in_language(native_language),
                why_code=Told.of(slip.why),
                turn_id=sentence.turn_id,
                sentence=sentence.text,
                by="rule",
            )
        )
    return found


def told_apart(sentence: str, start: int, end: int, corrected: str) -> tuple[str, str]:
    """The part of `sentence` from `start` to `end`, and its correction. If the part stands more than once in the
    sentence, both get a neighbouring word or two: "a" in "I have a idea" becomes "a idea", as "have" has an "a", too.
    """
    words = word_spans(sentence)
    after = next((span for span in words if span[0] >= end), None)
    if sentence.count(sentence[start:end]) > 1 and after:
        end, corrected = after[1], corrected + sentence[end : after[1]]
    before = next((span for span in reversed(words) if span[1] <= start), None)
    if sentence.count(sentence[start:end]) > 1 and before:
        start, corrected = before[0], sentence[before[0] : start] + corrected
    return sentence[start:end], corrected


def of_both(
    by_rule: Sequence[Correction], by_model: Sequence[Correction], rewritten: str, language: str
) -> tuple[Correction, ...]:
    """The corrections of a sentence by rules and by the model, without overlaps. rewritten: the sentence as the model
    writes it.

    If both correct the same words, the rule's correction stays, because its reason is certain. But if the model mends
    what the rule found and more, the model's stays: "She want learn" becomes "She wants to learn".
    """
    if not slips_in(rewritten, language):
        by_rule = [one for one in by_rule if not any(_goes_beyond(other, one) for other in by_model)]
    return without_overlaps((*by_rule, *by_model))


def _goes_beyond(one: Correction, other: Correction) -> bool:
    """Whether `one` corrects words of `other`, and puts more or other words there."""
    start, end = _place(one)
    other_start, other_end = _place(other)
    return start < other_end and end > other_start and one.corrected not in other.corrected


def _place(one: Correction) -> tuple[int, int]:
    start = one.sentence.find(one.original)
    return start, start + len(one.original)


def without_overlaps(corrections: Sequence[Correction]) -> tuple[Correction, ...]:
    """The corrections without overlaps. If a rule and the model correct the same words, the rule's correction stays."""
    kept: list[tuple[int, int]] = []
    chosen: list[Correction] = []
    for one in corrections:
        start, end = _place(one)
        if all(end <= other_start or start >= other_end for other_start, other_end in kept):
            kept.append((start, end))
            chosen.append(one)
    return tuple(chosen)


def _changes(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """The ranges of words that differ: (from, to) in `before`, (from, to) in `after`.

    Ranges with at most one equal word between them are joined. If words were only added or left out, the range includes
    a neighbouring word, so that neither side is empty.
    """
    spans: list[list[int]] = []
    for tag, *span in _matcher(before, after).get_opcodes():
        if tag == "equal":
            continue
        if spans and span[0] - spans[-1][1] <= 1:
            spans[-1][1], spans[-1][3] = span[1], span[3]
        else:
            spans.append(list(span))
    for start, end, new_start, new_end in spans:
        if start == end or new_start == new_end:
            if end < len(before) and new_end < len(after):
                end, new_end = end + 1, new_end + 1
            elif start > 0 and new_start > 0:
                start, new_start = start - 1, new_start - 1
        if start < end and new_start < new_end:
            yield start, end, new_start, new_end


def _matcher(before: Sequence[str], after: Sequence[str]) -> SequenceMatcher[str]:
    return SequenceMatcher(None, before, after, autojunk=False)


def _words(text: str) -> tuple[str, ...]:
    return tuple(plain_word(text[start:end]) for start, end in word_spans(text))
