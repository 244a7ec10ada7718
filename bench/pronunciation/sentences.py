"""Sentences with one word that learners often mispronounce, and how.

A slip is one phoneme that learners replace by one of their own language: /θ/ by /s/ ("think" as "sink"), /ɪ/ by /i/,
/v/ by /b/ … Phonemes are written as in `tts_service.engines.kokoro_phonemes`, because Kokoro speaks them.
"""

from __future__ import annotations

from dataclasses import dataclass

from asr_service.verbatim.slips import Slip

_TABLE = """
θ s  I {think} he is right.
θ s  We need a {thick} coat today.
θ t  She gave me {three} red apples.
θ t  My {mouth} is very dry.
ð d  Where is my {mother} now?
ð d  They want {another} cup of tea.
ð z  We can do it {together} next week.
ð z  The {weather} is nice today.
ɪ i  This {dish} is very hot.
ɪ i  The {ship} leaves at noon.
i ɪ  Please take a {seat} by the door.
i ɪ  I {need} a new pair of shoes.
æ ɛ  A {man} came to see you.
æ ɛ  My {hands} are very cold.
v b  This is a {very} good book.
v b  We went to the {village} by bus.
w v  He opened the {window} and looked out.
w v  My brother has to {work} tonight.
ɹ l  Turn {right} after the school.
ɹ l  The {river} is deep here.
l ɹ  Can you see the {light}?
l ɹ  She broke the {glass}.
z s  The children went to the {zoo}.
z s  He lost his {prize} last night.
ʃ s  Where did you buy those {shoes}?
ʃ s  The {shop} is closed on Sunday.
ʤ j  I drink orange {juice} every day.
ʤ j  He told us a funny {joke}.
ʧ ʃ  She sat on a wooden {chair}.
ʧ ʃ  We have to {change} the plan.
ʌ a  I had {lunch} with my sister.
ʌ a  Your {cup} is full.
ʊ u  This is a {good} idea.
ʊ u  They {took} the wrong train.
ŋ n  I want to {sing} a song.
ŋ n  We had a {long} day.
p b  She bought a new {pen}.
p b  We walked to the {park}.
h    He left his {hat} at home.
h    They bought a new {house} last year.
"""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, the number of its word that is mispronounced, and the slip."""

    text: str
    word: int
    slip: Slip

    @property
    def words(self) -> list[str]:
        """The words, in lower case and without punctuation."""
        return [word.strip(".,?!").lower() for word in self.text.split()]


def sentences() -> list[Sentence]:
    """All sentences."""
    return list(map(_sentence, filter(None, _TABLE.splitlines())))


def _sentence(line: str) -> Sentence:
    slip, marked = Slip(line[0], line[2].strip()), line[5:]
    place = next(i for i, word in enumerate(marked.split()) if "{" in word)
    return Sentence(marked.replace("{", "").replace("}", ""), place, slip)
