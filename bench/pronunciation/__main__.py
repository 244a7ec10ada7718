"""`make bench-pronunciation`: whether a mispronounced word can be told from a right one.

Kokoro says 40 sentences, each with one slip that learners make, and without it. Two voices say each of them at two
speeds, as two takes of a learner; a third voice says it as the voice of the page. Two judges are asked about each word:

    recognition's doubt   as on the page: unsure of the word in both takes, and sure of it in the voice
    hama                  the sound fits the word with a slip better than without

The phoneme networks are also asked about recordings of two people who speak English from childhood.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from asr_service.audio import ENGINE_RATE_HZ, pcm_to_float
from asr_service.config import AsrSettings
from asr_service.engine import AsrEngine, DecodeOptions
from asr_service.engines import create_engine
from asr_service.verbatim.phonemes import Phonemes
from asr_service.verbatim.slips import MARGIN, SlipFinder
from bench.pronunciation.judges import doubts, scores
from bench.pronunciation.sentences import Sentence, sentences
from bench.pronunciation.speech import noisy, speech
from tests.support.audio import recorded, resampled

VOICE = "af_heart"
LEARNERS = ("am_michael", "bf_emma")
SPEEDS = (1.0, 0.85)  # of the two takes
MARGINS = (0.0, 1.0, 2.0, MARGIN, 5.0)
PEOPLE = ("beckett", "two_cities")
AT_ONCE = 8  # words of a recording of a person


@dataclass(frozen=True, slots=True)
class Judged:
    """A learner's two takes of a sentence. doubted: by recognition, for each word. scores: of the phoneme networks, for
    each take and word."""

    sentence: Sentence
    is_wrong: bool
    doubted: list[bool]
    scores: list[list[float]]

    def target(self) -> list[float]:
        """The scores of the word with the slip, or of the same word without it."""
        return [take[self.sentence.word] for take in self.scores]


def judged(
    engine: AsrEngine, finder: SlipFinder, sentence: Sentence, learner: str, *, is_wrong: bool, snr_db: float | None
) -> Judged:
    """Ask both judges. snr_db: how much louder than the noise the voice is; None: there is no noise."""
    voice = doubts(engine, speech(sentence, VOICE, 1.0, is_wrong=False), sentence)
    takes = [noisy(speech(sentence, learner, speed, is_wrong=is_wrong), snr_db) for speed in SPEEDS]
    both = zip(*(doubts(engine, take, sentence) for take in takes), voice, strict=True)
    doubted = [one and other and not of_voice for one, other, of_voice in both]
    return Judged(sentence, is_wrong, doubted, [scores(finder, take, sentence) for take in takes])


def area(wrong: Sequence[float], right: Sequence[float]) -> float:
    """The probability that a wrong word has a higher score than a right one (the area under the ROC curve)."""
    one, other = np.array(wrong)[:, np.newaxis], np.array(right)
    return float(np.mean(one > other) + np.mean(one == other) / 2)


def share(values: Iterable[float], margin: float) -> str:
    """How many of the values are above the margin."""
    every = np.array(list(values))
    return f"{(every > margin).mean():.1%} of {len(every)}"


def report(found: Sequence[Judged]) -> str:
    """The figures as text."""
    wrong, right = ([one for one in found if one.is_wrong == is_wrong] for is_wrong in (True, False))
    caught = np.mean([one.doubted[one.sentence.word] for one in wrong])
    others = np.mean([word for one in right for word in one.doubted])
    bad, good = ([score for one in group for score in one.target()] for group in (wrong, right))
    doubt = (
        f"recognition's doubt names {caught:.0%} of {len(wrong)} mispronounced words, and {others:.1%} of the"
        f" {sum(len(one.doubted) for one in right)} words said right"
    )
    lines = [
        doubt,
        f"hama: area under the curve {area(bad, good):.2f} (the same word, mispronounced and right)",
    ]
    for margin in MARGINS:
        every = (score for one in right for take in one.scores for score in take)
        both = [min(one.target()) for one in wrong]
        lines.append(
            f"  margin {margin:g}: mispronounced {share(bad, margin)}, in both takes {share(both, margin)}; words said"
            f" right {share(every, margin)}"
        )
    return "\n".join(lines)


def of_people(engine: AsrEngine, finder: SlipFinder) -> Iterator[float]:
    """The score of each word in the recordings of people, whose words recognition writes down."""
    for name in PEOPLE:
        audio = pcm_to_float(resampled(*recorded(name), ENGINE_RATE_HZ).tobytes())
        words = engine.transcribe(audio[: 28 * ENGINE_RATE_HZ], DecodeOptions("en")).words
        for begin in range(0, len(words), AT_ONCE):
            some = words[begin : begin + AT_ONCE]
            sound = audio[max(0, some[0].start - ENGINE_RATE_HZ // 10) : some[-1].end + ENGINE_RATE_HZ // 10]
            found = {one.word: one.score for one in finder.find(sound, "".join(word.text for word in some), margin=0.0)}
            yield from (found.get(place, 0.0) for place in range(len(some)))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.pronunciation", description=__doc__)
    parser.add_argument("--model", default="", help="Whisper model of recognition; empty: the bundled one")
    parser.add_argument("--first", type=int, default=None, help="only so many sentences")
    parser.add_argument("--snr", type=float, default=20.0, help="with noise: how much louder the voice is, in dB")
    options = parser.parse_args()
    engine = create_engine(AsrSettings(_env_file=None, asr_model_name=options.model, asr_device="cpu"))
    engine.load()
    finder = SlipFinder(Phonemes())
    for snr_db in (None, options.snr):
        print("without noise" if snr_db is None else f"with noise, {snr_db:g} dB below the voice")
        found = [
            judged(engine, finder, sentence, learner, is_wrong=is_wrong, snr_db=snr_db)
            for sentence in sentences()[: options.first]
            for learner in LEARNERS
            for is_wrong in (True, False)
        ]
        print(report(found), flush=True)
    people = list(of_people(engine, finder))
    print("people:", "; ".join(f"margin {margin:g}: {share(people, margin)}" for margin in MARGINS))


if __name__ == "__main__":
    main()
