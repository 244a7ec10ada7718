"""What a learner does, however fast the mesh is: speaks, pauses, listens to the reply, thinks, and speaks again.

Each learner has a random generator of its own, so one learner's words never depend on how fast another is served.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Protocol


@dataclass(frozen=True)
class Turn:
    """One turn of the learner. Times are in seconds. wait_s: before it begins. speech_s: from the first to the last
    voiced sample.

    decode_s, eager_s, over_s: from the last voiced sample to the beginning of the turn's decode, to the turn's eager
    end, and to its end. in_vain: whether a pause within the turn was first taken for its end. words: how many.
    pauses_s: the turn's short pauses, each of which begins a decode: (seconds from the turn's beginning to the pause,
    length of the pause). reply_tokens, reply_s: the answer's tokens, and its length in seconds; clause_tokens,
    clause_s: the same for its first clause.
    """

    wait_s: float
    speech_s: float
    decode_s: float
    eager_s: float
    over_s: float
    in_vain: bool
    words: int
    pauses_s: tuple[tuple[float, float], ...]
    reply_tokens: int
    reply_s: float
    clause_tokens: int
    clause_s: float


class Rhythm(Protocol):
    """Gives a learner's turns."""

    def next_turn(self) -> Turn:
        """The learner's next turn."""


@dataclass(frozen=True)
class Level:
    """words: in a turn, median. words_per_s: the learner's speed. think_s: from a reply's end to the next turn, mean.
    delay_s: of turn detection, (median, p95). reply_words: median."""

    words: float
    words_per_s: float
    think_s: float
    delay_s: tuple[float, float]
    reply_words: float


LEVELS = {
    # Words and speed: the CEFR table of docs/analysis.md (beginner: between A2 and B1; intermediate: B2; advanced: C1,
    # whose speed is assumed). Delays: measured on an earlier build; docs/turn-taking.md has the present ones. The rest
    # is assumed.
    "beginner": Level(6, 72 / 60, 3.0, (0.511, 0.908), 20),
    "intermediate": Level(13, 110 / 60, 2.0, (0.419, 0.878), 30),
    "advanced": Level(20, 135 / 60, 1.5, (0.356, 0.716), 45),
}
DECODE_S = 0.16
"""A turn's decode begins after 64 ms of silence, which the voice detector notices about 90 ms late
(docs/turn-taking.md)."""
EAGER_S = 0.236
IN_VAIN = 0.12  # the share of eager ends after which the turn goes on, measured on an earlier build
_LENGTH_SIGMA = 0.5
_PAUSE_EVERY_S = 3.0  # there is one pause of at least 64 ms in this much speech: assumed
_PAUSE_S = 0.2  # the length of such a pause: assumed
_CLAUSE_WORDS = 7  # words of the first clause: tts_service cuts at the first comma, and after at most 60 characters
_TOKENS_PER_WORD = 1.3
_REPLY_WORDS_PER_S = 2.6


@dataclass
class Conversation:
    """A learner of one level. pace: multiplies the time for thinking; below 1 the learner speaks more often."""

    random: Random
    level: Level
    pace: float = 1.0

    def next_turn(self) -> Turn:
        """The next turn, drawn at random from the level's distributions."""
        level, draw = self.level, self.random
        words = max(1, round(level.words * draw.lognormvariate(0, _LENGTH_SIGMA)))
        speech_s = words / level.words_per_s
        reply = max(4, round(level.reply_words * draw.lognormvariate(0, _LENGTH_SIGMA)))
        pauses = round(speech_s / _PAUSE_EVERY_S)
        clause = min(reply, max(2, round(_CLAUSE_WORDS * draw.uniform(0.5, 1.5))))
        median, p95 = level.delay_s
        over_s = median * draw.lognormvariate(0, math.log(p95 / median) / 1.645)
        return Turn(
            wait_s=draw.expovariate(1 / (level.think_s * self.pace)),
            speech_s=speech_s,
            decode_s=DECODE_S,
            eager_s=min(EAGER_S, over_s),
            over_s=over_s,
            in_vain=draw.random() < IN_VAIN / (1 - IN_VAIN),
            words=words,
            pauses_s=tuple((at, _PAUSE_S) for at in sorted(draw.uniform(0, speech_s) for _ in range(pauses))),
            reply_tokens=round(reply * _TOKENS_PER_WORD),
            reply_s=reply / _REPLY_WORDS_PER_S,
            clause_tokens=round(clause * _TOKENS_PER_WORD) + 1,  # one more token shows that the clause has ended
            clause_s=clause / _REPLY_WORDS_PER_S,
        )


def learner(seed: int, number: int, pace: float = 1.0) -> Conversation:
    """The learner with that number. The levels have equal shares."""
    random = Random(f"{seed}/{number}")
    return Conversation(random, LEVELS[list(LEVELS)[number % len(LEVELS)]], pace)
