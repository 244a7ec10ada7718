"""Fits the weights of `asr_service.turn_taking.end_of_turn`: logistic regression with a little shrinkage."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from asr_service.turn_taking.end_of_turn import Signs, Weights, signs_of_end
from bench.turn_taking.detector import Heard
from bench.turn_taking.utterances import Utterance

_SHRINKAGE, _STEPS = 1.0, 50
_FIRST_ASKED_MS = 350  # later questions about the same pause are left out, so that each pause counts only once


def fit(heard: Iterable[tuple[Utterance, Heard]], now: Weights) -> Weights:
    """The weights with which the signs at the first question about each pause best tell whether the speaker was done.

    now: the present weights; a sign whose weight is 0 keeps the weight 0.
    """
    rows, done = [], []
    for utterance, found in heard:
        for moment in found.moments:
            if moment.silence_ms < _FIRST_ASKED_MS:
                rows.append(signs_of_end(moment.acoustic, moment.heard, moment.heard.language, moment.could_end))
                done.append(float(moment.position > utterance.end))
    return _fitted(np.array(rows), np.array(done), now)


def _fitted(signs: np.ndarray, done: np.ndarray, now: Weights) -> Weights:
    used = [number for number, weight in enumerate(now.signs) if weight]
    bias, *weights = logistic_weights(np.column_stack([np.ones(len(signs)), signs[:, used]]), done).round(2).tolist()
    fitted = {Signs._fields[number]: weight for number, weight in zip(used, weights, strict=True)}
    return Weights(bias, Signs(0.0, 0.0, 0.0)._replace(**fitted))


def logistic_weights(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The weights that separate the rows of `x` (n, signs) with `y` 1 from those with `y` 0. Both groups count
    equally."""
    balance = np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    weights = np.zeros(x.shape[1])
    for _ in range(_STEPS):  # Newton's method
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (balance * (p - y)) + _SHRINKAGE * weights
        hessian = (x.T * (balance * p * (1 - p))) @ x + _SHRINKAGE * np.eye(x.shape[1])
        weights -= np.linalg.solve(hessian, gradient)
    return weights
