"""What the learners of `make bench` say (16 kHz mono int16), and when each utterance really ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.support.asr import Pcm, beckett_path, read_wav, silence, spoken

RATE_HZ = 16_000
# Louder samples are voice (-36 dB of full scale). Piper's silence and the noise in the recording are softer.
VOICED = 500


@dataclass(frozen=True)
class Utterance:
    """One utterance. name: for tables. pauses_s: the silences that were inserted."""

    name: str
    pcm: Pcm
    pauses_s: tuple[float, ...] = ()

    @property
    def last_voiced_s(self) -> float:
        """Seconds from the beginning to the end of the last voiced sample."""
        return float(np.flatnonzero(np.abs(self.pcm.astype(np.int32)) > VOICED)[-1] + 1) / RATE_HZ


# Piper speaks the texts. A number is a pause within the sentence, in seconds.
SCRIPT: tuple[tuple[str | float, ...], ...] = (
    ("I like coffee.",),
    ("Last weekend I went hiking", 0.4, "and the weather was really nice."),
    ("Could you tell me how to get to the train station?",),
    ("I think that", 0.6, "people should read more books."),
    ("Yesterday I went to the market with my sister and we bought some apples.",),
    ("What should I do tomorrow?",),
    ("My favorite food is", 0.8, "rice with chicken and vegetables."),
    ("I have been learning English for two years because I want to work abroad.",),
)
WARM_UP = ("Hello, my name is Anna.",)
RECORDED_S = (0.30, 2.70)  # a person says "Ever tried. Ever failed." with a pause of 0.3 s


def warm_up() -> Utterance:
    """The first utterance. It doesn't count, because systems are slow at first use."""
    return _spoken(WARM_UP)


def utterances(take: int = 1) -> tuple[Utterance, ...]:
    """Nine utterances, in the order of the first learner. Piper speaks each take a little differently."""
    return (*(_spoken(parts, take) for parts in SCRIPT), _recorded())


def quick_utterances() -> tuple[Utterance, ...]:
    """Three utterances, for a run of a minute."""
    return tuple(_spoken(parts) for parts in SCRIPT[:3])


def in_order_of(learner: int, said: Sequence[Utterance]) -> tuple[Utterance, ...]:
    """The utterances in this learner's order. The orders differ, so that learners don't talk in step."""
    first = learner * 2 % len(said)
    return (*said[first:], *said[:first])


def _spoken(parts: Sequence[str | float], take: int = 1) -> Utterance:
    pieces = [spoken(part, take=take) if isinstance(part, str) else silence(part) for part in parts]
    texts = [part for part in parts if isinstance(part, str)]
    return Utterance(" … ".join(texts), np.concatenate(pieces), tuple(p for p in parts if isinstance(p, float)))


def _recorded() -> Utterance:
    pcm, rate = read_wav(beckett_path())
    start, end = (round(seconds * rate) for seconds in RECORDED_S)
    cut = pcm[start:end].astype(np.float32)
    fade = np.linspace(0, 1, rate // 100, dtype=np.float32)
    cut[: len(fade)] *= fade
    cut[-len(fade) :] *= fade[::-1]
    return Utterance("Ever tried. Ever failed. (a recording)", cut.astype(np.int16))
