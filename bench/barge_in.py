"""`make bench-barge-in`: measures how fast the partner stops when interrupted, and which sounds don't stop it.

A learner whose microphone is always on listens to a long story from the real mesh. When the learner speaks a sentence,
the story must stop. The time is measured from the learner's first voiced sample to the gateway's last audio frame, and
to `interrupted`. Backchannels and coughs must not stop the story.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np

from tests.support.audio import Samples, resampled
from tests.support.learner import Learner, a_learner
from tests.support.mesh import running_mesh
from tests.support.voices import say

RATE_HZ = 16_000
FRAME = RATE_HZ // 50
ASK = "Please tell me a long story about a dragon and a village."
SENTENCES = [
    "Stop, please. I have a question.",
    "Wait a moment, I don't understand that.",
    "No, that is not what I meant.",
    "Excuse me, can we talk about something else?",
    "What does that word mean?",
    "Sorry, could you say that again?",
    "I think the dragon is hungry.",
    "Hold on, why did he do that?",
    "That reminds me of my grandmother.",
    "Let me tell you a story now.",
]
SOUNDS = ["Mhm.", "Uh-huh.", "Yeah.", "Okay.", "Right.", "I see.", "Oh.", "Mm.", "Yes.", "Hmm.", "Oh, okay.", "Sure."]
SOUNDS += ["Ah.", "Really?", "Yeah, yeah."]
COUGHS = 5
VOICED = 500  # of 32,768: samples above this are voice


class Microphone:
    """Sends frames of 20 ms in real time: the speech that it is given, and otherwise silence."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._speech = np.zeros(0, np.int16)
        self.voiced_at = 0.0

    def speak(self, samples: Samples) -> None:
        """Say these samples (16-bit, at RATE_HZ) from the next frame on. `voiced_at` becomes the time of their first
        voiced frame."""
        self._speech = samples
        self.voiced_at = 0.0

    async def run(self) -> None:
        """Send frames until cancelled."""
        began = time.monotonic()
        for number in range(10**9):
            frame, self._speech = self._speech[:FRAME], self._speech[FRAME:]
            if not self.voiced_at and len(frame) and np.abs(frame).max() > VOICED:
                self.voiced_at = time.monotonic()
            frame = np.pad(frame, (0, FRAME - len(frame)))
            await self._learner.socket.send(frame.tobytes())
            await asyncio.sleep(max(0.0, began + (number + 1) * 0.02 - time.monotonic()))


def spoken(text: str) -> Samples:
    """`text` in the learner's voice, at RATE_HZ."""
    return resampled(*say(text), RATE_HZ)


def cough(seed: int) -> Samples:
    """Two bursts of noise, each 0.1 to 0.2 s long."""
    noise = np.random.default_rng(seed)
    bursts = []
    for _ in range(2):
        length = int(noise.uniform(0.1, 0.2) * RATE_HZ)
        envelope = np.exp(-np.linspace(0, 5, length))
        bursts += [noise.normal(0, 6000, length) * envelope, np.zeros(int(0.08 * RATE_HZ))]
    return np.clip(np.concatenate(bursts), -32768, 32767).astype(np.int16)


async def said_over_the_partner(url: str, speech: Samples, watch_s: float) -> dict[str, Any] | None:
    """Play `speech` over one story. Returns whether the story was interrupted, and when its last audio and
    `interrupted` came, in milliseconds since the first voiced frame; None if the story was too short."""
    async with a_learner(url) as learner, asyncio.TaskGroup() as tasks:
        await learner.send(type="start", audio={"encoding": "pcm_s16le", "sample_rate": RATE_HZ}, level="advanced")
        arrivals: list[float] = []
        microphone = Microphone(learner)
        background = [tasks.create_task(microphone.run()), tasks.create_task(_note_audio(learner, arrivals))]
        await learner.send(type="text", text=ASK)
        await learner.wait_for("audio")
        await asyncio.sleep(1.5)
        microphone.speak(speech)
        try:
            interrupted = await learner.wait_for("interrupted", timeout_s=watch_s)
        except TimeoutError:
            interrupted = None
        at = time.monotonic()
        for task in background:
            task.cancel()
        if interrupted is None and learner.of("turn_complete"):
            return None
        last = max(arrival for arrival in arrivals if arrival <= at)
        return {
            "interrupted": interrupted is not None,
            "last_audio_ms": 1000 * (last - microphone.voiced_at),
            "interrupted_ms": 1000 * (at - microphone.voiced_at),
        }


async def _note_audio(learner: Learner, arrivals: list[float]) -> None:
    seen = 0
    while True:
        await asyncio.sleep(0.005)
        audio = len(learner.of("audio"))
        if audio > seen:
            arrivals.append(time.monotonic())
        seen = audio


async def measure(url: str, runs: int) -> dict[str, Any]:
    """Interrupt `runs` stories, and play each sound over a story of its own."""
    interruptions = []
    for number in range(runs):
        result = await said_over_the_partner(url, spoken(SENTENCES[number % len(SENTENCES)]), 4.0)
        if result:
            interruptions.append(result)
    stopped_by = []
    sounds = [(text, spoken(text)) for text in SOUNDS] + [(f"cough {n}", cough(n)) for n in range(COUGHS)]
    heard = 0
    for name, samples in sounds:
        result = await said_over_the_partner(url, samples, 3.0)
        heard += result is not None
        if result and result["interrupted"]:
            stopped_by.append(name)
    return {
        "interruptions": len(interruptions),
        "obeyed": sum(result["interrupted"] for result in interruptions),
        "last_audio_ms": spread([r["last_audio_ms"] for r in interruptions if r["interrupted"]]),
        "interrupted_ms": spread([r["interrupted_ms"] for r in interruptions if r["interrupted"]]),
        "sounds": heard,
        "stopped_by": stopped_by,
    }


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum."""
    return {
        "median": round(median(values), 1),
        "p95": round(quantiles(values, n=20, method="inclusive")[-1], 1),
        "max": round(max(values), 1),
    }


def main() -> None:
    """Run the bench and print its result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="interruptions to make (default: 20)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_mesh(Path(folder)) as mesh:
        print(json.dumps(asyncio.run(measure(mesh.ws, options.runs)), indent=2))


if __name__ == "__main__":
    main()
