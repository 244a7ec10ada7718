"""Fits the weights of `asr_service.end_of_turn` to the tuning half: logistic regression with a little shrinkage."""

from __future__ import annotations

import numpy as np

from asr_service.end_of_turn import text_signs
from tests.bench.turn_taking.detector import Heard
from tests.bench.turn_taking.utterances import Utterance

_SHRINKAGE, _STEPS = 1.0, 50
NAMES = ("BIAS", "ACOUSTIC", "WANTS_MORE", "THINKS", "ENDED")


def fit(heard: list[tuple[Utterance, Heard]]) -> dict[str, float]:
    """The weights, by name, from what was known at each moment and whether the speaker was then done."""
    rows, done = [], []
    for utterance, found in heard:
        for moment in found.moments:
            if moment.silence_ms < 800:
                odds = np.log(np.clip(moment.acoustic, 1e-3, 1 - 1e-3) / (1 - np.clip(moment.acoustic, 1e-3, 1 - 1e-3)))
                rows.append([1.0, odds, *text_signs(moment.text)])
                done.append(float(moment.position > utterance.end))
    x, y = np.array(rows), np.array(done)
    balance = np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    weights = np.zeros(x.shape[1])
    for _ in range(_STEPS):  # Newton's method
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (balance * (p - y)) + _SHRINKAGE * weights
        hessian = (x.T * (balance * p * (1 - p))) @ x + _SHRINKAGE * np.eye(x.shape[1])
        weights -= np.linalg.solve(hessian, gradient)
    return dict(zip(NAMES, np.round(weights, 2).tolist(), strict=True))
