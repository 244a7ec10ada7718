"""Two ways to tell a mispronounced word: recognition's doubt, as on the page, and the phoneme networks of `hama`."""

from __future__ import annotations

from difflib import SequenceMatcher
from math import inf

from asr_service.audio import Audio
from asr_service.engine import AsrEngine, DecodeOptions
from asr_service.verbatim.slips import SlipFinder
from bench.pronunciation.sentences import Sentence
from bench.verbatim.report import words_of

UNSURE = 0.5
"""As in gateway/web/shadowing.js: recognition is unsure of a word with a lower confidence."""


def doubts(engine: AsrEngine, audio: Audio, sentence: Sentence) -> list[bool]:
    """For each word of the sentence, whether recognition does not find it or is unsure of it."""
    heard = engine.transcribe(audio, DecodeOptions("en")).words
    sure = [part for word in heard if word.confidence >= UNSURE for part in words_of(word.text)]
    doubted = [True] * len(sentence.words)
    for match in SequenceMatcher(None, sentence.words, sure, autojunk=False).get_matching_blocks():
        doubted[match.a : match.a + match.size] = [False] * match.size
    return doubted


def scores(finder: SlipFinder, audio: Audio, sentence: Sentence) -> list[float]:
    """For each word of the sentence, how much likelier it is with a slip than without, as a logarithm; -inf if no slip
    is possible."""
    found = [-inf] * len(sentence.words)
    for word, _, score in finder.find(audio, sentence.text, margin=-inf):
        found[word] = score
    return found
