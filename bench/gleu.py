"""GLEU, the usual measure of corrected sentences (Napoles, Sakaguchi, Post & Tetreault, 2015 and 2016).

Like BLEU, GLEU counts the n-grams that a correction shares with a person's correction. It subtracts those n-grams of
the learner's sentence that the correction has kept although the person changed them. If several people corrected each
sentence, one person's correction of it is drawn at random. The draws are repeated, and the result is the mean. No
maintained package computes GLEU (`nltk` has a different measure of this name), so this module follows the authors' own
program.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np

ORDER = 4
DRAWS = 500

Tokens = Sequence[str]


def corpus_gleu(
    sources: Sequence[Tokens], references: Sequence[Sequence[Tokens]], hypotheses: Sequence[Tokens], draws: int = DRAWS
) -> float:
    """GLEU of a corpus, 0 to 100. references: the corrections of each sentence; all sentences have equally many."""
    counts = np.array(
        [
            [_counts(source, reference, hypothesis) for reference in own]
            for source, own, hypothesis in zip(sources, references, hypotheses, strict=True)
        ]
    )
    sentences, people = counts.shape[:2]
    chance = random.Random(0)
    rows = np.arange(sentences)
    drawn = (counts[rows, [chance.randrange(people) for _ in rows]].sum(axis=0) for _ in range(draws))
    return 100 * float(np.mean([_gleu(sums) for sums in drawn]))


def _counts(source: Tokens, reference: Tokens, hypothesis: Tokens) -> list[int]:
    """The lengths of hypothesis and reference. Then two numbers for each order: the hypothesis's n-grams that are in
    the reference, minus those wrongly kept from the source; and all n-grams of the hypothesis."""
    counts = [len(hypothesis), len(reference)]
    for order in range(1, ORDER + 1):
        theirs, ours = _ngrams(reference, order), _ngrams(hypothesis, order)
        to_change = Counter({gram: n for gram, n in _ngrams(source, order).items() if gram not in theirs})
        counts += [max(0, (ours & theirs).total() - (ours & to_change).total()), max(0, len(hypothesis) + 1 - order)]
    return counts


def _ngrams(tokens: Tokens, order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[start : start + order]) for start in range(len(tokens) + 1 - order))


def _gleu(sums: np.ndarray) -> float:
    if not sums.all():
        return 0.0
    length, reference = sums[:2]
    precision = np.log(sums[2::2] / sums[3::2]).mean()
    return float(np.exp(min(0.0, 1 - reference / length) + precision))
