"""The clients of the compared systems: what to send them, and what their frames mean."""

from __future__ import annotations

import json
from typing import Any, Protocol

from bench.listening import Ear, Event, ReplyOver, TurnEnded

PARTNER_RATE_HZ = 24_000


class System(Protocol):
    """One conversation with a system, over frames of its WebSocket."""

    ear: Ear
    is_ready: bool  # whether the system listens
    errors: list[str]

    def greeting(self) -> str | None:
        """The first message to send, if any."""

    def read(self, frame: str | bytes, at_s: float) -> Event | None:
        """Take a frame that came from the system at `at_s`. Returns the event that it means, if any."""

    def encoded(self, pcm: bytes) -> str | bytes:
        """A frame of the microphone, 16-bit PCM at 16 kHz, in the form that the system expects."""

    def interrupt(self, at_s: float) -> str:
        """The message that interrupts a reply at `at_s`. The reply may still be playing after its last audio came."""

    def playback(self, at_s: float) -> str | None:
        """The report of how much has been played at `at_s`, if the system expects one."""


class AiTalk:
    """AI-Talk's /ws/conversation. latencies: `latency_ms` of each reply that was heard to its end."""

    def __init__(self) -> None:
        self.ear = Ear(PARTNER_RATE_HZ)
        self.is_ready = False
        self.errors: list[str] = []
        self.latencies: list[dict[str, float]] = []
        self._reply = ""

    def greeting(self) -> str:
        return json.dumps({"type": "start", "audio": {"encoding": "pcm_s16le", "sample_rate": 16_000}})

    def read(self, frame: str | bytes, at_s: float) -> Event | None:
        if isinstance(frame, bytes):
            return self.ear.hear(frame, at_s)
        message: dict[str, Any] = json.loads(frame)
        match message:
            case {"type": "connected"}:
                self.is_ready = True
            case {"type": "transcript", "is_final": True}:
                return TurnEnded(at_s)
            case {"type": "ai_audio_start"}:
                self._reply = str(message["turn_id"])
                self.ear.new_reply()
                self.ear.rate_hz = int(message["sample_rate"])
            case {"type": "interrupted" | "turn_complete"}:
                self._reply = ""
                self.latencies += [message["latency_ms"]] if "latency_ms" in message else []
                return ReplyOver(at_s)
            case {"type": "error"}:
                self.errors.append(str(message["code"]))
        return None

    def encoded(self, pcm: bytes) -> bytes:
        return pcm

    def interrupt(self, at_s: float) -> str:
        return json.dumps({"type": "interrupt"})

    def playback(self, at_s: float) -> str | None:
        return self.played(self.ear.played_ms(at_s))

    def played(self, played_ms: float) -> str | None:
        """The playback report as a player sends it; None if there is nothing to report."""
        if not self._reply or not played_ms:
            return None
        return json.dumps({"type": "playback", "turn_id": self._reply, "played_ms": played_ms})


class Pipecat:
    """Pipecat; see bench/pipecat_bot.py for its messages."""

    def __init__(self) -> None:
        self.ear = Ear(PARTNER_RATE_HZ)
        self.is_ready = False
        self.errors: list[str] = []

    def greeting(self) -> None:
        return None

    def read(self, frame: str | bytes, at_s: float) -> Event | None:
        if isinstance(frame, bytes):
            return self.ear.hear(frame, at_s)
        match json.loads(frame)["type"]:
            case "ready":
                self.is_ready = True
            case "turn":
                self.ear.new_reply()
                return TurnEnded(at_s)
            case "interrupted" | "silent":
                return ReplyOver(at_s)
        return None

    def encoded(self, pcm: bytes) -> bytes:
        return pcm

    def interrupt(self, at_s: float) -> str:
        return "interrupt"

    def playback(self, at_s: float) -> None:
        return None
