"""A Piper voice that speaks a sentence piece by piece, so that the first sound doesn't wait for the last.

A voice is two networks (see piper_halves). The first makes frames. The second turns frames into sound, and takes most
of the time. For a piece, it needs only the piece's frames and a few on each side. So it runs on a few frames first,
then on more at a time. The sound is the same as that of a whole sentence, except for rounding. If a voice can't be cut,
its sentences are made as a whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from piper.config import PiperConfig
from piper.const import BOS, EOS, PAD
from piper.voice import PiperVoice

from tts_service.engines.onnx_sessions import open_session
from tts_service.engines.piper_halves import FRAMES, SPEAKER, kept_halves
from tts_service.engines.sentence import Sentence

_LOOK_ASIDE = 12  # frames on each side: with 8, the sound differs by a thousandth; with 12, only by rounding
_FIRST_FRAMES = 32  # 0.37 s at 22,050 Hz: as long as two busy cores need to make the next piece
_MOST_FRAMES = 64  # 0.74 s: an interruption wastes up to this much, and other replies wait while it is made


class PiperModel:
    """A loaded voice file. May be used by several threads. folder: where its two networks are kept."""

    def __init__(self, path: Path, folder: Path, *, use_cuda: bool = False) -> None:
        config = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
        halves = kept_halves(path, folder)
        # Optimising the networks takes three quarters of the loading time, and on a CPU the voice is no faster
        # afterwards.
        opened = partial(open_session, use_cuda=use_cuda, optimised=use_cuda)
        self._sound = opened(halves.sound) if halves.sound else None
        frames = opened(halves.frames)
        self._voice = PiperVoice(session=frames, config=PiperConfig.from_dict(config))
        self.config = self._voice.config

    def phonemize(self, text: str) -> list[list[str]]:
        """The phonemes of each sentence that espeak finds in `text`."""
        return self._voice.phonemize(text)

    def speak(self, phonemes: Sequence[str], *, speaker: int | None, length_scale: float) -> Sentence:
        """Speak one sentence. length_scale: at 2 the speech is twice as slow as at 1."""
        ids = self._voice.phonemes_to_ids(list(phonemes))
        config = self.config
        inputs: dict[str, Any] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array([config.noise_scale, length_scale, config.noise_w_scale], np.float32),
        }
        if config.num_speakers > 1:
            inputs[SPEAKER] = np.array([speaker or 0], np.int64)
        first, *told = self._voice.session.run(None, inputs)
        lengths = self._lengths(phonemes, ids, np.rint(told[0].ravel() * config.hop_length)) if told else None
        if self._sound is None:
            return Sentence(iter([(first.ravel(), True)]), lengths)
        return Sentence(self._pieces(self._sound, first, inputs), lengths)

    def _pieces(
        self, sound: onnxruntime.InferenceSession, frames: NDArray[np.float32], inputs: dict[str, Any]
    ) -> Iterator[tuple[NDArray[np.float32], bool]]:
        hop = self.config.hop_length
        others = {SPEAKER: inputs[SPEAKER]} if SPEAKER in {one.name for one in sound.get_inputs()} else {}
        total = frames.shape[-1]
        for begin, end in pieces_of(total):
            seen_from = max(0, begin - _LOOK_ASIDE)
            (heard,) = sound.run(None, {FRAMES: frames[..., seen_from : end + _LOOK_ASIDE], **others})
            yield heard.ravel()[(begin - seen_from) * hop : (end - seen_from) * hop], end == total

    def _lengths(
        self, phonemes: Sequence[str], ids: Sequence[int], samples: NDArray[np.float64]
    ) -> tuple[int, ...] | None:
        """The lengths of the phonemes, each including the padding after it, from the lengths of the ids."""
        id_map = self.config.phoneme_id_map
        counts = [
            len(id_map[phoneme]) + (len(id_map.get(PAD, ())) if phoneme != EOS else 0) if phoneme in id_map else 0
            for phoneme in (BOS, *phonemes, EOS)
        ]
        if not sum(counts) == len(ids) == samples.size:
            return None
        return tuple(int(part.sum()) for part in np.split(samples, np.cumsum(counts)[:-1]))


def pieces_of(frames: int) -> list[tuple[int, int]]:
    """Where to cut `frames` frames: into a short first piece, then into equal ones. Fewer than 64 stay whole."""
    first = _FIRST_FRAMES if frames >= 2 * _FIRST_FRAMES else 0
    rest = frames - first
    parts = math.ceil(rest / _MOST_FRAMES)
    cuts = [first + rest * part // parts for part in range(parts + 1)]
    return list(pairwise([0, *cuts] if first else cuts))
