"""How fast this machine's CPU is: the bundled models speak, recognise and write for some seconds.

Larger models that are not downloaded yet can't be timed. But they run on the same libraries as the bundled ones, so
they are slower or faster than elsewhere by about the same factor.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_MODEL_SERVERS = ("ASR_", "LLM_", "TTS_")
WITHIN_S = 90.0
"""A machine on which the measurement takes longer is not measured."""


@dataclass(frozen=True, slots=True)
class MachineSpeed:
    """The speed of the bundled models.

    recognition, speech: seconds to recognise or to speak one second of speech. tokens_per_s: the speed at which the
    language model writes.
    """

    recognition: float
    speech: float
    tokens_per_s: float


def machine_speed(environment: Mapping[str, str]) -> MachineSpeed | None:
    """The speed of this machine; None if it can't be measured.

    The models run in a process of their own, and leave this one's memory free. environment: its variables, without the
    settings of the model servers, which may choose other models.
    """
    command = [sys.executable, "-m", "deploy.machine_timing"]
    plain = {name: value for name, value in environment.items() if not name.startswith(_MODEL_SERVERS)}
    try:
        done = subprocess.run(command, env=plain, check=True, capture_output=True, timeout=WITHIN_S)
        return MachineSpeed(**json.loads(done.stdout))
    except (subprocess.SubprocessError, OSError, ValueError, TypeError):
        return None
