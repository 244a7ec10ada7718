"""A sentence made from phonemes: its trimmed pieces, with the words that begin in each. Piper and Kokoro share this."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_service.engine import EngineAudio, EngineWord
from tts_service.engines.phoneme_alignment import align_words
from tts_service.engines.silence import SilenceTrimmer
from tts_service.text.words import written_words

GAP_S = 0.15  # between sentences of one text, in addition to the silence that trimming leaves


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that is being made.

    pieces: (float32 mono samples, whether it is the last piece). lengths: the lengths in samples of the silence at the
    beginning, of each phoneme, and of the rest; None: the model doesn't report them.
    """

    pieces: Iterator[tuple[NDArray[np.float32], bool]]
    lengths: tuple[int, ...] | None


def phoneme_spans(
    phonemize: Callable[[str], list[list[str]]], text: str, sentences: list[list[str]]
) -> tuple[list[tuple[tuple[int, int], tuple[int, int]]], bool]:
    """Each word's place in the text and among the phonemes of all sentences, and whether the places among the phonemes
    are reliable."""
    words = written_words(text)
    phonemes = [phoneme for sentence in sentences for phoneme in [*sentence, " "]]
    alone = [[p for sentence in phonemize(text[start:end]) for p in sentence] for start, end in words]
    spans, trusted = align_words(phonemes, alone)
    return list(zip(words, spans, strict=True)), trusted


def spoken(
    sentence: Sentence,
    phonemes: Sequence[str],
    words: list[tuple[tuple[int, int], int, int]],
    rate: int,
    *,
    trusted: bool,
    gap_s: float,
) -> Iterator[EngineAudio]:
    """The trimmed pieces of a sentence, each with the words that begin in it. Times count from the piece's start."""
    pieces, lengths = sentence.pieces, sentence.lengths
    if lengths is None:  # without lengths, we assume that all phonemes are equally long
        whole = list(pieces)
        places = len(phonemes) + 2
        lengths = (sum(pcm.size for pcm, _ in whole) // places,) * places
        pieces, trusted = iter(whole), False
    begins = np.cumsum(lengths)
    trimmer = SilenceTrimmer(rate)
    waiting, made = words, 0
    for pcm, is_last in pieces:
        kept = trimmer.trim(np.clip(pcm, -1.0, 1.0), is_last=is_last)
        if not made:
            kept = np.concatenate([np.zeros(round(gap_s * rate), np.float32), kept])
            shift = round(gap_s * rate) - trimmer.cut
        at = np.clip(begins + shift - made, 0, kept.size if is_last else None)
        here = [word for word in waiting if is_last or at[word[1]] < kept.size]
        waiting = waiting[len(here) :]
        timed = tuple(EngineWord(*span, int(at[begin]), int(at[end])) for span, begin, end in here)
        yield EngineAudio(kept, timed, timing_estimated=not trusted)
        made += kept.size
