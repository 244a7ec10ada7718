"""`python -m bench.beside`: whether a learner waits longer for an answer if their sentences are corrected meanwhile.

Learners say the same utterances twice on the same mesh: with `corrections` "at the end", and "beside". In each run the
one follows the other, in a different order each time. Prints the median and p95 of each, the ratio of the medians, of
all runs together and of each run, and how many turns were checked.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bench.__main__ import Contestant
from bench.side_by_side import Comparison, add_arguments, converse
from bench.systems import AiTalk
from tests.support.mesh import running_mesh

AT_THE_END, BESIDE = "at the end", "beside"
COMPARISON = Comparison(BESIDE, AT_THE_END, order=(AT_THE_END, BESIDE), digits=3)
CHECKED = "aitalk_gateway_corrected_turns_total"


class Corrected(AiTalk):
    """A learner whose sentences are corrected during the conversation."""

    def greeting(self) -> str:
        return json.dumps(json.loads(super().greeting()) | {"corrections": BESIDE})


def checked_turns(gateway: str) -> dict[str, int]:
    """How many turns have been checked, or not, by outcome. gateway: its address."""
    with urllib.request.urlopen(f"{gateway}/metrics", timeout=5) as response:
        families = list(text_string_to_metric_families(response.read().decode()))
    return {
        sample.labels["outcome"]: int(sample.value)
        for family in families
        for sample in family.samples
        if sample.name == CHECKED and sample.value
    }


def main() -> None:
    """Run the measurement that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.beside", description=__doc__)
    add_arguments(parser, runs=4)
    parser.add_argument("--learners", type=int, nargs="+", default=[1, 4], help="how many talk at once")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        running_mesh(Path(folder), LLM_TEMPERATURE="0") as mesh,
    ):
        contestants = [Contestant(AT_THE_END, mesh.ws, AiTalk), Contestant(BESIDE, mesh.ws, Corrected)]
        for learners in arguments.learners:
            measured = converse(contestants, arguments.runs, quick=arguments.quick, learners=learners)
            print(f"\n{learners} learners\n\n{COMPARISON.table(measured)}\n", flush=True)
        outcomes = checked_turns(mesh.http)
    print("turns:", ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())) or "none")


if __name__ == "__main__":
    main()
