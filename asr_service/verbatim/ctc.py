"""How well sequences of phonemes fit the sound: the forward algorithm of CTC (Graves et al., 2006), for many at once.

Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_IMPOSSIBLE = np.float32(-1e30)


def log_likelihoods(log_probs: Floats, sequences: Sequence[Sequence[int]], blank: int) -> Floats:
    """The log-probability of each sequence of symbols, shape (sequences,).

    log_probs: (frames, symbols); `blank` is one of the symbols. A sequence that is too long for the frames gets a very
    low value.
    """
    longest = max(map(len, sequences))
    states = np.full((len(sequences), 2 * longest + 1), blank)
    for row, sequence in zip(states, sequences, strict=True):
        row[1 : 2 * len(sequence) : 2] = sequence
    skips = np.zeros(states.shape, bool)  # whether a state can be reached from the previous symbol, without a blank
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    closed = np.where(skips, np.float32(0), _IMPOSSIBLE)[:, 2:]
    frames = log_probs.astype(np.float32)
    reached = np.full(states.shape, _IMPOSSIBLE, np.float32)
    reached[:, :2] = frames[0][states[:, :2]]
    for frame in frames[1:]:
        before = reached.copy()
        before[:, 1:] = np.logaddexp(before[:, 1:], reached[:, :-1])
        before[:, 2:] = np.logaddexp(before[:, 2:], reached[:, :-2] + closed)
        reached = before + frame[states]
    ends = np.array([2 * len(sequence) for sequence in sequences])
    rows = np.arange(len(sequences))
    symbol = np.where(ends > 0, reached[rows, np.maximum(ends - 1, 0)], _IMPOSSIBLE)
    likelihoods: Floats = np.logaddexp(reached[rows, ends], symbol)
    return likelihoods
