"""The turn-taking set: utterances with the true positions of their pauses. The same seed always makes the same set.

Synthetic utterances are spoken by Piper, at several speaking rates. Most of them hesitate where the sentence needs more
words: after a comma's rising tone, after a filler, or with the falling tone at the end of a text. Real ones are cut
from the recordings in the wheel moonshine-voice. Every utterance is then given a loudness and a background noise.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, chain, islice
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import soxr
from piper import PiperVoice, SynthesisConfig

from bench.turn_taking.more_sentences import MORE_COMPLETE, MORE_SENTENCES
from bench.turn_taking.sentences import COMPLETE, FILLERS, REAL_COMPLETE, REAL_HESITANT, SENTENCES
from tests.support.asr import read_wav
from tests.support.voices import piper_voice, wheel_folder

RATE = 16_000
SEED = 20_261_122
LEAD_S, TAIL_S = 0.5, 5.0
MORE = 400  # utterances; the sentences and recordings would be enough for about 450
PACES = (0.8, 0.9, 1.0, 1.1, 1.2)
Audio: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Utterance:
    """pause: (begin, end) of the place where the speaker stops to think; None if there is none. end: where the speech
    ends. Both in samples."""

    name: str
    kind: str
    tuning: bool
    audio: Audio
    pause: tuple[int, int] | None
    end: int

    @property
    def pause_ms(self) -> float:
        """Length of the pause in ms; 0 if there is none."""
        return (self.pause[1] - self.pause[0]) * 1000 / RATE if self.pause else 0.0


def make_set() -> list[Utterance]:
    """All utterances. The versions of a sentence, one complete and the others hesitant, are in the same half."""
    return [*_synthetic(), *_real()]


def make_more() -> Iterator[Utterance]:
    """More utterances to fit weights to: other sentences, and those of the tuning half again, with a new choice of
    noise, loudness and pause, and of Piper's speed.

    A hesitant utterance ends with its pause, a complete one after 0.6 s of silence.
    """
    for utterance in islice(chain(_real_again(takes=3), _synthetic_again()), MORE):
        end = utterance.pause[1] if utterance.pause else utterance.end + RATE * 6 // 10
        yield replace(utterance, audio=utterance.audio[:end])


# --- speech -------------------------------------------------------------------------------------


def _synthetic() -> Iterator[Utterance]:
    texts = [*SENTENCES, *COMPLETE]
    halves = shuffled_halves(len(texts), SEED)
    for i, (marked, tuning) in enumerate(zip(texts, halves, strict=True)):
        choice = random.Random(f"{SEED} {marked}")
        pace = choice.choice(PACES)
        whole, _ = _say(marked.replace("| ", ""), pace)
        yield staged(f"whole-{i}", "whole", tuning, whole, None, choice)
        if "|" in marked:
            for kind in ("comma", "filler", "flat"):
                before, after = _halves(marked, kind, choice.choice(FILLERS), choice.choice(PACES))
                yield staged(f"{kind}-{i}", kind, tuning, before, after, choice)


def _synthetic_again() -> Iterator[Utterance]:
    texts = [*SENTENCES, *COMPLETE]
    halves = shuffled_halves(len(texts), SEED)
    more = [*(text for text, tuning in zip(texts, halves, strict=True) if tuning), *MORE_SENTENCES, *MORE_COMPLETE]
    random.Random(5).shuffle(more)
    for marked in more:
        choice = random.Random(f"x {marked}")
        whole, _ = _say(marked.replace("| ", ""), choice.choice(PACES))
        yield staged(f"x-whole-{marked}", "whole", True, whole, None, choice)
        if "|" in marked:
            for kind in ("comma", "flat", "filler")[: choice.choice((2, 2, 3))]:
                before, after = _halves(marked, kind, choice.choice(FILLERS), choice.choice(PACES))
                yield staged(f"x-{kind}-{marked}", kind, True, before, after, choice)


def shuffled_halves(count: int, seed: int) -> list[bool]:
    """For each of `count` things, whether it is in the tuning half."""
    return random.Random(seed).sample([True] * (count // 2) + [False] * (count - count // 2), count)


def _halves(marked: str, kind: str, filler: str, pace: float) -> tuple[Audio, Audio]:
    """A sentence up to its hesitation, and the rest of it."""
    first, rest = (part.strip() for part in marked.split("|"))
    if kind == "flat":
        return _say(first, pace)[0], _say(rest, pace)[0]
    stop = f"{first}, {filler}," if kind == "filler" else f"{first},"
    audio, commas = _say(f"{stop} {rest}", pace)
    cut = commas[stop.count(",") - 1]
    return trimmed(audio[:cut]), trimmed(audio[cut:])


@cache
def _piper() -> PiperVoice:
    return PiperVoice.load(piper_voice(), include_alignments=True)


def _say(text: str, pace: float) -> tuple[Audio, list[int]]:
    """Speech at 16 kHz, and where the middle of each comma is in it, in samples. pace: 1.2 is fast."""
    config = SynthesisConfig(length_scale=1 / pace, noise_scale=0.0, noise_w_scale=0.0)  # the same speech each time
    pieces, commas, offset = [], [], 0
    for chunk in _piper().synthesize(text, config, include_alignments=True):
        told = chunk.phoneme_alignments or []
        ends = list(accumulate(a.num_samples for a in told))
        commas += [offset + end - a.num_samples // 2 for a, end in zip(told, ends, strict=True) if a.phoneme == ","]
        pieces.append(chunk.audio_float_array)
        offset += len(chunk.audio_float_array)
    rate = _piper().config.sample_rate
    audio = np.asarray(soxr.resample(np.concatenate(pieces), rate, RATE), np.float32)
    scaled = [round(comma * RATE / rate) for comma in commas]
    return (audio if commas else trimmed(audio)), scaled


@cache
def _recording(name: str) -> Audio:
    pcm, rate = read_wav(wheel_folder("moonshine_voice") / "assets" / f"{name}.wav")
    return np.asarray(soxr.resample(pcm.astype(np.float32) / 32_768, rate, RATE), np.float32)


def _real() -> Iterator[Utterance]:
    half = _real_halves()
    for name, spans in REAL_COMPLETE.items():
        for i, (begin, end) in enumerate(spans):
            whole = _piece(name, begin, end)
            yield staged(f"{name}-{i}", "real whole", half[name, begin], whole, None, random.Random(f"{name} {i}"))
    for name, stops in REAL_HESITANT.items():
        for i, (begin, stop, end) in enumerate(stops):
            before, after = _stopped(name, begin, stop, end)
            for take in range(2):
                choice = random.Random(f"{name} {i} {take}")
                title = f"{name}-stop-{i}-{take}"
                yield staged(title, "real stop", half[name, begin], before, after, choice)


def _real_again(takes: int) -> Iterator[Utterance]:
    """The recordings of the tuning half with other noises, loudnesses and pauses."""
    half = _real_halves()
    for name, spans in REAL_COMPLETE.items():
        for i, (begin, end) in enumerate(spans):
            for take in range(takes if half[name, begin] else 0):
                choice = random.Random(f"x{name}{i}{take}")
                yield staged(f"x-{name}-{i}-{take}", "real whole", True, _piece(name, begin, end), None, choice)
    for name, stops in REAL_HESITANT.items():
        for i, (begin, stop, end) in enumerate(stops):
            for take in range(takes if half[name, begin] else 0):
                choice = random.Random(f"x{name}{i}s{take}")
                before, after = _stopped(name, begin, stop, end)
                yield staged(f"x-{name}-stop-{i}-{take}", "real stop", True, before, after, choice)


def _real_halves() -> dict[tuple[str, float], bool]:
    """(recording, begin) of a piece → whether it is in the tuning half. All pieces that begin there are in the same
    half."""
    begins = sorted(
        {(name, span[0]) for spans in (REAL_COMPLETE, REAL_HESITANT) for name in spans for span in spans[name]}
    )
    return dict(zip(begins, shuffled_halves(len(begins), SEED), strict=True))


def _piece(name: str, begin: float, end: float) -> Audio:
    return trimmed(_recording(name)[round(begin * RATE) : round(end * RATE)])


def _stopped(name: str, begin: float, stop: float, end: float) -> tuple[Audio, Audio]:
    """Speech up to about `stop`, and the rest of it."""
    audio = _recording(name)[round(begin * RATE) : round(end * RATE)]
    cut = _quietest(audio, round((stop - begin) * RATE))
    return _faded(trimmed(audio[:cut])), trimmed(audio[cut:])


def _quietest(audio: Audio, near: int) -> int:
    """The quietest moment within 80 ms of `near`: the gap between two words, whose ends the recogniser gives only
    roughly."""
    frame = RATE // 200
    starts = range(max(0, near - 16 * frame), near + 16 * frame, frame)
    return min(starts, key=lambda start: float(np.square(audio[start : start + frame]).sum())) + frame // 2


def _faded(audio: Audio) -> Audio:
    """`audio` with a fade, so that the cut makes no click."""
    fade = RATE // 100
    return np.concatenate([audio[:-fade], audio[-fade:] * np.linspace(1, 0, fade, dtype=np.float32)])


def trimmed(audio: Audio) -> Audio:
    """`audio` without the silence before and after it. Silence is 40 dB below the peak."""
    frame = RATE // 100
    level = np.abs(audio[: len(audio) // frame * frame]).reshape(-1, frame).max(axis=1)
    loud = np.flatnonzero(level > level.max() / 100)
    return audio[loud[0] * frame : (loud[-1] + 1) * frame]


# --- staging ------------------------------------------------------------------------------------


def staged(name: str, kind: str, tuning: bool, before: Audio, after: Audio | None, choice: random.Random) -> Utterance:
    """Speech with its hesitation, at a loudness and with a background noise that `choice` draws."""
    pause_s = choice.uniform(0.3, 1.5)
    gain = choice.choice([0.5, 0.5, 0.5, 0.25, 0.06]) / max(0.01, float(np.abs(before).max()))
    noise, snr_db = choice.choice([("none", 99), ("none", 99), ("hiss", 25), ("hiss", 15), ("hum", 15), ("babble", 18)])
    lead, pieces = round(LEAD_S * RATE), [np.zeros(round(LEAD_S * RATE), np.float32), before]
    pause = None
    if after is not None:
        pause = (lead + len(before), lead + len(before) + round(pause_s * RATE))
        pieces += [np.zeros(pause[1] - pause[0], np.float32), after]
    end = sum(map(len, pieces))
    speech = np.concatenate([*pieces, np.zeros(round(TAIL_S * RATE), np.float32)]) * np.float32(gain)
    loudness = float(np.sqrt(np.square(speech[lead : lead + len(before)]).mean()))
    room = _noise(noise, len(speech), choice.randrange(2**32))
    room *= loudness * 10 ** (-snr_db / 20) if noise != "none" else 1e-4
    mixed = np.clip(speech + room, -1, 1).astype(np.float32)
    mixed = np.round(mixed * 32_767).astype(np.float32) / 32_768  # rounded as 16-bit audio is
    return Utterance(f"{name}-{noise}{snr_db if snr_db < 99 else ''}", kind, tuning, mixed, pause, end)


def _noise(kind: str, samples: int, seed: int) -> Audio:
    """Noise of loudness 1: white hiss, a room's hum (its power falls with frequency), or voices far away."""
    generator = np.random.default_rng(seed)
    sound = generator.normal(0, 1, samples)
    if kind == "hum":
        spectrum = np.fft.rfft(sound)
        spectrum /= np.maximum(1, np.arange(len(spectrum)) * RATE / samples / 100)
        sound = np.fft.irfft(spectrum, samples)
    elif kind == "babble":
        voice = _recording("two_cities")
        offsets = generator.integers(0, len(voice), 8)
        sound = np.sum([np.resize(np.roll(voice[::-1], offset), samples) for offset in offsets], axis=0)
    return np.asarray(sound / np.sqrt(np.square(sound).mean()), np.float32)
