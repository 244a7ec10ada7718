"""`python -m bench.batching`: how many learners it takes to double the p95 of voice-to-voice latency, with and without
batches in recognition. It uses the whole mesh with the bundled models. Two meshes run all the time and are measured in
turn."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.__main__ import Contestant, summary, talk
from bench.figures import Conversations, rows
from bench.systems import AiTalk
from bench.utterances import utterances
from tests.support.mesh import running_mesh

BATCHES = {"one at a time": "1", "up to 8 at once": "8"}  # ASR_MAX_BATCH


def main() -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.batching", description=__doc__)
    parser.add_argument(
        "--sessions", type=int, nargs="+", default=[1, 2, 4, 6], help="learners at once (default: 1 2 4 6)"
    )
    parser.add_argument("--runs", type=int, default=1, help="how often everything is done (default: 1)")
    arguments = parser.parse_args()
    conversations: list[Conversations] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, ExitStack() as meshes:
        contestants = []
        for name, batch in BATCHES.items():
            folder = Path(scratch) / batch
            folder.mkdir()
            mesh = meshes.enter_context(running_mesh(folder, LLM_TEMPERATURE="0", ASR_MAX_BATCH=batch))
            contestants.append(Contestant(name, mesh.ws, AiTalk))
        for run in range(arguments.runs):
            said = utterances(take=run + 1)
            for learners in arguments.sessions:
                for contestant in contestants[:: 1 if run % 2 == 0 else -1]:
                    conversations.append(talk(contestant, learners, run, said))
                    print(summary(conversations[-1]), flush=True)
    print(f"\n{table(conversations)}")


def table(conversations: list[Conversations]) -> str:
    """A Markdown table. It also shows each p95 as a multiple of the p95 with the fewest learners."""
    lines = [
        "| learners | recognition | median, s | p95, s | × p95 of the fewest | silent |",
        "| --: | --- | --: | --: | --: | --: |",
    ]
    found = rows(conversations, models_s=1.0)
    for row in found:
        alone = next(other for other in found if other.system == row.system)
        if row.median_s is None or row.p95_s is None or alone.p95_s is None:
            lines.append(f"| {row.learners} | {row.system} | | | | {row.unanswered} of {row.utterances} |")
            continue
        lines.append(
            f"| {row.learners} | {row.system} | {row.median_s:.2f} | {row.p95_s:.2f} | {row.p95_s / alone.p95_s:.2f} "
            f"| {row.unanswered} of {row.utterances} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
