"""Utterances in other languages, spoken by Kokoro's voices: complete, and with a hesitation at the mark `|`.

All versions of a sentence are in the same half. There is no German voice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import soxr

from bench.turn_taking.language_sentences import LANGUAGES
from bench.turn_taking.utterances import RATE, SEED, Audio, Utterance, shuffled_halves, staged, trimmed
from tests.support.tts_engines import engine_settings
from tts_service.engines import build
from tts_service.engines.kokoro_files import KOKORO

Say = Callable[[str, str], Audio]


def make_in(language: str, models: Path, spoken: Path) -> list[Utterance]:
    """The utterances of `language`, a key of LANGUAGES. models: the folder of Kokoro's files. spoken: the folder where
    the speech is stored."""
    return list(_utterances(language, speaker(models, spoken)))


def _utterances(language: str, say: Say) -> Iterator[Utterance]:
    told = LANGUAGES[language]
    texts = [*told.sentences, *told.complete]
    for i, (marked, tuning) in enumerate(zip(texts, shuffled_halves(len(texts), SEED), strict=True)):
        choice = random.Random(f"{SEED} {marked}")
        voice = choice.choice(told.voices)
        whole = say(voice, marked.replace("| ", ""))
        yield staged(f"{language}-whole-{i}", "whole", tuning, whole, None, choice)
        if "|" in marked:
            first, rest = (part.strip() for part in marked.split("|"))
            stops = {"comma": f"{first.rstrip(',')},", "filler": f"{first}, {told.filler},", "flat": first}
            for kind in ("comma", choice.choice(("filler", "flat"))):
                before, after = say(voice, stops[kind]), say(voice, rest)
                yield staged(f"{language}-{kind}-{i}", kind, tuning, before, after, choice)


def speaker(models: Path, spoken: Path) -> Say:
    """Speaks with Kokoro, which is slow, so each text is spoken once and stored as a file."""
    engine = build(engine_settings(models_cache_dir=models), KOKORO)
    engine.load()
    voices = {voice.id: voice for voice in engine.voices()}
    spoken.mkdir(parents=True, exist_ok=True)

    def say(voice: str, text: str) -> Audio:
        path = spoken / f"{voice}-{sha256(text.encode()).hexdigest()[:16]}.npy"
        if not path.exists():
            pieces = engine.synthesize(text, voice=voices[voice], speed=1.0, language="")
            at_24k = np.concatenate([piece.pcm for piece in pieces])
            np.save(path, trimmed(np.asarray(soxr.resample(at_24k, 24_000, RATE), np.float32)))
        loaded: Audio = np.load(path)
        return loaded

    return say
