"""What a simulated learner says: real sentences at intervals with quiet noise in between, without end.

A cycle is one sentence spoken by Piper, then noise for long enough that the partner can answer. All learners say the
same sentences, but each begins at another point.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000
FRAME = RATE_HZ // 50
"""Samples in a frame of 20 ms."""
FRAME_S = FRAME / RATE_HZ
CYCLE_S = 8.0
_LEAD_S = 0.5
_NOISE_RMS = 30  # of 32,768, as in a quiet room


@dataclass(frozen=True)
class Program:
    """The program, which is repeated without end. pcm: whole frames. voiced: the positions of its sentences, in
    samples."""

    pcm: npt.NDArray[np.int16]
    voiced: tuple[tuple[int, int], ...]

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return len(self.pcm) // FRAME

    def frame(self, index: int) -> bytes:
        """The PCM of one frame."""
        return self.pcm[index * FRAME : (index + 1) * FRAME].tobytes()

    def save(self, path: Path) -> None:
        """Write the program to a file, for `load`."""
        np.savez(path, pcm=self.pcm, voiced=np.array(self.voiced))

    @staticmethod
    def load(path: Path) -> Program:
        """The program in a file that `save` wrote."""
        with np.load(path) as arrays:
            return Program(arrays["pcm"], tuple((int(begin), int(end)) for begin, end in arrays["voiced"]))


def program() -> Program:
    """Make a program. Each call gives a different one, because Piper varies its speech."""
    # imported here, because a client with a ready program needs no voice
    from tests.support.asr import LEARNER_LINES, spoken

    lines = LEARNER_LINES[:3]
    cycle, lead = round(CYCLE_S * RATE_HZ), round(_LEAD_S * RATE_HZ)
    noise = np.random.default_rng(7).normal(0, _NOISE_RMS, cycle * len(lines))
    voiced = []
    for number, line in enumerate(lines):
        speech, begin = spoken(line), number * cycle + lead
        noise[begin : begin + len(speech)] += speech
        voiced.append((begin, begin + len(speech)))
    return Program(np.clip(noise, -32_768, 32_767).astype(np.int16), tuple(voiced))
