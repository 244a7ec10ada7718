"""Silero VAD over a stream: the probability of a voice in each window of 32 ms.

The network (https://github.com/snakers4/silero-vad, MIT) takes the 512 samples of a window at 16 kHz together with the
64 samples before it. It carries a recurrent state from window to window. It can take several windows of one stream at
once; then only the recurrent part runs window by window. Its weights come with the wheel `silero-vad`, which is not
imported because it needs torch.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import onnxruntime

from asr_service.audio import ENGINE_RATE_HZ, Audio, Resampler
from common.errors import EngineError
from common.pcm import VOICE_WINDOW_S

WINDOW = round(VOICE_WINDOW_S * ENGINE_RATE_HZ)
"""Samples in a window at 16 kHz. A window lasts 32 ms."""
_CONTEXT = 64
_FILE = "silero_vad_16k_sequence.onnx"
"""The network for 16 kHz and several windows at once. It gives the same results as silero_vad.onnx window by window."""


def find_silero() -> Path:
    """The network's file. Raises EngineError if the wheel isn't installed, or is too old to contain it."""
    spec = find_spec("silero_vad")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / "data" / _FILE).is_file():
            return path
    raise EngineError("the weights of the voice detector are missing: `make setup` installs silero-vad 6.2.3 or later")


VadState: TypeAlias = tuple[Audio, Audio]
"""State of the recurrent layer: hidden and cell, (1, 1, 128) each."""


class Vad(Protocol):
    """A network of this kind; see SileroVad."""

    def infer(self, audio: Audio, state: VadState) -> tuple[Audio, VadState]:
        """See SileroVad.infer."""
        ...


class SileroVad:
    """The network. It is loaded once; all streams may use it, from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a window is too small to split over threads
        self._session = onnxruntime.InferenceSession(
            path or find_silero(), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def infer(self, audio: Audio, state: VadState) -> tuple[Audio, VadState]:
        """The probabilities of a voice (n,) in the next n windows of a stream, and the state after them.

        audio: (n, 576), each window with the 64 samples before it. state: after the window before these.
        """
        hidden, cell = state
        probabilities, hidden, cell = self._session.run(None, {"input": audio, "h": hidden, "c": cell})
        return probabilities, (hidden, cell)


Windows: TypeAlias = list[tuple[Audio, float]]
"""Windows of 512 samples at 16 kHz, each with the probability of a voice in it."""


class VadStream:
    """One stream: PCM bytes at the stream's rate in, windows at 16 kHz with the probability of a voice out.

    It blocks for about 0.1 ms for each window (0.2 ms with cold caches). The result does not depend on how the bytes
    are cut into pieces.
    """

    def __init__(self, vad: Vad, sample_rate_hz: int) -> None:
        self._vad = vad
        self._resampler = Resampler(sample_rate_hz)
        self._rest: Audio = np.zeros(0, np.float32)
        self._context: Audio = np.zeros(_CONTEXT, np.float32)
        self._state: VadState = (np.zeros((1, 1, 128), np.float32),) * 2

    def hear(self, pcm: bytes, *, last: bool = False) -> Windows:
        """The windows that `pcm` completes. With `last`, silence fills up the last one."""
        windows = self._cut(pcm, last=last)
        if not len(windows):
            return []
        audio = np.empty((len(windows), _CONTEXT + WINDOW), np.float32)
        audio[:, _CONTEXT:] = windows
        audio[0, :_CONTEXT] = self._context
        audio[1:, :_CONTEXT] = windows[:-1, -_CONTEXT:]
        probabilities, self._state = self._vad.infer(audio, self._state)
        self._context = windows[-1, -_CONTEXT:]
        return list(zip(windows, probabilities.tolist(), strict=True))

    def flush(self) -> Windows:
        """The windows that are left at the end of the stream."""
        return self.hear(b"", last=True)

    def _cut(self, pcm: bytes, *, last: bool) -> Audio:
        audio = self._resampler.feed(pcm, last=last)
        if len(self._rest):
            audio = np.concatenate([self._rest, audio])
        if last and len(audio) % WINDOW:
            audio = np.concatenate([audio, np.zeros(-len(audio) % WINDOW, np.float32)])
        whole = len(audio) - len(audio) % WINDOW
        self._rest = audio[whole:].copy()
        return audio[:whole].reshape(-1, WINDOW)
