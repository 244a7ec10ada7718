"""Finds the words that were really said: the variants that fit the sound clearly better than recognition's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from asr_service.audio import ENGINE_RATE_HZ, Audio
from asr_service.engine import Transcript
from asr_service.verbatim.ctc import Floats, log_likelihoods
from asr_service.verbatim.phonemes import FRAME, Phonemes
from asr_service.verbatim.rewording import has_mark, plain, reworded
from asr_service.verbatim.variants import Kind, Variant, variants_of

LONGEST = 30 * ENGINE_RATE_HZ
"""Samples; longer turns are left as they are."""
# How much likelier than recognition's words a variant has to be, as a logarithm. Fitted on one half of the sentences of
# `make bench-verbatim`.
MARGINS: Mapping[Kind, float] = {"form": 3.0, "added": 4.0, "left out": 4.0, "swapped": 4.0, "moved": 4.0}
_PIECE_WORDS = 14  # the most words that are compared at once; so the work is proportional to the turn's length
_AROUND = 2  # how many words before and after a piece are part of the comparison
_AT_ONCE = 64  # variants compared at once; bounds the memory
_SLACK = ENGINE_RATE_HZ // 10  # how exact recognition's word times are


class Rewriter:
    """`rewrite` blocks, so call it in a thread. margins: see `MARGINS`."""

    def __init__(self, phonemes: Phonemes, margins: Mapping[Kind, float] = MARGINS) -> None:
        self._phonemes = phonemes
        self._margins = margins

    def rewrite(self, audio: Audio, transcript: Transcript) -> Transcript:
        """`transcript` with the words that were said. audio: what it was recognised from, float32 mono at 16 kHz.

        Word times count from the beginning of `audio`. Returns `transcript` itself if nothing changes.
        """
        if not transcript.words or len(audio) > LONGEST:
            return transcript
        heard = self._phonemes.hear(audio)
        words = [plain(word.text) for word in transcript.words]
        is_end = [has_mark(word.text) for word in transcript.words]
        chosen: list[Variant] = []
        for begin, end in _pieces(len(words)):
            first, last = max(0, begin - _AROUND), min(len(words), end + _AROUND)
            start = transcript.words[first].start - _SLACK if first else 0
            stop = transcript.words[last - 1].end + _SLACK if last < len(words) else len(audio)
            frames = heard[max(0, start) // FRAME : -(-stop // FRAME)]
            found = self._chosen(words[first:last], is_end[first:last], frames)
            moved = (replace(one, start=one.start + first, end=one.end + first) for one in found)
            chosen += [one for one in moved if begin <= one.start and one.end <= end and one.start < end]
        if not chosen:
            return transcript
        said = reworded(transcript.words, chosen)
        return replace(transcript, text="".join(word.text for word in said).strip(), words=said)

    def _chosen(self, words: Sequence[str], is_end: Sequence[bool], heard: Floats) -> list[Variant]:
        """The variants that fit clearly better than `words`, best first, no two at the same place."""
        spelled = self._phonemes.of_words(words)
        if not spelled or not len(heard):
            return []
        variants, sequences = [], [spelled]
        for variant in variants_of(words, is_end):
            phonemes = self._phonemes.of_words([*words[: variant.start], *variant.words, *words[variant.end :]])
            if phonemes:
                variants.append(variant)
                sequences.append(phonemes)
        fits = [fit for batch in _batches(sequences) for fit in log_likelihoods(heard, batch, self._phonemes.blank)]
        gains = {one: fit - fits[0] - self._margins[one.kind] for one, fit in zip(variants, fits[1:], strict=True)}
        chosen: list[Variant] = []
        for variant in sorted(gains, key=lambda one: -gains[one]):
            if gains[variant] < 0:
                break
            if all(_are_apart(variant, one) for one in chosen):
                chosen.append(variant)
        return chosen


def _are_apart(one: Variant, other: Variant) -> bool:
    """Whether both can be right. Two neighbouring words may each have another form: "peoples likes"."""
    if one.kind == other.kind == "form":
        return one.end <= other.start or one.start >= other.end
    return one.end < other.start or one.start > other.end


def _pieces(count: int) -> Iterator[tuple[int, int]]:
    """Ranges of words, of about equal length and none longer than `_PIECE_WORDS`."""
    pieces = -(-count // _PIECE_WORDS)
    for i in range(pieces):
        yield count * i // pieces, count * (i + 1) // pieces


def _batches(sequences: Sequence[Sequence[int]]) -> Iterator[Sequence[Sequence[int]]]:
    for begin in range(0, len(sequences), _AT_ONCE):
        yield sequences[begin : begin + _AT_ONCE]
