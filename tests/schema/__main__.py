"""`make test-schema`: Schemathesis makes valid and invalid requests from the OpenAPI document, and sends them to a
gateway with fake model services.

It fails on an answer that the document doesn't describe (status, content type, body, headers), on a valid request that
is refused, on an invalid one that is accepted, and on an error of the server.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from tests.support.audio import chirp, mp4, ogg, wav, webm
from tests.support.gateway import TestGateway
from tests.support.mesh import ROOT

SCHEMATHESIS = ROOT / ".venv-schema" / "bin" / "schemathesis"
HERE = Path(__file__).parent
TIMEOUT_S = 600.0


async def main() -> int:
    """Run Schemathesis with the command line's arguments. Returns its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        _write_recordings(Path(folder))
        gateway = TestGateway()
        async with gateway.running():
            command = [str(SCHEMATHESIS), "--config-file", "schemathesis.toml", "run", "--url", f"{gateway.http}/v1"]
            environment = {**os.environ, "AITALK_SCHEMA_FILES": folder, "PYTHONPATH": str(HERE)}
            process = await asyncio.create_subprocess_exec(
                *command, *sys.argv[1:], f"{gateway.http}/v1/openapi.json", cwd=HERE, env=environment
            )
            try:
                return await asyncio.wait_for(process.wait(), TIMEOUT_S)
            finally:
                if process.returncode is None:
                    process.kill()


def _write_recordings(folder: Path) -> None:
    """A second of sound in several containers."""
    second, rate_hz = chirp(1.0, 24_000), 24_000
    (folder / "second.wav").write_bytes(wav(second, rate_hz))
    (folder / "second.ogg").write_bytes(ogg(second, rate_hz))
    (folder / "second.webm").write_bytes(webm(second, rate_hz))
    (folder / "second.mp4").write_bytes(mp4(second, rate_hz))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
