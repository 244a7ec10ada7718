"""An observed mesh: its traces go to a collector, its logs are JSON, and each model server has a port for its
metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from deploy.mesh_plan import METERED
from deploy.ports import free_ports
from tests.observability.collector import Collector, a_collector
from tests.support.audio import cut, resampled
from tests.support.learner import Learner, a_learner
from tests.support.mesh import SHORT_REPLIES, Mesh, running_mesh
from tests.support.voices import say

SAID = "Yesterday I went to the market with my sister and we bought fresh vegetables."
TYPED = "Do you like rhubarb?"


@dataclass(frozen=True)
class Observed:
    """metrics: the address of each process's metrics, by the process's name in Prometheus."""

    mesh: Mesh
    collector: Collector
    metrics: dict[str, str]

    def scraped(self) -> str:
        """The metrics of all processes."""
        return "".join(httpx.get(f"http://{address}/metrics").text for address in self.metrics.values())


@contextmanager
def an_observed_mesh(folder: Path, **settings: str) -> Iterator[Observed]:
    """Run the whole mesh on the bundled models for the length of the block."""
    first = _three_ports_in_a_row()
    with a_collector() as collector:
        watched = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "DEBUG",
            "METRICS_PORT": str(first),
            **SHORT_REPLIES,
        }
        with running_mesh(folder, **watched, **settings) as mesh:
            servers = {name: f"127.0.0.1:{first + number}" for number, name in enumerate(METERED)}
            yield Observed(mesh, collector, {"gateway": f"127.0.0.1:{mesh.port}", **servers})


def _three_ports_in_a_row() -> int:
    """The first of three free ports. The system hands out ports from 32768 up; those far below are most likely free."""
    return 20_000 + free_ports(1)[0] % 10_000


@dataclass(frozen=True)
class Conversation:
    """A spoken turn and a typed one. turns: their `turn_complete` messages. words: texts that no log and no trace may
    contain."""

    session_id: str
    turns: tuple[dict[str, Any], ...]
    words: tuple[str, ...]


async def converse(mesh: Mesh) -> Conversation:
    """Say SAID, type TYPED, and hear both replies to their ends."""
    async with a_learner(mesh.ws) as learner:
        await learner.send(type="start", audio={"encoding": "pcm_s16le"}, level="beginner")
        await learner.send_audio(spoken(SAID), pause_s=0.01)
        reply, _, _ = await learner.hear_reply()
        await learner.send(type="text", text=TYPED)
        other_reply, _, _ = await learner.hear_reply(after=len(learner.messages))
        return Conversation(
            learner.of("connected")[0]["session_id"],
            tuple(learner.of("turn_complete")),
            (*_telling(SAID), *_telling(TYPED), *_telling(reply), *_telling(other_reply), *_partials(learner)),
        )


async def interrupt(learner: Learner) -> tuple[str, str]:
    """Start a reply, speak over it, and hear the next one; returns the ids of the two turns."""
    await learner.send(type="start", audio={"encoding": "pcm_s16le"}, level="advanced")
    await learner.send(type="text", text="Please tell me a long story about a dragon and a village.")
    await learner.listen()
    await learner.send_audio(spoken(SAID), pause_s=0.02)
    cut_off = await learner.wait_for("interrupted", timeout_s=60)
    _, _, over = await learner.hear_reply(after=learner.messages.index(cut_off))
    return cut_off["turn_id"], over["turn_id"]


def spoken(text: str) -> list[bytes]:
    """16 kHz PCM of `text` in pieces, with 1.5 s of silence after it."""
    samples, rate = say(text)
    pcm = np.concatenate([resampled(samples, rate, 16_000), np.zeros(24_000, np.int16)])
    return list(cut(pcm.tobytes(), 640))


def _telling(text: str) -> list[str]:
    """All sequences of three words of the text. A log may contain a single word by chance, but not three in a row."""
    words = text.split()
    return [" ".join(words[at : at + 3]) for at in range(max(1, len(words) - 2))]


def _partials(learner: Learner) -> list[str]:
    return [message["text"] for message in learner.of("transcript") if len(message["text"]) > 8]
