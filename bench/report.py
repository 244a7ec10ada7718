"""The report of a bench run: JSON with everything, and the section "Voice to voice" of docs/performance.md."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.figures import OURS, Conversations, Row, rows
from bench.models import SerialTimes
from tests.support.mesh import ROOT

PAGE = ROOT / "docs" / "performance.md"
SECTION = "voice-to-voice"
LATE_S = 0.02  # one frame
STAGES = ("eager", "end_of_turn", "first_token", "first_audio_made", "first_audio_sent")
OUR_PACKAGES = ("faster-whisper", "ctranslate2", "onnxruntime", "piper-tts", "xllamacpp")


@dataclass(frozen=True)
class Bench:
    """All results of a run. stages_ms: `latency_ms` of AI-Talk's replies that were heard to the end, with one
    learner."""

    command: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    conversations: Sequence[Conversations]
    serial: Sequence[SerialTimes]
    stages_ms: Sequence[Mapping[str, float]]

    @property
    def models_s(self) -> float:
        """The time that the models alone take: the median over utterances and runs, in seconds."""
        return median(times.total_s for times in self.serial)

    @property
    def rows(self) -> list[Row]:
        """The rows of the table."""
        return rows(self.conversations, self.models_s)


def write_json(bench: Bench, path: Path) -> None:
    """Write all results to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = dataclasses.asdict(bench) | {
        "models_s": bench.models_s,
        "rows": [dataclasses.asdict(row) for row in bench.rows],
    }
    path.write_text(json.dumps(data, indent=1) + "\n")


def write_section(page: Path, name: str, body: str) -> None:
    """Write `body` between the markers `name` in the page. Raises LookupError if they are missing."""
    begin, end = f"<!-- {name}: written by make bench -->", f"<!-- /{name} -->"
    text = page.read_text()
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise LookupError(f"{page} has no lines `{begin}` and `{end}`; put them where the figures belong")
    page.write_text(f"{before}{begin}\n\n{body.strip()}\n\n{end}{after}")


def markdown(bench: Bench) -> str:
    """The generated section of the page. The text of PAGE explains the columns."""
    where = "Everything, answer by answer, is in [performance/voice-to-voice.json](performance/voice-to-voice.json)."
    return "\n\n".join((_origin(bench), _answers(bench), _serial(bench.serial), _stages(bench.stages_ms), where))


def _origin(bench: Bench) -> str:
    facts = "; ".join(f"{name}: {value}" for name, value in bench.machine.items())
    packages = ", ".join(f"{name} {number}" for name, number in bench.versions.items())
    return f"`{bench.command}` — {facts}.\n{packages}."


def _answers(bench: Bench) -> str:
    lines = [
        "| learners | system | median (each), s | p95 (each), s | cut | early | silent | × Pipecat | × models |",
        "| --: | --- | --- | --- | --: | --: | --: | --- | --: |",
    ]
    for row in bench.rows:
        ratios = f"{_number(row.to_pipecat)}, {_number(row.p95_to_pipecat)}" if row.system == OURS else ""
        lines.append(
            f"| {row.learners} | {row.system} | {_spread(row.median_s, row.medians_s)} "
            f"| {_spread(row.p95_s, row.p95s_s)} | {row.cut} of {row.utterances} | {row.premature} "
            f"| {row.unanswered} | {ratios} | {_number(row.to_models)} |"
        )
    lates = [answer.client_late_s for one in bench.conversations for answer in one.answers]
    errors = sum(len(one.errors) for one in bench.conversations)
    late = sum(late_s > LATE_S for late_s in lates)
    lines.append(
        f"\n× Pipecat: median and p95, each divided by the lower one of Pipecat's two; × models: median divided by the "
        f"models' time. "
        f"The client was more than {LATE_S * 1000:.0f} ms late with a frame in {late} of {len(lates)} utterances, at "
        f"most {max(lates) * 1000:.0f} ms. Errors reported: {errors}."
    )
    return "\n".join(lines)


def _serial(serial: Sequence[SerialTimes]) -> str:
    columns = {
        "speech recognition, whole utterance": [times.asr_s for times in serial],
        "reply's first sentence": [times.first_sentence_s for times in serial],
        "that sentence's audio": [times.first_audio_s for times in serial],
        "together": [times.total_s for times in serial],
    }
    head = f"| the models alone, {len(serial)} utterances | {' | '.join(columns)} |"
    cells = " | ".join(f"{median(values):.3f} ({min(values):.3f}–{max(values):.3f})" for values in columns.values())
    return f"{head}\n| --- |{' --- |' * len(columns)}\n| median, s (least–most) | {cells} |"


def _stages(stages_ms: Sequence[Mapping[str, float]]) -> str:
    """A table of the stages that AI-Talk reports for its replies, with one learner."""
    columns = {stage: [one[stage] for one in stages_ms if stage in one] for stage in STAGES}
    head = f"| AI-Talk's stages, {len(stages_ms)} replies | {' | '.join(f'`{stage}`' for stage in STAGES)} |"
    cells = " | ".join(
        f"{median(values):.0f} ({min(values):.0f}–{max(values):.0f})" if values else "–" for values in columns.values()
    )
    return f"{head}\n| --- |{' --- |' * len(STAGES)}\n| median, ms after the last sound (least–most) | {cells} |"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _spread(value: float | None, each: Sequence[float]) -> str:
    return "–" if value is None else f"{value:.2f} ({', '.join(f'{one:.2f}' for one in each)})"


def machine() -> dict[str, str]:
    """The machine and its load, the versions of Python and of AI-Talk, and the date."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()  # fmt: skip
    return {
        "CPUs": f"{len(os.sched_getaffinity(0))} × {model}",
        "load when it began": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "commit": commit or "unknown",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def our_versions() -> dict[str, str]:
    """The versions of the packages that AI-Talk's models run on."""
    return {name: version(name) for name in OUR_PACKAGES}
