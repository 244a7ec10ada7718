"""A rolling restart of two real gateways on one real Valkey, while 50 learners are talking."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from bench.load.delays import REPLY, Delays
from deploy.ports import free_ports
from gateway.clients.redis_store import RedisStore
from gateway.history import LearnerTurn, PartnerTurn
from tests.support.mesh import RunningProcess, running, wait_until_ready

LEARNERS = 50
FAST = Delays(first_token=0.02, token=0.005, speech=0.02)


@dataclass
class Roamer:
    """A learner who types a turn, hears the reply to its end, thinks, and types again. If told to reconnect, the
    learner goes to the other gateway.

    moved_s: for each move, the seconds from `reconnect` to `resumed`.
    """

    name: int
    ports: list[int]
    said: list[str] = field(default_factory=list)
    session: dict[str, str] = field(default_factory=dict)
    moved_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    is_in: bool = False
    stopping: bool = False
    _lost_s: float = 0.0

    async def talk(self) -> None:
        """Converse until told to stop; then stop between two turns."""
        at = self.name
        while not self.stopping:
            at += 1
            try:
                url = f"ws://127.0.0.1:{self.ports[at % 2]}/ws/conversation"
                async with connect(url, compression=None) as socket:
                    if await self._enter(socket):
                        self.is_in = True
                        await self._converse(socket)
                        self.is_in = False
                    else:
                        await asyncio.sleep(0.05)
            except (OSError, WebSocketException) as error:
                if self.is_in:
                    self.wrong.append(f"the line was lost: {error!r}")
                self.is_in = False
                await asyncio.sleep(0.05)

    async def _enter(self, socket: ClientConnection) -> bool:
        """Begin the conversation, or resume it. Returns whether that worked."""
        while (message := await self._next(socket))["type"] in {"connected", "queued"}:
            if message["type"] == "connected" and not self.session:
                self.session = {name: message[name] for name in ("session_id", "resume_token")}
                return True
            await self._send(socket, {"type": "start", **self.session})
            message = await self._next(socket)
            if message["type"] == "resumed":
                self.moved_s.append(time.monotonic() - self._lost_s)
                if message["turns"] != 2 * len(self.said):
                    self.wrong.append(f"resumed with {message['turns']} turns after {len(self.said)} exchanges")
                return True
        return False

    async def _converse(self, socket: ClientConnection) -> None:
        """Take turn after turn until told to go to another gateway."""
        while not self.stopping:
            text = f"learner {self.name}, turn {len(self.said)}"
            await self._send(socket, {"type": "text", "text": text})
            over = await self._hear(socket)
            if over["type"] == "turn_complete":
                self.said.append(text)
                over = await self._think(socket)
            if over["type"] == "reconnect":  # at the next gateway, a text without an answer is sent again
                await self._leave(socket, over["delay_ms"] / 1000)
                return

    async def _hear(self, socket: ClientConnection) -> dict[str, Any]:
        """Hear a whole reply, with a player that is much faster than real time. Returns the message that ends the
        reply."""
        played: dict[str, Any] = {}
        while True:
            message = await self._next(socket)
            match message["type"]:
                case "ai_audio_start":
                    played = {"type": "playback", "turn_id": message["turn_id"], "played_ms": 60_000}
                case "audio":
                    await self._send(socket, played)
                case "error" | "interrupted":
                    self.wrong.append(str(message))
                case "turn_complete" | "reconnect":
                    return message

    async def _think(self, socket: ClientConnection) -> dict[str, Any]:
        """Think for a moment. Returns the message that came meanwhile, or one of type `nothing`."""
        try:
            async with asyncio.timeout(random.uniform(0.5, 1.8)):
                return await self._next(socket)
        except TimeoutError:
            return {"type": "nothing"}

    async def _leave(self, socket: ClientConnection, delay_s: float) -> None:
        self._lost_s = time.monotonic()
        await socket.wait_closed()
        if socket.close_code != 1012:
            self.wrong.append(f"closed with {socket.close_code}")
        await asyncio.sleep(delay_s)

    async def _send(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        """Send the message, unless the connection is closed. In that case the learner has yet to read a `reconnect`."""
        with suppress(ConnectionClosed):
            await socket.send(json.dumps(message))

    async def _next(self, socket: ClientConnection) -> dict[str, Any]:
        frame = await socket.recv()
        return {"type": "audio"} if isinstance(frame, bytes) else json.loads(frame)


@contextmanager
def gateways(folder: Path) -> Iterator[tuple[list[int], list[dict[str, str]], str]]:
    """Start stubs of the model servers and a Valkey. Yields the ports and the settings for two gateways, and
    the URL of the Valkey."""
    models, valkey, *ports = free_ports(4)
    url = f"redis://127.0.0.1:{valkey}/0"
    stubs = {"LLM_PORT": str(models), "TTS_PORT": str(models), "ASR_PORT": str(models)}
    stubs |= {"DELAYS": FAST.model_dump_json(), "VOICED": "[[0, 16000]]", "PROGRAM_SAMPLES": "32000"}
    store = {"VALKEY_PORT": str(valkey), "VALKEY_DATA_DIR": str(folder / "valkey")}
    addresses = {f"{name}_ADDRESS": f"127.0.0.1:{models}" for name in ("ASR", "LLM", "TTS")}
    with (
        running("bench.load.stubs", folder / "stubs.log", stubs),
        running("deploy.valkey", folder / "valkey.log", store),
    ):
        yield ports, [{"HOST": "127.0.0.1", "PORT": str(port), "REDIS_URL": url, **addresses} for port in ports], url


@pytest.mark.timeout(240)
async def test_a_rolling_restart_of_both_gateways_loses_nobody(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with gateways(tmp_path) as (ports, settings, url), ExitStack() as stack:

        def start(number: int) -> RunningProcess:
            return stack.enter_context(running("gateway", tmp_path / f"gateway{number}.log", settings[number]))

        async def ready(number: int) -> None:
            await asyncio.to_thread(wait_until_ready, f"http://127.0.0.1:{ports[number]}", serving[number])

        serving = [start(0), start(1)]
        await ready(0)
        await ready(1)
        learners = [Roamer(i, ports) for i in range(LEARNERS)]
        async with asyncio.TaskGroup() as tasks:
            for learner in learners:
                tasks.create_task(learner.talk())
            for number in (0, 1):
                await asyncio.sleep(3)
                assert await asyncio.to_thread(serving[number].stop, signal.SIGTERM, 40) == 0
                serving[number] = start(number)
                await ready(number)
            await asyncio.sleep(1)
            for learner in learners:
                learner.stopping = True

        assert [learner.wrong for learner in learners if learner.wrong] == []
        assert all(len(learner.said) >= 3 for learner in learners)
        moves = sorted(moved_s for learner in learners for moved_s in learner.moved_s)
        assert len(moves) >= LEARNERS  # whichever gateway a learner was at, that gateway ended
        await check_history(learners, url)
        p95_ms = round(1000 * moves[int(0.95 * (len(moves) - 1))])
        print(f"{len(moves)} moves, reconnect to resumed: p50 {1000 * moves[len(moves) // 2]:.0f} ms, p95 {p95_ms} ms")
        record_property("reconnect_to_resumed_p95_ms", p95_ms)


async def check_history(learners: list[Roamer], url: str) -> None:
    """Check that the history has each turn and each reply once, in order."""
    store = RedisStore(url, ttl_s=100)
    for learner in learners:
        _, turns = await store.resume(learner.session["session_id"], learner.session["resume_token"], "test")
        assert [turn.text for turn in turns if isinstance(turn, LearnerTurn)] == learner.said
        answers = [turn for turn in turns if isinstance(turn, PartnerTurn)]
        assert len(answers) == len(learner.said)
        assert all(turn.text == REPLY and not turn.interrupted for turn in answers)
    await store.close()
