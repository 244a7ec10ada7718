"""`make load SESSIONS="1 10 25" DURATION=30`: measures how much CPU and memory the mesh needs for n learners, and how
much latency it adds.

Each learner says a sentence every 8 s. The models are stubs that take fixed times. The measured systems are the mesh
(gateway, Valkey, and asr_service around a stub), the gateway with a stub in place of asr_service as well, and Pipecat
with equal stubs. Pipecat is measured twice: a turn ends after a time-out, or when Smart Turn says so. Each system is
restarted for each number of learners. Prints a table, and writes it to the folder --output, with all numbers as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load.delays import Delays
from bench.load.expected import Ending, endings
from bench.load.measure import Measured, Timeline, measure
from bench.load.processes import (
    PIPECAT,
    System,
    gateway_alone,
    mesh,
    pipecat,
    recognising,
)
from bench.load.report import Report, table
from bench.load.speech import FRAME, RATE_HZ, Program, program
from bench.load.stubs import EAGER_S, END_S
from deploy.ports import free_ports

SYSTEMS = ("mesh", "gateway", "pipecat", "pipecat-smart-turn")
MAX_SESSIONS, MAX_SECONDS = 1000, 600.0


def main() -> None:
    """Run the measurement that the arguments ask for."""
    arguments = _arguments()
    delays, said = Delays(), program()
    with tempfile.TemporaryDirectory(prefix="aitalk-load-") as folder:
        said.save(program_path := Path(folder) / "program.npz")
        ends = _endings_of(arguments.systems, Path(folder), said)
        rows = [
            row
            for sessions in arguments.sessions
            for name in arguments.systems
            for row in _measured(name, sessions, arguments, delays, said, program_path, ends)
        ]
    report = Report(delays=delays, rows=rows)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "load.json").write_text(report.model_dump_json(indent=2))
    (arguments.output / "load.md").write_text(table(report))
    print(table(report))
    print(f"\nwritten: {arguments.output}/load.json, {arguments.output}/load.md")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 10, 25])
    parser.add_argument("--duration", type=float, default=30.0, help="seconds for which the learners speak")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--pipecat-python", type=Path, default=PIPECAT)
    parser.add_argument("--output", type=Path, default=Path("build/load"))
    arguments = parser.parse_args()
    if not all(1 <= sessions <= MAX_SESSIONS for sessions in arguments.sessions):
        parser.error(f"--sessions: from 1 to {MAX_SESSIONS}")
    if not 15 <= arguments.duration <= MAX_SECONDS:
        parser.error(f"--duration: from 15 to {MAX_SECONDS:.0f} seconds; a turn takes 8")
    if any(name.startswith("pipecat") for name in arguments.systems) and not arguments.pipecat_python.exists():
        parser.error(f"--pipecat-python: {arguments.pipecat_python} is not there; `make load` sets it up")
    return parser.parse_args()


def _endings_of(systems: list[str], folder: Path, said: Program) -> dict[str, list[Ending]]:
    """Where turns end. For the mesh, asr_service itself determines it; for the gateway, the stub's script. Pipecat gets
    the script's values, too, but of those only the end of the voice is true."""
    known = {}
    if "mesh" in systems:
        print("asking asr_service where the turns end …", flush=True)
        (port,) = free_ports(1)
        instant = Delays(decode=0, partial=0, first_token=0, token=0, speech=0)
        with recognising(folder, instant, port):
            known["mesh"] = asyncio.run(endings(f"127.0.0.1:{port}", said))
    waits = [round(wait_s * RATE_HZ) for wait_s in (0.0, EAGER_S, END_S)]
    stub = [Ending(*((end + wait - 1) // FRAME for wait in waits)) for _, end in said.voiced]
    return {name: known.get(name, stub) for name in systems}


def _measured(
    name: str,
    sessions: int,
    arguments: argparse.Namespace,
    delays: Delays,
    said: Program,
    program_path: Path,
    ends: dict[str, list[Ending]],
) -> Iterator[Measured]:
    """One row; none if the system could not serve this many learners."""
    models_s = 0.0 if name.startswith("pipecat") else delays.to_first_audio
    timeline = Timeline(program_path, ends[name], said.frames, models_s)
    print(f"{name}: {sessions} learners for {arguments.duration:.0f} s …", flush=True)
    with tempfile.TemporaryDirectory(prefix="aitalk-load-") as folder:
        try:
            with _system(name, Path(folder), arguments.pipecat_python, delays, said) as system:
                row = measure(name, system, sessions, arguments.duration, timeline)
        except RuntimeError as error:
            print(f"  {error}")
            return
    print(f"  {row.model_dump_json()}", flush=True)
    yield row


@contextmanager
def _system(name: str, folder: Path, python: Path, delays: Delays, said: Program) -> Iterator[System]:
    match name:
        case "mesh":
            running = mesh(folder, delays)
        case "gateway":
            running = gateway_alone(folder, delays, said)
        case _:
            running = pipecat(folder, delays, python, smart_turn=name == "pipecat-smart-turn")
    with running as system:
        yield system


if __name__ == "__main__":
    main()
