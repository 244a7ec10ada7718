"""Is somebody speaking? Silero VAD over a stream, one probability for each window of 32 ms.

The network (https://github.com/snakers4/silero-vad, MIT) takes 512 new samples at 16 kHz after the 64 samples before
them, and carries a recurrent state from window to window. Its weights come with the wheel `silero-vad`, which is not
imported, as that wants torch.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime

from asr_service.audio import ENGINE_RATE_HZ, Audio, Resampler
from common.errors import EngineError

WINDOW = 512
"""Samples in a window."""
_CONTEXT = 64


def find_silero() -> Path:
    """The network's file; raises EngineError if the wheel isn't installed."""
    spec = find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("the weights of the voice detector are missing: `make setup` installs the wheel silero-vad")
    return Path(spec.submodule_search_locations[0]) / "data" / "silero_vad.onnx"


class Vad(Protocol):
    """Any network of this kind; see SileroVad."""

    def infer(self, audio: Audio, state: Audio) -> tuple[float, Audio]: ...


class SileroVad:
    """The network. Loaded once; any number of streams may use it, from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a window is too small to share out
        self._session = onnxruntime.InferenceSession(
            path or find_silero(), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def infer(self, audio: Audio, state: Audio) -> tuple[float, Audio]:
        """The probability of speech in a window with its context (576 samples), and the next state."""
        inputs = {"input": audio[None], "state": state, "sr": np.array(ENGINE_RATE_HZ, np.int64)}
        probability, state = self._session.run(None, inputs)
        return float(probability[0, 0]), state


class Ear:
    """One stream: PCM bytes at the stream's rate in, windows at 16 kHz with their probability of speech out.

    It blocks for about 0.1 ms for each window. Cutting the bytes up differently changes nothing in what comes out.
    """

    def __init__(self, vad: Vad, sample_rate_hz: int) -> None:
        self._vad = vad
        self._resampler = Resampler(sample_rate_hz)
        self._rest: Audio = np.zeros(0, np.float32)
        self._context: Audio = np.zeros(_CONTEXT, np.float32)
        self._state: Audio = np.zeros((2, 1, 128), np.float32)

    def hear(self, pcm: bytes) -> list[tuple[Audio, float]]:
        """The windows that `pcm` completes."""
        return self._windows(self._resampler.feed(pcm))

    def flush(self) -> list[tuple[Audio, float]]:
        """The last windows; silence fills up the last one."""
        windows = self._windows(self._resampler.feed(b"", last=True))
        if len(self._rest):
            windows += self._windows(np.zeros(WINDOW - len(self._rest), np.float32))
        return windows

    def _windows(self, audio: Audio) -> list[tuple[Audio, float]]:
        audio = np.concatenate([self._rest, audio])
        whole = len(audio) - len(audio) % WINDOW
        self._rest = audio[whole:].copy()
        return [(window, self._probability(window)) for window in audio[:whole].reshape(-1, WINDOW)]

    def _probability(self, window: Audio) -> float:
        probability, self._state = self._vad.infer(np.concatenate([self._context, window]), self._state)
        self._context = window[-_CONTEXT:]
        return probability
