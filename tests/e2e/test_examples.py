"""The examples of docs/clients.md, run unchanged against a real mesh."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.support.audio import recorded, resampled, wav
from tests.support.mesh import ROOT, Mesh
from tests.support.transcription import transcribe, word_error_rate
from tests.support.voices import say

LINE = "Good morning. I would like to practise my English today."


def page() -> str:
    return (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")


def examples() -> dict[str, str]:
    """The source of each code block that follows `<!-- example: NAME -->`, by its name."""
    return dict(re.findall(r"<!-- example: (\S+) -->\n```python\n(.*?)```", page(), re.DOTALL))


def addresses(mesh: Mesh) -> dict[str, str]:
    return {f"{name}_ADDRESS": f"127.0.0.1:{mesh.settings[f'{name}_PORT']}" for name in ("ASR", "LLM", "TTS")}


async def run(name: str, *arguments: str, mesh: Mesh, folder: Path) -> str:
    """Run an example. Returns what it prints; if it fails, the test fails with its error output."""
    (folder / name).write_text(examples()[name], encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error", **addresses(mesh)}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, name, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def heard_in(path: Path) -> str:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return transcribe(np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate())


def test_no_example_is_left_out_here() -> None:
    assert set(examples()) == {"recognise.py", "generate.py", "synthesise.py", "talk.py"}
    assert page().count("```python") == len(examples())


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
async def test_recognise_prints_what_was_said(mesh: Mesh, tmp_path: Path, rate_hz: int) -> None:
    samples, own_rate_hz = say(LINE)
    (tmp_path / "said.wav").write_bytes(wav(resampled(samples, own_rate_hz, rate_hz), rate_hz))
    printed = await run("recognise.py", "said.wav", mesh=mesh, folder=tmp_path)
    assert word_error_rate([LINE], [printed]) <= 0.1


async def test_recognise_understands_a_person(mesh: Mesh, tmp_path: Path) -> None:
    samples, rate_hz = recorded("beckett")
    (tmp_path / "beckett.wav").write_bytes(wav(samples, rate_hz))
    printed = await run("recognise.py", "beckett.wav", mesh=mesh, folder=tmp_path)
    assert "Fail better" in printed


async def test_generate_prints_a_reply(mesh: Mesh, tmp_path: Path) -> None:
    question = "What is the capital of France? Answer in one short sentence."
    printed = await run("generate.py", question, mesh=mesh, folder=tmp_path)
    assert "Paris" in printed
    assert printed.endswith("\n")


async def test_synthesise_writes_speech(mesh: Mesh, tmp_path: Path) -> None:
    await run("synthesise.py", LINE, mesh=mesh, folder=tmp_path)
    assert word_error_rate([LINE], [heard_in(tmp_path / "speech.wav")]) <= 0.1


async def test_talk_prints_a_reply_and_keeps_its_speech(mesh: Mesh, tmp_path: Path) -> None:
    printed = await run("talk.py", "Hello! How are you today?", mesh.ws, mesh=mesh, folder=tmp_path)
    assert printed.strip()
    # One wrong word is a large share of a reply as short as this.
    assert word_error_rate([printed], [heard_in(tmp_path / "reply.wav")]) <= 0.5
