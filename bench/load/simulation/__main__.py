"""`make simulate`: runs all experiments and writes the tables and pictures of docs/capacity.md."""

from __future__ import annotations

from pathlib import Path

from bench.load.simulation import plots
from bench.load.simulation.report import PAGE, make, tables, write_into


def main() -> None:
    """Run all experiments, and write the page and the pictures."""
    report = make(lambda line: print(line, flush=True))
    Path("build").mkdir(exist_ok=True)
    Path("build/capacity.json").write_text(report.model_dump_json(indent=1))
    pictures = PAGE.with_suffix("")
    plots.voice_to_voice(report.curves, report.alone, pictures / "voice-to-voice.svg")
    plots.morning(report.peaks, pictures / "morning.svg")
    write_into(PAGE, tables(report))
    print(f"written: {PAGE}, {pictures}/*.svg, build/capacity.json")


if __name__ == "__main__":
    main()
