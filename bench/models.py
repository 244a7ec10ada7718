"""The models of a bench run, and how long they take if they run alone, one after the other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx
import numpy as np
from faster_whisper import WhisperModel
from piper import PiperVoice

from asr_service.engines.whisper_models import find_bundled
from bench.clock import now
from bench.utterances import Utterance
from common.smollm2 import find_smollm2
from deploy.ports import free_ports
from gateway.history import Level
from gateway.reply.partner import MANNERS
from gateway.reply.prompt import Briefing, system_prompt
from llm_service.config import LlmSettings
from llm_service.engines.llama_cpp import llama_command
from tests.support.mesh import ROOT
from tests.support.voices import piper_voice

LEVEL: Level = "intermediate"  # the gateway's default
START_TIMEOUT_S = 60.0
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")


@dataclass(frozen=True)
class LlamaServer:
    """A running llama.cpp server like the one in the mesh."""

    url: str
    model: str


@contextmanager
def running_llama(folder: Path) -> Iterator[LlamaServer]:
    """Start the bundled language model with the command that llm_service uses."""
    settings = LlmSettings()
    weights = find_smollm2()
    model = weights.stem.partition(".")[0]
    (port,) = free_ports(1)
    with (folder / "llama.log").open("ab") as log:
        command = [sys.executable, *llama_command(settings, weights, model, port)[1:]]
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _is_healthy(f"http://127.0.0.1:{port}/health"):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"llama.cpp did not start; see {folder / 'llama.log'}")
            time.sleep(0.2)
        yield LlamaServer(f"http://127.0.0.1:{port}/v1", model)
    finally:
        process.terminate()
        process.wait(10)


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@dataclass(frozen=True)
class SerialTimes:
    """Seconds for one utterance: to recognise it, to write the reply's first sentence, and to speak that sentence."""

    utterance: str
    asr_s: float
    first_sentence_s: float
    first_audio_s: float

    @property
    def total_s(self) -> float:
        """The sum of the times."""
        return self.asr_s + self.first_sentence_s + self.first_audio_s


class ModelsAlone:
    """The models alone, one after the other. Each is called in the way that its documentation shows."""

    def __init__(self, llama: LlamaServer) -> None:
        self._llama = llama

    def times(self, said: Sequence[Utterance]) -> list[SerialTimes]:
        """The times for the utterances in `said`. The first one is a warm-up and is not in the result."""
        return [self._times(utterance) for utterance in said][1:]

    def _times(self, utterance: Utterance) -> SerialTimes:
        began_s = now()
        heard, _ = self._whisper.transcribe(utterance.pcm.astype(np.float32) / 32768, language="en")
        text = "".join(segment.text for segment in heard).strip()
        heard_s = now()
        sentence = self._first_sentence(text)
        written_s = now()
        next(iter(self._piper.synthesize(sentence)))
        return SerialTimes(utterance.name, heard_s - began_s, written_s - heard_s, now() - written_s)

    @cached_property
    def _whisper(self) -> WhisperModel:
        return WhisperModel(str(find_bundled()), device="cpu", compute_type="int8")

    @cached_property
    def _piper(self) -> PiperVoice:
        return PiperVoice.load(voice_folder() / f"{VOICE}.onnx")

    def _first_sentence(self, learner_says: str) -> str:
        body = {
            "model": self._llama.model,
            "messages": [
                {"role": "system", "content": system_prompt(Briefing(level=LEVEL, is_small=True))},
                {"role": "user", "content": learner_says},
            ],
            "max_tokens": MANNERS[LEVEL].max_tokens,
            "temperature": 0,
            "stream": True,
        }
        text = ""
        with httpx.stream("POST", f"{self._llama.url}/chat/completions", json=body, timeout=60) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    text += json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
                if end := _SENTENCE_END.search(text):
                    return text[: end.end()]
        return text


VOICE = "en_US-joe-medium"


def voice_folder() -> Path:
    """The folder of the bundled Piper voice."""
    return piper_voice().parent


def pipecat_config(llama: LlamaServer) -> dict[str, object]:
    """Settings with which Pipecat uses the same models and prompt as AI-Talk does at LEVEL."""
    return {
        "whisper": str(find_bundled()),
        "voices": str(voice_folder()),
        "voice": VOICE,
        "llm_url": llama.url,
        "llm_model": llama.model,
        "system_prompt": system_prompt(Briefing(level=LEVEL, is_small=True)),
        "max_tokens": MANNERS[LEVEL].max_tokens,
        "temperature": 0.0,
        # Pipecat's default, 1 s, is too short for two busy cores: a late transcript then counts as a new turn, which
        # cuts off the reply. 2 s is in Pipecat's favour: the value is a limit, so it costs nothing if the transcript is
        # early.
        "ttfs_p99_s": 2.0,
    }
