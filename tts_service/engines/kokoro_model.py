"""Kokoro's network: phonemes and a voice in, sound and the length of each phoneme out. 24,000 Hz.

The published ONNX file does not output the lengths. But the network computes them, rounded to whole frames of 600
samples. So we add a second output to the file when we load it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from tts_service.engines.kokoro_phonemes import IDS
from tts_service.engines.onnx_sessions import open_session
from tts_service.engines.sentence import Sentence

SAMPLE_RATE_HZ = 24_000
_FRAME = 600  # samples


class KokoroModel:
    """A loaded model file. May be used by several threads."""

    def __init__(self, path: Path, *, use_cuda: bool = False) -> None:
        model = onnx.load(str(path))
        lengths = lengths_in(model)
        if lengths:
            model.graph.output.append(onnx.helper.make_empty_tensor_value_info(lengths))
        self._tells_lengths = bool(lengths)
        self._session = open_session(model, use_cuda=use_cuda)
        self._tokens = self._session.get_inputs()[0].name  # the file's name for them: `tokens` or `input_ids`

    def speak(self, phonemes: Sequence[str], voice: NDArray[np.float32], speed: float) -> Sentence:
        """Speak one sentence of at most 510 phonemes. voice: shape (510, 256)."""
        ids = [0, *(IDS[phoneme] for phoneme in phonemes), 0]
        sound, *told = self._session.run(
            None,
            {
                self._tokens: np.array([ids], np.int64),
                "style": voice[min(len(phonemes), len(voice)) - 1][np.newaxis],
                "speed": np.array([speed], np.float32),
            },
        )
        lengths = np.rint(told[0].ravel() * _FRAME).astype(int) if self._tells_lengths else np.zeros(0, int)
        is_whole = lengths.size == len(ids) and lengths.sum() == sound.size
        return Sentence(iter([(sound.ravel(), True)]), tuple(lengths.tolist()) if is_whole else None)


def lengths_in(model: onnx.ModelProto) -> str:
    """The name of the tensor with the length of each phoneme in frames (rounded, at least 1). Empty if it can't be
    found."""
    rounded = {output for node in model.graph.node if node.op_type == "Round" for output in node.output}
    bounded = [node.output[0] for node in model.graph.node if node.op_type == "Clip" and node.input[0] in rounded]
    return str(bounded[0]) if len(bounded) == 1 else ""
