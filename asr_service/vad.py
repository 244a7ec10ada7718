"""Is somebody speaking? Silero VAD over a stream, one probability for each window of 32 ms.

The network (https://github.com/snakers4/silero-vad, MIT) takes 512 new samples at 16 kHz after the 64 samples before
them, and carries a recurrent state from window to window. Its weights come with the wheel `silero-vad`, which is not
imported, as that wants torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import onnxruntime

from asr_service.audio import ENGINE_RATE_HZ, Audio, Resampler
from common.errors import EngineError

WINDOW = 512
"""Samples in a window."""
_CONTEXT = 64
_FILE = "silero_vad_16k_op15.onnx"
"""The network for this rate alone: what silero_vad.onnx answers to the bit, without choosing between two networks at
each run.
"""


def find_silero() -> Path:
    """The network's file; raises EngineError if the wheel isn't installed."""
    spec = find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("the weights of the voice detector are missing: `make setup` installs the wheel silero-vad")
    return Path(spec.submodule_search_locations[0]) / "data" / _FILE


class Vad(Protocol):
    """Any network of this kind; see SileroVad."""

    def infer(self, audio: Audio, state: Audio) -> tuple[Audio, Audio]: ...


class SileroVad:
    """The network. Loaded once; any number of streams may use it, from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a window is too small to share out
        self._session = onnxruntime.InferenceSession(
            path or find_silero(), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._rate = np.array(ENGINE_RATE_HZ, np.int64)

    def infer(self, audio: Audio, state: Audio) -> tuple[Audio, Audio]:
        """Of windows with their context (streams, 576) and states (2, streams, 128): the probabilities of speech
        (streams,) and the next states.
        """
        probabilities, state = self._session.run(None, {"input": audio, "state": state, "sr": self._rate})
        return probabilities[:, 0], state


Windows: TypeAlias = list[tuple[Audio, float]]
"""Windows of 512 samples at 16 kHz, each with its probability of speech."""


class Ear:
    """One stream: PCM bytes at the stream's rate in, windows at 16 kHz with their probability of speech out.

    It blocks for about 0.1 ms for each window. Cutting the bytes up differently changes nothing in what comes out.
    """

    def __init__(self, vad: Vad, sample_rate_hz: int) -> None:
        self._vad = vad
        self._resampler = Resampler(sample_rate_hz)
        self._rest: Audio = np.zeros(0, np.float32)
        self.context: Audio = np.zeros(_CONTEXT, np.float32)
        self.state: Audio = np.zeros((2, 1, 128), np.float32)

    def hear(self, pcm: bytes) -> Windows:
        """The windows that `pcm` completes."""
        return hear_together(self._vad, [(self, pcm, False)])[0]

    def flush(self) -> Windows:
        """The last windows; silence fills up the last one."""
        return hear_together(self._vad, [(self, b"", True)])[0]

    def cut(self, pcm: bytes, *, last: bool) -> Audio:
        """The windows (n, 512) that `pcm` completes, not yet heard; with `last`, silence fills up the last one."""
        audio = self._resampler.feed(pcm, last=last)
        if len(self._rest):
            audio = np.concatenate([self._rest, audio])
        if last and len(audio) % WINDOW:
            audio = np.concatenate([audio, np.zeros(-len(audio) % WINDOW, np.float32)])
        whole = len(audio) - len(audio) % WINDOW
        self._rest = audio[whole:].copy()
        return audio[:whole].reshape(-1, WINDOW)


def hear_together(vad: Vad, pieces: Sequence[tuple[Ear, bytes, bool]]) -> list[Windows]:
    """What each ear hears in its piece (bytes, and whether they are the last), with one run of the network for the
    first window of all, one for the second, and so on. An ear may be among them once.
    """
    cut = [ear.cut(pcm, last=last) for ear, pcm, last in pieces]
    heard: list[Windows] = [[] for _ in pieces]
    for turn in range(max(map(len, cut), default=0)):
        these = [index for index, windows in enumerate(cut) if turn < len(windows)]
        audio = np.empty((len(these), _CONTEXT + WINDOW), np.float32)
        for row, index in enumerate(these):
            audio[row, :_CONTEXT] = pieces[index][0].context
            audio[row, _CONTEXT:] = cut[index][turn]
        states = [pieces[index][0].state for index in these]
        probabilities, state = vad.infer(audio, states[0] if len(states) == 1 else np.concatenate(states, axis=1))
        for row, (index, probability) in enumerate(zip(these, probabilities.tolist(), strict=True)):
            ear, window = pieces[index][0], cut[index][turn]
            ear.state = state[:, row : row + 1]
            ear.context = window[-_CONTEXT:]
            heard[index].append((window, probability))
    return heard
