"""Nothing leaves the machine: libraries that would send usage reports are told not to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.mesh import ROOT

LOADS_A_MODEL = """
import sys
import {module}
from pathlib import Path
import faster_whisper, onnxruntime
model = next((Path(faster_whisper.__file__).parent / "assets").glob("*.onnx"))
onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
"""


@pytest.mark.parametrize("module", ["asr_service.config", "tts_service.config", "gateway.config"])
def test_onnx_runtime_keeps_no_id_of_this_device_and_no_events(module: str, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", LOADS_A_MODEL.format(module=module)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},  # without CI=…, which would also stop the reports
        timeout=120,
        check=True,
    )
    assert not list(tmp_path.rglob("*onnxruntime*"))
