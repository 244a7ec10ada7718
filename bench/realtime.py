"""`python -m bench.realtime`: voice-to-voice latency over the Realtime API compared with AI-Talk's own protocol, on the
same mesh.

In each run one learner says the same utterances over both, one after the other, in a different order each time. Prints
the median and p95 of each, and the ratio of the medians, of all runs together and of each run.
"""

from __future__ import annotations

import argparse
import base64
import json
import tempfile
from pathlib import Path
from typing import Any

from bench.__main__ import Contestant
from bench.figures import OURS
from bench.listening import Ear, Event, ReplyOver, TurnEnded
from bench.side_by_side import Comparison, add_arguments, converse
from bench.systems import PARTNER_RATE_HZ, AiTalk
from bench.utterances import RATE_HZ
from gateway.audio.pcm import PcmConverter, PcmFormat
from tests.support.mesh import running_mesh

REALTIME = "Realtime API"
REALTIME_RATE_HZ = 24_000
COMPARISON = Comparison(REALTIME, OURS, order=(OURS, REALTIME), digits=3)


class Realtime:
    """A client of the Realtime API with voice detection by the server.

    A response is done when all of it has been sent; the client may still be playing it. To interrupt, the client
    cancels the response if it isn't done. Otherwise it truncates the item where it has stopped playing, as OpenAI's own
    clients do.
    """

    def __init__(self) -> None:
        self.ear = Ear(PARTNER_RATE_HZ)
        self.is_ready = False
        self.errors: list[str] = []
        self._resampler = PcmConverter(PcmFormat("pcm_s16le", RATE_HZ, 1), REALTIME_RATE_HZ)
        self._item_id = ""  # the item whose audio comes now, or came last
        self._is_done = True

    def greeting(self) -> str:
        return json.dumps({"type": "session.update", "session": {"type": "realtime"}})

    def read(self, frame: str | bytes, at_s: float) -> Event | None:
        event: dict[str, Any] = json.loads(frame)
        match event["type"]:
            case "session.updated":
                self.is_ready = True
            case "input_audio_buffer.committed":
                return TurnEnded(at_s)
            case "response.created":
                self.ear.new_reply()
                self._is_done = False
            case "response.output_audio.delta":
                self._item_id = str(event["item_id"])
                return self.ear.hear(base64.b64decode(event["delta"]), at_s)
            case "response.done":
                self._is_done = True
                return ReplyOver(at_s)
            case "conversation.item.truncated":
                return ReplyOver(at_s)
            case "error":
                self.errors.append(str(event["error"]["code"]))
        return None

    def encoded(self, pcm: bytes) -> str:
        """An event with the frame at 24 kHz. The resampler delays the audio by a millisecond."""
        audio = base64.b64encode(b"".join(self._resampler.push(pcm))).decode()
        return json.dumps({"type": "input_audio_buffer.append", "audio": audio})

    def interrupt(self, at_s: float) -> str:
        if not self._is_done:
            return json.dumps({"type": "response.cancel"})
        about = {"item_id": self._item_id, "content_index": 0, "audio_end_ms": round(self.ear.played_ms(at_s))}
        return json.dumps({"type": "conversation.item.truncate", **about})

    def playback(self, at_s: float) -> None:
        return None


def main() -> None:
    """Run the measurement that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.realtime", description=__doc__)
    add_arguments(parser, runs=4)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        running_mesh(Path(folder), LLM_TEMPERATURE="0") as mesh,
    ):
        contestants = [
            Contestant(OURS, mesh.ws, AiTalk),
            Contestant(REALTIME, mesh.ws.replace("/ws/conversation", "/v1/realtime?model=gpt-realtime"), Realtime),
        ]
        measured = converse(contestants, arguments.runs, quick=arguments.quick)
    print(COMPARISON.table(measured))


if __name__ == "__main__":
    main()
