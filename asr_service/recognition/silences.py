"""Finds the silences between voices in the audio of an utterance. Pure.

Voice detection shows where a silence is, but only in windows of 32 ms, and up to four windows late. So a silence begins
where the sound falls to the level of the background noise, and ends where it rises again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from asr_service.audio import ENGINE_RATE_HZ, Audio

MIN_SILENCE = ENGINE_RATE_HZ // 5
"""In samples. A shorter silence may be a consonant: the mouth closes for a tenth of a second before a "t"."""

_VOICE = 0.5  # probability
_FRAME = 64  # 4 ms; the level is measured for each frame
_LOUD_FRAMES = 3  # this many loud frames in a row are a sound; fewer are a click
_ABOVE_ROOM_DB = 9.0  # a sound is louder than the background noise by at least this
_BELOW_VOICE_DB = 36.0  # a sound is softer than the voice by no more than this
_REACH = 50  # frames; a silence extends at most this far beyond its windows without voice
_INSIDE = 16  # frames; a silence begins or ends at most this far inside its windows without voice


class SilentSpan(NamedTuple):
    """Samples [begin, end) without a voice."""

    begin: int
    end: int


def silences_in(audio: Audio, voice: Sequence[float], window: int) -> list[SilentSpan]:
    """The silences of at least MIN_SILENCE between two voiced parts of `audio` (float32 mono at 16 kHz), in order.

    voice: the probability of a voice in each window of `window` samples; for all windows of `audio`, or more.
    """
    levels, frames = _levels_db(audio), window // _FRAME
    voiced = np.asarray(voice[: len(audio) // window]) >= _VOICE
    if not voiced.any():
        return []
    voice_db = float(np.percentile(levels[: len(voiced) * frames].reshape(-1, frames)[voiced], 90))
    found = (_fitted(levels, begin * frames, end * frames, voice_db) for begin, end in _gaps(voiced))
    return [silence for silence in found if silence.end - silence.begin >= MIN_SILENCE]


def _levels_db(audio: Audio) -> npt.NDArray[np.float64]:
    """The level of each frame, in dB."""
    frames = audio[: len(audio) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    levels: npt.NDArray[np.float64] = 10 * np.log10((frames**2).mean(axis=1) + 1e-10)
    return levels


def _gaps(voiced: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Runs [begin, end) of windows without voice, each between two windows with voice."""
    where = np.flatnonzero(voiced)
    for before, after in pairwise(where):
        if after - before > 1:
            yield int(before) + 1, int(after)


def _fitted(levels: npt.NDArray[np.float64], begin: int, end: int, voice_db: float) -> SilentSpan:
    """The silence around the frames [begin, end): from the last sound near their beginning to the first sound near
    their end.

    A sound further inside counts as something other than a voice, such as a breath.
    """
    room_db = float(np.median(levels[begin:end]))
    loud = levels >= max(room_db + _ABOVE_ROOM_DB, voice_db - _BELOW_VOICE_DB)
    sound = np.convolve(loud, np.ones(_LOUD_FRAMES), "valid") >= _LOUD_FRAMES  # whether a sound begins at each frame
    inside = min(_INSIDE, (end - begin) // 2)
    first, last = max(0, begin - _REACH), min(len(levels), end + _REACH)
    before = np.flatnonzero(sound[first : max(first, begin + inside - _LOUD_FRAMES + 1)])
    after = np.flatnonzero(sound[end - inside : last])
    return SilentSpan(
        (first + int(before[-1]) + _LOUD_FRAMES if len(before) else first) * _FRAME,
        (end - inside + int(after[0]) if len(after) else last) * _FRAME,
    )
