"""Smart Turn v3: decides from the sound of the last eight seconds whether the learner is done.

The network (https://github.com/pipecat-ai/smart-turn, BSD-2) is a Whisper tiny encoder with a classifier: it hears
intonation, lengthened syllables and hesitation sounds rather than words. Its weights come with the wheel `pipecat-ai`,
which is not imported. One run blocks for about 50 ms on one core.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from faster_whisper.feature_extractor import FeatureExtractor

from asr_service.audio import ENGINE_RATE_HZ, Audio
from common.errors import EngineError

_SECONDS = 8
HEARD = _SECONDS * ENGINE_RATE_HZ
"""Samples that the network takes into account; earlier ones make no difference."""
_FILE = Path("audio", "turn", "smart_turn", "data", "smart-turn-v3.2-cpu.onnx")


def find_smart_turn() -> Path:
    """The network's file. Raises EngineError if the wheel isn't installed."""
    spec = find_spec("pipecat")
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("the weights of the turn detector are missing: `make setup` installs the wheel pipecat-ai")
    return Path(spec.submodule_search_locations[0]) / _FILE


class TurnModel(Protocol):
    """A network of this kind; see SmartTurn."""

    def infer(self, audio: Audio) -> float:
        """See SmartTurn.infer."""
        ...


class SmartTurn:
    """The network. It is loaded once; all streams may use it, from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the other cores serve other streams
        options.enable_mem_pattern = False  # a memory plan takes 10 MB and saves no time
        self._session = onnxruntime.InferenceSession(
            path or find_smart_turn(), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def infer(self, audio: Audio) -> float:
        """The probability, 0 to 1, that a turn which ends with `audio` (float32 mono at 16 kHz) is over."""
        (probability,) = self._session.run(None, {"input_features": log_mel(audio)[None]})
        return float(probability[0, 0])


def log_mel(audio: Audio) -> Audio:
    """The network's input: Whisper's log-mel spectrogram (80 bands, 800 frames) of the last 8 s, normalised.

    Shorter audio gets silence before it. As in training, that silence counts in the normalisation.
    """
    heard = np.zeros(HEARD, np.float32)
    if len(audio):
        heard[-len(audio) :] = audio[-HEARD:]
    heard = (heard - heard.mean()) / np.sqrt(heard.var() + np.float32(1e-7))
    return np.asarray(FeatureExtractor(chunk_length=_SECONDS)(heard, padding=0), np.float32)
