"""`python -m bench.peers`: voice-to-voice latency over AI-Talk's Realtime API compared with Hugging Face's
speech-to-speech.

The same client says the same utterances to both, one after the other, in a different order in each run. Both use the
bundled Whisper, SmolLM2 (each on a llama.cpp server of its own), the bundled Piper voice, Silero VAD and Smart Turn.
speech-to-speech gets its speech from the mesh's /v1/audio/speech. Prints the median and p95 of each, and the ratio of
the medians, of all runs together and of each run.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.__main__ import Contestant
from bench.figures import OURS
from bench.models import running_llama
from bench.realtime import Realtime
from bench.side_by_side import Comparison, add_arguments, converse
from bench.speech_to_speech import SpeechToSpeech, running_speech_to_speech, versions
from tests.support.mesh import running_mesh

PEER = "speech-to-speech"
# between two conversations, because the peer refuses a client until it has finished with the previous one
PAUSE_S = 3.0


def main() -> None:
    """Run the measurement that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    add_arguments(parser, runs=3)
    parser.add_argument("--keep", type=Path, help="folder for the servers' logs; without it they are thrown away")
    arguments = parser.parse_args()
    print(", ".join(f"{name} {version}" for name, version in versions().items()), flush=True)
    with ExitStack() as servers:
        folder = arguments.keep or Path(servers.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        mesh = servers.enter_context(running_mesh(folder, LLM_TEMPERATURE="0"))
        llama = servers.enter_context(running_llama(folder))
        peer = servers.enter_context(running_speech_to_speech(folder, llama, f"{mesh.http}/v1"))
        contestants = [
            Contestant(OURS, mesh.ws.replace("/ws/conversation", "/v1/realtime?model=gpt-realtime"), Realtime),
            Contestant(PEER, peer.url, SpeechToSpeech),
        ]
        measured = converse(contestants, arguments.runs, quick=arguments.quick, pause_s=PAUSE_S)
    print(Comparison(OURS, PEER, order=(OURS, PEER)).table(measured))


if __name__ == "__main__":
    main()
