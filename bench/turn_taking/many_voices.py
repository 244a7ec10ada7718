"""English utterances in Kokoro's 28 voices: American and British, complete and with a hesitation at the mark `|`.

The tuning half and the test half share neither a sentence nor a voice.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from bench.turn_taking import many_voices_held_out, many_voices_tuning
from bench.turn_taking.languages import Say, speaker
from bench.turn_taking.sentences import FILLERS
from bench.turn_taking.utterances import SEED, Utterance, staged

_TUNING_VOICES = (
    "af_alloy", "af_bella", "af_jessica", "af_nicole", "af_river", "am_adam", "am_eric", "am_liam", "am_onyx",
    "am_santa", "bf_alice", "bf_isabella", "bm_daniel", "bm_george",
)  # fmt: skip
_TEST_VOICES = (
    "af_aoede", "af_heart", "af_kore", "af_nova", "af_sarah", "af_sky", "am_echo", "am_fenrir", "am_michael",
    "am_puck", "bf_emma", "bf_lily", "bm_fable", "bm_lewis",
)  # fmt: skip


def make_in_many_voices(models: Path, spoken: Path) -> list[Utterance]:
    """The utterances of both halves. models: the folder of Kokoro's files. spoken: the folder where the speech is
    stored."""
    say = speaker(models, spoken)
    held_out, tuning = many_voices_held_out, many_voices_tuning
    return [
        *_utterances(say, _TUNING_VOICES, tuning.HESITANT, tuning.COMPLETE, tuning=True),
        *_utterances(say, _TEST_VOICES, held_out.HESITANT, held_out.COMPLETE, tuning=False),
    ]


def _utterances(
    say: Say, voices: tuple[str, ...], hesitant: tuple[str, ...], complete: tuple[str, ...], *, tuning: bool
) -> Iterator[Utterance]:
    half = "tuning" if tuning else "test"
    for i, marked in enumerate((*hesitant, *complete)):
        choice = random.Random(f"{SEED} {marked}")
        voice = choice.choice(voices)
        whole = say(voice, marked.replace("| ", ""))
        yield staged(f"many-{half}-whole-{i}", "whole", tuning, whole, None, choice)
        if "|" in marked:
            first, rest = (part.strip() for part in marked.split("|"))
            stops = {"comma": f"{first.rstrip(',')},", "filler": f"{first}, {choice.choice(FILLERS)},", "flat": first}
            for kind in ("comma", choice.choice(("filler", "flat"))):
                before, after = say(voice, stops[kind]), say(voice, rest)
                yield staged(f"many-{half}-{kind}-{i}", kind, tuning, before, after, choice)
