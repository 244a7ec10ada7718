"""The Python client and its command on the real mesh, and the examples of its README."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shlex
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aitalk.client import AsyncConversation, AsyncGateway, AudioFormat, Options, RefusedError
from aitalk.client.cli.main import main, parser
from aitalk.client.cli.talking import talk
from aitalk.client.events import ConnectionLost, Event, Resumed, Transcript, TurnComplete
from aitalk.client.services import AsyncServices
from rich.console import Console

from tests.support.audio import resampled, wav
from tests.support.mesh import ROOT, Mesh
from tests.support.transcription import transcribe, word_error_rate
from tests.support.voices import say

README = ROOT / "clients" / "python" / "README.md"
LINE = "Good morning. I would like to practise my English today."
RATE_HZ = 16_000


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command keeps its conversations in the test's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def spoken(rate_hz: int = RATE_HZ) -> bytes:
    return resampled(*say(LINE), rate_hz).tobytes()


def aitalk(mesh: Mesh, *arguments: str) -> None:
    """Run the command in this process."""
    main([arguments[0], "--url", mesh.http, *arguments[1:]])


# --- the README


def examples() -> dict[str, str]:
    return dict(re.findall(r"<!-- example: (\S+) -->\n```python\n(.*?)```", README.read_text(), re.DOTALL))


def run_example(name: str, *arguments: str, mesh: Mesh, folder: Path) -> str:
    code = examples()[name].replace("http://localhost:8000", mesh.http)
    for service, port in (("ASR", 50051), ("LLM", 50052), ("TTS", 50053)):
        code = code.replace(f"127.0.0.1:{port}", f"127.0.0.1:{mesh.settings[f'{service}_PORT']}")
    (folder / name).write_text(code)
    done = subprocess.run(
        [sys.executable, name, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_of_the_readme_is_run_here() -> None:
    text = README.read_text()
    assert set(examples()) == {"typed.py", "spoken.py", "files.py", "services.py"}
    assert text.count("```python") == len(examples())
    commands = re.findall(r"^aitalk (.+?)(?:  .*)?$", text, re.MULTILINE)
    assert {parser().parse_args(shlex.split(line, comments=True)).command for line in commands} == {
        *("talk", "say", "transcribe", "scenarios", "sessions")
    }


def test_the_typed_example(mesh: Mesh, tmp_path: Path) -> None:
    assert run_example("typed.py", mesh=mesh, folder=tmp_path).strip()


def test_the_spoken_example(mesh: Mesh, tmp_path: Path) -> None:
    (tmp_path / "said.wav").write_bytes(wav(resampled(*say(LINE), RATE_HZ), RATE_HZ))
    printed = run_example("spoken.py", "said.wav", mesh=mesh, folder=tmp_path)
    assert word_error_rate([LINE], [printed.removeprefix("You: ")]) <= 0.1
    with wave.open(str(tmp_path / "answer.wav")) as answer:
        assert answer.getnframes() > answer.getframerate() / 4


def test_the_example_of_files(mesh: Mesh, tmp_path: Path) -> None:
    heard, *scenarios = run_example("files.py", mesh=mesh, folder=tmp_path).splitlines()
    assert "cup of coffee" in heard
    assert any(line.startswith("cafe – ") for line in scenarios)


def test_the_example_of_services(mesh: Mesh, tmp_path: Path) -> None:
    heard, *reply = run_example("services.py", mesh=mesh, folder=tmp_path).splitlines()
    assert word_error_rate(["Good morning, my friend."], [heard]) == 0
    assert "".join(reply).strip()


# --- the command


def test_say_and_transcribe(mesh: Mesh, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "line.opus"
    aitalk(mesh, "say", LINE, "-o", str(file))
    assert file.read_bytes()[:4] == b"OggS"
    aitalk(mesh, "transcribe", str(file))
    printed = capsys.readouterr()
    assert word_error_rate([LINE], [printed.out]) <= 0.1
    aitalk(mesh, "transcribe", str(file), "--format", "srt", "-o", str(tmp_path / "line.srt"))
    assert (tmp_path / "line.srt").read_text().startswith("1\n00:00:00,")
    aitalk(mesh, "transcribe", str(file), "--format", "json")
    assert json.loads(capsys.readouterr().out)["segments"]


async def test_the_same_for_asyncio(mesh: Mesh, tmp_path: Path) -> None:
    async with AsyncGateway(mesh.http) as gateway:
        with (tmp_path / "line.wav").open("wb") as file:
            file.writelines([piece async for piece in gateway.speak(LINE, audio_format="wav")])
        pieces = [piece async for piece in gateway.transcribe_streaming(tmp_path / "line.wav", answer_format="vtt")]
        assert pieces[0].text.startswith("WEBVTT\n\n00:00:00.")
        assert pieces[-1].recognised_s
        assert word_error_rate([LINE], [await gateway.transcribe(tmp_path / "line.wav")]) <= 0.1
        assert "cafe" in {scenario["id"] for scenario in await gateway.scenarios("beginner")}
        assert (await gateway.voices())[0]["id"]
        with pytest.raises(RefusedError, match="can't be read"):
            await gateway.transcribe(README)
    async with AsyncServices(
        *(f"127.0.0.1:{mesh.settings[f'{name}_PORT']}" for name in ("ASR", "LLM", "TTS"))
    ) as services:
        pcm = await services.synthesise(LINE, RATE_HZ)
        assert word_error_rate([LINE], [(await services.recognise(pcm, RATE_HZ)).text]) <= 0.1
        assert [piece async for piece in services.generate([("user", "Say hello.")], max_tokens=3)]


def test_a_file_that_is_no_recording(mesh: Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"README\.md: the file can't be read .* send mp3") as ended:
        aitalk(mesh, "transcribe", str(README))
    assert ended.value.code != 0
    assert capsys.readouterr().out == ""


def test_the_scenarios_are_listed(mesh: Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    aitalk(mesh, "scenarios", "--level", "beginner")
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert {len(row) for row in rows} == {5}
    assert "cafe" in {row[0] for row in rows}


# --- conversations


async def typed(*lines: str) -> AsyncIterator[str]:
    for line in lines:
        yield f"{line}\n"


def chosen(mesh: Mesh, *arguments: str) -> Any:
    return parser().parse_args(["talk", "--url", mesh.http, *arguments])


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def a_terminal() -> Console:
    return Console(file=io.StringIO(), width=200)


async def test_a_typed_conversation_its_analysis_and_its_resumption(
    mesh: Mesh, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console = a_terminal()
    arguments = chosen(mesh, "--text", "--save", str(tmp_path / "analysis.json"))
    await talk(arguments, console, None, lambda: typed("Good morning!", "/level beginner", "/hint", "/dance", "/end"))
    text = shown(console)
    assert re.search(r"You: Good morning!\nPartner: .+\nyou could say: .+\ncommands: /hint.+\nanalysing", text)
    assert "your turns: 1" in text
    assert json.loads((tmp_path / "analysis.json").read_text())["conversation"]["typed_turns"] == 1
    aitalk_sessions()
    (session,) = capsys.readouterr().out.splitlines()
    assert session.endswith("\tGood morning!")

    again = a_terminal()
    await talk(chosen(mesh, "--text", "--resume", session[:6]), again, None, lambda: typed("/quit"))
    assert "the conversation goes on after 2 turns" in shown(again)


def aitalk_sessions() -> None:
    main(["sessions"])


class FakeSoundCard:
    """A microphone that hears `LINE` and then silence, and a speaker that plays four times as fast as a real one."""

    def __init__(self) -> None:
        self.played = b""
        self._recorded = spoken(48_000)

    @contextmanager
    def microphone(self) -> Iterator[FakeMicrophone]:
        yield FakeMicrophone(48_000, self._recorded)

    @contextmanager
    def speaker(self, rate_hz: int, take: Callable[[int], bytes]) -> Iterator[FakeSpeaker]:
        playing = asyncio.create_task(self._play(rate_hz, take))
        yield FakeSpeaker()
        playing.cancel()

    async def _play(self, rate_hz: int, take: Callable[[int], bytes]) -> None:
        while True:
            self.played += take(rate_hz // 5)
            await asyncio.sleep(0.05)


class FakeMicrophone:
    def __init__(self, rate_hz: int, pcm: bytes) -> None:
        self.rate_hz = rate_hz
        self._pcm = pcm

    async def frames(self) -> AsyncIterator[bytes]:
        size = self.rate_hz // 25 * 2
        for at in range(0, len(self._pcm), size):
            yield self._pcm[at : at + size]
        while True:
            await asyncio.sleep(0.04)
            yield bytes(size)


class FakeSpeaker:
    latency_s = 0.01


async def test_a_conversation_aloud(mesh: Mesh) -> None:
    console, card = a_terminal(), FakeSoundCard()

    async def quit_after_the_reply() -> AsyncIterator[str]:
        async with asyncio.timeout(40):
            while "Partner:" not in shown(console):
                await asyncio.sleep(0.05)
        yield "/quit\n"

    await talk(chosen(mesh), console, card, quit_after_the_reply)
    you, partner = re.findall(r"^(?:You|Partner): (.+)$", shown(console), re.MULTILINE)[:2]
    assert word_error_rate([LINE], [you]) <= 0.1
    heard = np.frombuffer(card.played, np.int16)
    assert word_error_rate([partner], [transcribe(heard, 24_000)]) <= 0.4


class Relay:
    """Forwards connections to a port, and can cut them all."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        async with await asyncio.start_server(self._forward, "127.0.0.1", 0) as server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            self.cut()

    def cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_gateway, to_gateway = await asyncio.open_connection("127.0.0.1", self._port)
        self._open += [writer, to_gateway]
        await asyncio.gather(self._pump(reader, to_gateway), self._pump(from_gateway, writer))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                target.write(data)
        except ConnectionError:
            pass
        target.close()


async def until(conversation: AsyncConversation, kind: type[Event]) -> Event:
    while not isinstance(event := await conversation.next_event(timeout_s=40), kind):
        assert event is not None
    return event


async def test_a_dropped_connection_goes_on_where_it_was(mesh: Mesh) -> None:
    relay = Relay(mesh.port)
    options = Options(audio=AudioFormat("pcm_s16le", RATE_HZ), level="beginner")
    async with relay.listening() as url, AsyncConversation(url, options=options) as conversation:
        await conversation.send_text("Hello, my name is Anna.")
        await until(conversation, TurnComplete)
        relay.cut()
        await until(conversation, ConnectionLost)
        await conversation.send_audio(spoken())  # the client keeps this audio until the next connection
        resumed = await until(conversation, Resumed)
        assert isinstance(resumed, Resumed)
        assert resumed.turns == 2
        await conversation.send_audio(bytes(2 * RATE_HZ))
        while not (isinstance(heard := await until(conversation, Transcript), Transcript) and heard.is_final):
            pass
        assert word_error_rate([LINE], [heard.text]) <= 0.1
