"""`python -m bench.peers`: voice-to-voice latency over AI-Talk's Realtime API beside Hugging Face's speech-to-speech.

The same client says the same utterances to both, one after the other, in another order each time. Both use the bundled
Whisper, SmolLM2 on a llama.cpp server each, the bundled Piper voice, Silero VAD and Smart Turn. speech-to-speech gets
its speech from the mesh's /v1/audio/speech. Prints each one's median and p95, and the ratio of the medians.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.__main__ import Contestant, in_turn, summary, talk
from bench.figures import OURS, Conversations, p95
from bench.models import running_llama
from bench.realtime import Realtime
from bench.speech_to_speech import SpeechToSpeech, running_speech_to_speech, versions
from bench.utterances import quick_utterances, utterances
from tests.support.mesh import running_mesh

PEER = "speech-to-speech"
PAUSE_S = 3.0  # between two conversations: the peer refuses a client until it is done with the one before


def main() -> None:
    """Run the measurement that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often both are measured")
    parser.add_argument("--quick", action="store_true", help="three utterances in each run, not all")
    parser.add_argument("--keep", type=Path, help="folder for the servers' logs; else they are thrown away")
    arguments = parser.parse_args()
    print(", ".join(f"{name} {version}" for name, version in versions().items()), flush=True)
    measured = []
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
        for number in range(arguments.runs):
            said = quick_utterances() if arguments.quick else utterances(take=number + 1)
            for contestant in in_turn(contestants, number):
                time.sleep(PAUSE_S)
                measured.append(talk(contestant, 1, number, said))
                print(summary(measured[-1]), flush=True)
    print(table(measured))


def table(measured: Sequence[Conversations]) -> str:
    """Both systems' figures, then the ratio of the medians: of all answers, and of each run."""
    lines = ["| | median, s | p95, s | cut | early | silent |", "| --- | --- | --- | --- | --- | --- |"]
    for system in (OURS, PEER):
        answers = [answer for one in measured if one.system == system for answer in one.answers]
        known = _latencies(measured, system)
        figures = f"{median(known):.3f} | {p95(known):.3f}" if known else "– | –"
        lines.append(
            f"| {system} | {figures} | {sum(answer.cut for answer in answers)} "
            f"| {sum(answer.premature for answer in answers)} | {len(answers) - len(known)} |"
        )
    runs = sorted({one.run for one in measured})
    each = ", ".join(_ratio([one for one in measured if one.run == run]) for run in runs)
    return "\n".join((*lines, "", f"{OURS} ÷ {PEER}: {_ratio(measured)} (each run: {each})"))


def _ratio(measured: Sequence[Conversations]) -> str:
    ours, theirs = _latencies(measured, OURS), _latencies(measured, PEER)
    return f"{median(ours) / median(theirs):.2f}" if ours and theirs else "–"


def _latencies(measured: Sequence[Conversations], system: str) -> list[float]:
    """Of all answered utterances, in seconds."""
    return [
        answer.latency_s
        for one in measured
        if one.system == system
        for answer in one.answers
        if answer.latency_s is not None
    ]


if __name__ == "__main__":
    main()
