"""Is somebody speaking? Silero VAD over a stream, one probability for each window of 32 ms.

The network (https://github.com/snakers4/silero-vad, MIT) takes 512 new samples at 16 kHz after the 64 samples before
them, and carries a recurrent state from window to window; of several windows of one stream, all but that recurrence is
computed together. Its weights come with the wheel `silero-vad`, which is not imported, as that wants torch.
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
"""Samples in a window: 512."""
_CONTEXT = 64
_FILE = "silero_vad_16k_sequence.onnx"
"""The network for this rate alone and several windows at once: what silero_vad.onnx answers window by window."""


def find_silero() -> Path:
    """The network's file; raises EngineError if the wheel isn't installed, or is too old to have it."""
    spec = find_spec("silero_vad")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / "data" / _FILE).is_file():
            return path
    raise EngineError("the weights of the voice detector are missing: `make setup` installs silero-vad 6.2.3 or later")


VadState: TypeAlias = tuple[Audio, Audio]
"""Of the recurrent layer, (1, 1, 128) each."""


class Vad(Protocol):
    """Any network of this kind; see SileroVad."""

    def infer(self, audio: Audio, state: VadState) -> tuple[Audio, VadState]: ...


class SileroVad:
    """The network. Loaded once; any number of streams may use it, from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a window is too small to share out
        self._session = onnxruntime.InferenceSession(
            path or find_silero(), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def infer(self, audio: Audio, state: VadState) -> tuple[Audio, VadState]:
        """Of the next windows of a stream, each with the context before it (n, 576), and the state after the window
        before: the probabilities of speech (n,) and the next state.
        """
        hidden, cell = state
        probabilities, hidden, cell = self._session.run(None, {"input": audio, "h": hidden, "c": cell})
        return probabilities, (hidden, cell)


Windows: TypeAlias = list[tuple[Audio, float]]
"""Windows of 512 samples at 16 kHz, each with its probability of speech."""


class VadStream:
    """One stream: PCM bytes at the stream's rate in, windows at 16 kHz with their probability of speech out.

    It blocks for less than 0.1 ms for each window. Cutting the bytes up differently changes nothing in what comes out.
    """

    def __init__(self, vad: Vad, sample_rate_hz: int) -> None:
        self._vad = vad
        self._resampler = Resampler(sample_rate_hz)
        self._rest: Audio = np.zeros(0, np.float32)
        self._context: Audio = np.zeros(_CONTEXT, np.float32)
        self._state: VadState = (np.zeros((1, 1, 128), np.float32),) * 2

    def hear(self, pcm: bytes, *, last: bool = False) -> Windows:
        """The windows that `pcm` completes; with `last`, silence fills up the last one."""
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
        """The last windows."""
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
