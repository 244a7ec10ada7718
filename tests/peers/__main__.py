"""`make test-peers`: tests other projects' clients of OpenAI's API, in an environment of their own, on the real mesh.

This process runs the mesh and makes the speech. pytest runs in the other environment, which does not have this
project's code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.peers.lines import LINES, RATE_HZ
from tests.support.audio import resampled, wav
from tests.support.mesh import ROOT, SHORT_REPLIES, running_mesh
from tests.support.voices import say

PYTHON = ROOT / ".venv-peers" / "bin" / "python"


def main() -> int:
    """Run the tests, with the command line's arguments for pytest. Returns pytest's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in LINES.items():
            (Path(folder) / f"{name}.wav").write_bytes(wav(resampled(*say(text), RATE_HZ), RATE_HZ))
        with running_mesh(Path(folder), **SHORT_REPLIES) as mesh:
            command = [str(PYTHON), "-m", "pytest", "-c", "tests/peers/pytest.ini", "--rootdir", ".", "tests/peers"]
            environment = {**os.environ, "AITALK_PEERS_URL": mesh.http, "AITALK_PEERS_LINES": folder}
            return subprocess.run([*command, *sys.argv[1:]], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
