"""`make verify-images`: checks that the images and the compose file work.

Lints the Dockerfile, resolves the locks of the CUDA images, builds every CPU image, starts the compose file's `cpu`
profile with them, holds a spoken conversation through it, scales recognition to three replicas, and holds another.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from deploy.ports import free_ports
from tests.images import stand_in
from tests.images.engines import SERVICES, Engine, docker, podman
from tests.support.asr import LEARNER_LINES, spoken
from tests.support.learner import a_learner
from tests.support.transcription import word_error_rate

START_TIMEOUT_S = 300
CUDA_LOCKS = ("asr-cuda", "asr-kyutai", "tts-coqui", "tts-kyutai", "tts-pocket")


def main() -> int:
    """Build the images, start the compose file, talk, scale, talk again, stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-build", action="store_true", help="don't build images; use those that are there")
    parser.add_argument("--keep", action="store_true", help="leave the containers running")
    arguments = parser.parse_args()
    (port,) = free_ports(1)
    os.environ["PORT"] = str(port)
    with tempfile.TemporaryDirectory() as folder:
        engine = docker()
        if engine is None:
            engine = podman(Path(folder) / "containers.conf")
            stand_in.provide(engine)
        check_without_building(engine, Path(folder))
        if not arguments.no_build:
            for service in SERVICES:
                engine.build_image(service)
        try:
            engine.compose_run("up", "-d")
            wait_until_ready(port)
            asyncio.run(converse(port))
            engine.compose_run("up", "-d", "--scale", "asr_service=3")
            wait_until_ready(port)
            asyncio.run(converse(port))
        except (AssertionError, TimeoutError) as problem:
            engine.compose_run("logs")
            sys.exit(f"verify-images: {problem or type(problem).__name__}")
        finally:
            if not arguments.keep:
                engine.compose_run("down", "-v", "--remove-orphans")  # this also removes the replicas
    print("verify-images: the images work: two conversations were held through the compose file")
    return 0


def check_without_building(engine: Engine, folder: Path) -> None:
    """Check the CUDA images without building them: the Dockerfile is valid, and all packages exist."""
    tools = Path(sys.executable).parent
    engine.run([str(tools / "hadolint"), "deploy/docker/Dockerfile"])
    install = [str(tools / "uv"), "pip", "install", "--quiet", "--dry-run", "--require-hashes", "--target", str(folder)]
    for lock in CUDA_LOCKS:
        engine.run([*install, "-r", f"deploy/locks/{lock}.txt"])


def wait_until_ready(port: int) -> None:
    """Wait until the gateway says that it is ready. Raises TimeoutError."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer,
        ):
            if answer.status == 200:
                return
        time.sleep(1)
    raise TimeoutError(f"the mesh was not ready after {START_TIMEOUT_S} s")


async def converse(port: int) -> None:
    """Speak a sentence. Asserts that it is understood, and answered in words and sound."""
    line = LEARNER_LINES[0]
    pcm = spoken(line).tobytes() + bytes(2 * 16_000 * 2)
    async with a_learner(f"ws://127.0.0.1:{port}/ws/conversation") as learner:
        await learner.send(type="start", level="beginner", audio={"encoding": "pcm_s16le", "sample_rate": 16_000})
        await learner.send_audio([pcm[at : at + 3_200] for at in range(0, len(pcm), 3_200)], pause_s=0.1)
        text, audio, _ = await learner.hear_whole_reply()
        heard = " ".join(message["text"] for message in learner.of("transcript") if message["is_final"])
        assert not learner.of("error"), f"errors: {[message['code'] for message in learner.of('error')]}"
    errors = word_error_rate(line, heard)
    print(f"said {len(line.split())} words, {errors:.0%} wrong; answered {len(text)} characters, {len(audio)} bytes")
    assert errors <= 0.2, "the sentence was not understood"
    assert text.strip(), "there was no answer"
    assert len(audio) > 24_000, "the answer had no sound"


if __name__ == "__main__":
    sys.exit(main())
