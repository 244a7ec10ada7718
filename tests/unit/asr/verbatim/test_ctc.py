"""The forward algorithm agrees with the sum over all paths."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest

from asr_service.verbatim.ctc import log_likelihoods

BLANK = 3


def by_all_paths(log_probs: np.ndarray, sequence: list[int]) -> float:
    total = -np.inf
    for path in product(range(log_probs.shape[1]), repeat=len(log_probs)):
        if [symbol for symbol, _ in groupby(path) if symbol != BLANK] == sequence:
            total = np.logaddexp(total, sum(log_probs[frame, symbol] for frame, symbol in enumerate(path)))
    return float(total)


def test_likelihoods_are_the_sums_over_all_paths() -> None:
    logits = np.random.default_rng(1).normal(size=(5, 4))
    log_probs = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)
    sequences = [[0], [0, 1], [1, 1], [2, 0, 1], []]
    found = log_likelihoods(log_probs, sequences, BLANK)
    assert found == pytest.approx([by_all_paths(log_probs, sequence) for sequence in sequences], abs=1e-4)


def test_a_sequence_that_is_too_long_is_impossible() -> None:
    log_probs = np.full((2, 4), np.log(0.25), np.float32)
    short, long = log_likelihoods(log_probs, [[0, 1], [0, 1, 2]], BLANK)
    assert long < -1e6 < short
