"""Hugging Face's speech-to-speech as a child process in its own environment, on the same models as AI-Talk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from asr_service.engines.whisper_models import find_bundled
from asr_service.turn_taking.smart_turn import find_smart_turn
from bench.models import LEVEL, LlamaServer
from bench.realtime import REALTIME_RATE_HZ, Realtime
from deploy.ports import free_ports
from gateway.reply.prompt import Briefing, system_prompt
from tests.support.mesh import ROOT
from tests.support.voices import wheel_folder

ENVIRONMENT = ROOT / ".venv-speech-to-speech"
START_TIMEOUT_S = 300.0
# speech-to-speech asks torch.hub for Silero's repository. This file replaces it, and loads the same network.
_HUBCONF = """
import torch


def silero_vad():
    return torch.jit.load({path!r}, map_location="cpu"), None
"""


class SpeechToSpeech(Realtime):
    """A client of speech-to-speech's Realtime API. The client states the formats, because speech-to-speech's default
    rate is 16 kHz, not 24 kHz."""

    def greeting(self) -> str:
        """A `session.update` with the prompt and the formats."""
        pcm = {"format": {"type": "audio/pcm", "rate": REALTIME_RATE_HZ}}
        prompt = system_prompt(Briefing(level=LEVEL, is_small=True))
        session = {"type": "realtime", "instructions": prompt, "audio": {"input": pcm, "output": pcm}}
        return json.dumps({"type": "session.update", "session": session})


@dataclass(frozen=True)
class PeerServer:
    """A running server."""

    port: int

    @property
    def url(self) -> str:
        """Its Realtime WebSocket."""
        return f"ws://127.0.0.1:{self.port}/v1/realtime"


@contextmanager
def running_speech_to_speech(folder: Path, llama: LlamaServer, speech_url: str) -> Iterator[PeerServer]:
    """Run the server for the length of the block. Its log is folder/speech-to-speech.log.

    speech_url: an OpenAI-compatible API that reads texts aloud, because speech-to-speech has no Piper of its own.
    """
    (port,) = free_ports(1)
    log_path = folder / "speech-to-speech.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            _command(port, llama, speech_url), cwd=folder, env=_environment(folder), stdout=log, stderr=log
        )
    try:
        _wait_until_ready(port, process, log_path)
        yield PeerServer(port)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def versions() -> dict[str, str]:
    """The versions of the relevant packages in the environment of speech-to-speech."""
    listing = subprocess.run(
        [ENVIRONMENT / "bin" / "python", "-c", _LIST_VERSIONS], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    found: dict[str, str] = json.loads(listing)
    return found


_LIST_VERSIONS = """
import json
from importlib.metadata import version
names = ("speech-to-speech", "faster-whisper", "ctranslate2", "onnxruntime", "torch", "transformers")
print(json.dumps({name: version(name) for name in names}))
"""


def _command(port: int, llama: LlamaServer, speech_url: str) -> list[str]:
    """speech-to-speech's own defaults, with two exceptions: our models, and one sentence at a time for synthesis, which
    is the fastest setting."""
    options = {
        "port": port,
        "device": "cpu",
        "stt": "faster-whisper",
        "faster_whisper_stt_model_name": find_bundled(),
        "faster_whisper_stt_compute_type": "int8",
        "llm_backend": "chat-completions",
        "model_name": llama.model,
        "responses_api_base_url": llama.url,
        "responses_api_api_key": "-",
        "stream_batch_sentences": 1,
        "tts": "openai",
        "openai_tts_base_url": speech_url,
        "openai_tts_model": "tts-1",
        "openai_tts_voice": "alloy",
        "smart_turn_model_path": find_smart_turn(),
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [str(ENVIRONMENT / "bin" / "speech-to-speech"), "serve", *words]


def _environment(folder: Path) -> dict[str, str]:
    """The environment variables of speech-to-speech. They name folders with data from packages. Without them it would
    download the data when it starts."""
    hub, data = folder / "torch" / "hub" / "snakers4_silero-vad_master", folder / "nltk"
    hub.mkdir(parents=True)
    silero = wheel_folder("silero_vad") / "data" / "silero_vad.jit"
    (hub / "hubconf.py").write_text(_HUBCONF.format(path=str(silero)), encoding="utf-8")
    (data / "taggers" / "averaged_perceptron_tagger_eng").mkdir(parents=True)  # looked for, but not used
    (punkt,) = ENVIRONMENT.glob("lib/python3*/site-packages/llama_index/core/_static/nltk_cache/tokenizers/punkt_tab")
    shutil.copytree(punkt, data / "tokenizers" / "punkt_tab")  # NLTK follows no link that leads out of its folder
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "TORCH_HOME": str(folder / "torch"), "NLTK_DATA": str(data), "HF_HUB_OFFLINE": "1"}


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=5)
        except httpx.TransportError:
            time.sleep(0.3)
        else:
            return
    raise RuntimeError(f"speech-to-speech did not start:\n{log_path.read_text(errors='replace')[-4000:]}")
