"""The pictures of docs/capacity.md."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from bench.load.simulation.experiments import TARGET_P95_S, Peak, Steady

mpl.use("svg")
mpl.rcParams |= {
    "svg.hashsalt": "aitalk",
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "legend.frameon": False,
}
mpl.rcParams |= {"axes.spines.top": False, "axes.spines.right": False}


def voice_to_voice(curves: dict[str, list[Steady]], alone: dict[str, list[Steady]], path: Path) -> None:
    """Two charts of p95 by number of learners: one replica of each model (with p50 as deployed, too), and one
    recogniser with plenty of the other models."""
    figure, (all_of_them, recogniser) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
    for axes, lines in ((all_of_them, curves), (recogniser, alone)):
        for name, points in lines.items():
            axes.plot([one.learners for one in points], [one.p95_s for one in points], label=f"p95, {name}")
        axes.axhline(TARGET_P95_S, color="grey", linewidth=0.8, linestyle="--")
        axes.set(xlabel="learners at once", ylim=(0, 3))
    first = next(iter(curves.values()))
    all_of_them.plot([one.learners for one in first], [one.p50_s for one in first], "k:", label="p50, as deployed")
    all_of_them.set(title="one replica of each model", ylabel="voice to voice, seconds")
    recogniser.set(title="one recogniser, the others have plenty, speculation always")
    all_of_them.legend(loc="upper left", fontsize=8)
    recogniser.legend(loc="upper left", fontsize=8)
    _save(figure, path)


def morning(peaks: dict[str, Peak], path: Path) -> None:
    """Learners, replicas and p95 over the morning, one below the other; a column for each of `peaks`."""
    figure, rows = plt.subplots(
        3, len(peaks), figsize=(3 * len(peaks), 6.5), layout="constrained", sharex=True, sharey="row", squeeze=False
    )
    for column, (name, peak) in enumerate(peaks.items()):
        learners, replicas, waits = (row[column] for row in rows)
        minutes = [moment.at_s / 60 for moment in peak.moments]
        learners.plot(minutes, [moment.seated for moment in peak.moments], label="in conversation")
        learners.plot(minutes, [moment.queued for moment in peak.moments], label="waiting in the queue")
        for kind, label in (("asr", "recognition"), ("tts", "voice"), ("llm", "llm_service"), ("vllm", "vLLM")):
            counts = [moment.replicas[kind] for moment in peak.moments]
            replicas.plot(minutes, counts, label=label, linestyle="--" if kind in ("tts", "vllm") else "-")
        seen = [(at, moment.p95_s) for at, moment in zip(minutes, peak.moments, strict=True) if moment.p95_s]
        waits.plot([at for at, _ in seen], [wait for _, wait in seen], linewidth=0.8)
        waits.axhline(TARGET_P95_S, color="grey", linewidth=0.8, linestyle="--")
        learners.set_title(name, fontsize=9)
        waits.set(xlabel="minutes", ylim=(0, None))
    for row, label in zip(rows, ("learners", "replicas that are ready", "voice to voice p95, s"), strict=True):
        row[0].set_ylabel(label)
    rows[0][0].legend(fontsize=7, loc="upper right")
    rows[1][0].legend(fontsize=7, loc="upper right")
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    figure.savefig(Path("build") / path.with_suffix(".png").name, dpi=90)
    plt.close(figure)
