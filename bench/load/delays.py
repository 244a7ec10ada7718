"""How long each stub takes. The defaults are the times of the bundled models on two cores, one call at a time."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from common.pcm import BYTES_PER_SAMPLE


class Delays(BaseModel):
    """Seconds. decode: for a whole turn. partial: for a partial transcript. first_token: until a reply's first token.
    token: from one token to the next. speech: from the text to the first audio."""

    model_config = ConfigDict(frozen=True)

    decode: float = 0.29
    partial: float = 0.10
    first_token: float = 0.13
    token: float = 0.01
    speech: float = 0.10

    @property
    def to_first_audio(self) -> float:
        """Seconds from the eager end of turn to the reply's first sample with an ideal mesh that adds no time."""
        return self.decode + self.first_token + self.speech


HEARD = "Yesterday Anna bought bread, cheese, apples, pears, honey, butter, eggs, milk, tea, coffee, sugar."
"""The text of every recognition, or its beginning if the audio is short. Any beginning of it could be a complete
sentence."""
REPLY = "That sounds lovely. What did you do with all of it when you came home in the evening?"
"""The answer of every language model."""
REPLY_S = 2.4
"""How long the spoken reply is, in seconds. It ends before the learner's next sentence (`bench.load.speech`), even
after the waits for endpointing and the models."""
REPLY_RATE_HZ = 24_000
MARK = bytes.fromhex("3930c7cf3930c7cf3930c7cf")
"""The first samples of each spoken reply (12345, -12345, …), by which a client recognises the beginning of an
answer."""


def reply_tokens() -> list[str]:
    """The reply in tokens, as a model would write it."""
    return [word + " " for word in REPLY.split()]


def reply_pcm() -> bytes:
    """The spoken reply: the mark, then noise that is as loud as a voice, so that the echo guard has to look for an
    echo."""
    samples = round(REPLY_S * REPLY_RATE_HZ) - len(MARK) // BYTES_PER_SAMPLE
    return MARK + np.random.default_rng(5).normal(0, 1500, samples).astype("<i2").tobytes()
