"""A learner who types a script into the gateway's WebSocket. All audio is reported as played as soon as it comes."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import connect

from bench.partner.scripts import Script

TURN_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Exchange:
    """The typed text, the reply, and the seconds until the reply's first sound (None: no sound came)."""

    said: str
    reply: str
    first_sound_s: float | None


async def talk(url: str, script: Script, *, pause_s: float = 0.0) -> list[Exchange]:
    """The whole conversation. A turn has an empty reply if an error came, or no answer within TURN_TIMEOUT_S.

    pause_s: how long the learner takes between the end of a reply and the next line.
    """
    exchanges: list[Exchange] = []
    async with connect(url, max_size=None) as socket:
        start = {"type": "start", "level": script.level, "audio": {"encoding": "pcm_s16le", "sample_rate": 16_000}}
        await socket.send(json.dumps(start))
        for line in script.lines:
            if exchanges:
                await asyncio.sleep(pause_s)
            began_s = time.monotonic()
            await socket.send(json.dumps({"type": "text", "text": line}))
            try:
                async with asyncio.timeout(TURN_TIMEOUT_S):
                    reply, first_sound_s = await _reply(socket)
            except TimeoutError:
                reply, first_sound_s = "", None
            waited_s = None if first_sound_s is None else first_sound_s - began_s
            exchanges.append(Exchange(line, reply, waited_s))
    return exchanges


async def _reply(socket: Any) -> tuple[str, float | None]:
    """The reply's text, and when its first sound came. All sound is reported as played at once."""
    text, first_sound_s, turn_id, played_ms, bytes_per_ms = "", None, "", 0.0, 48.0
    async for frame in socket:
        if isinstance(frame, bytes):
            first_sound_s = first_sound_s or time.monotonic()
            played_ms += len(frame) / bytes_per_ms
            await socket.send(json.dumps({"type": "playback", "turn_id": turn_id, "played_ms": round(played_ms)}))
            continue
        message = json.loads(frame)
        match message["type"]:
            case "ai_text":
                text += message["text"]
            case "ai_audio_start":
                turn_id, bytes_per_ms = message["turn_id"], message["sample_rate"] * 2 / 1000
            case "turn_complete":
                return text.strip(), first_sound_s
            case "error" if message["code"] != "slow":  # after `slow`, the reply still comes
                return "", None
    return "", None
