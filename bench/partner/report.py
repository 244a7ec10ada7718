"""The table of a run, and the words of its conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from bench.partner.quality import MOST_SENTENCES, Tally
from bench.partner.scripts import Script
from bench.partner.talk import Exchange

Talks = Mapping[str, Sequence[tuple[Script, Sequence[Exchange]]]]


def tally(talks: Sequence[tuple[Script, Sequence[Exchange]]]) -> Tally:
    """The measures of all replies of a system."""
    counts = Tally()
    for script, exchanges in talks:
        counts.add([(exchange.said, exchange.reply) for exchange in exchanges], script.level, script.facts)
    return counts


def waits_of(talks: Sequence[tuple[Script, Sequence[Exchange]]]) -> list[float]:
    """Seconds to the first sound of each reply that had one. Conversations of one line are left out: a seat is kept for
    some seconds after its learner has left, so the next learner may have to wait for one."""
    long = [exchanges for script, exchanges in talks if len(script.lines) > 1]
    return [one.first_sound_s for exchanges in long for one in exchanges if one.first_sound_s is not None]


def table(talks: Talks) -> str:
    """A row for each system. The last column is about the longest conversation: its worst wait divided by its
    median wait."""
    lines = [
        (
            "| system | replies | loops | unfinished | repeats | begin alike | too long |"
            " take up what was said | ask for what was told | end in a question | words above the level |"
            " first sound: median, p95, worst | worst of the longest, × its median |"
        ),
        "|" + " --- |" * 13,
    ]
    for name, one in talks.items():
        counts = tally(one)
        if not counts.replies:
            lines.append(f"| {name} | none |" + " |" * 11)
            continue
        missing = f" ({counts.missing} missing)" if counts.missing else ""
        lines.append(
            f"| {name} | {counts.replies}{missing} | {counts.share(counts.loops):.1f} % "
            f"| {counts.share(counts.unfinished):.1f} % | {counts.share(counts.repeats):.1f} % "
            f"| {counts.share(counts.begin_alike):.0f} % | {counts.share(counts.too_long):.1f} % "
            f"| {100 * counts.taken_up / max(1, counts.telling_lines):.0f} % "
            f"| {counts.asked_again} of {counts.openings} | {counts.share(counts.questions):.0f} % "
            f"| {100 * counts.rare_words / max(1, counts.words):.1f} % | {_waits(one)} |"
        )
    limits = ", ".join(f"{level} {most}" for level, most in MOST_SENTENCES.items())
    lines.append(f"\nToo long: more sentences than a level's rule allows ({limits}).")
    return "\n".join(lines)


def _waits(talks: Sequence[tuple[Script, Sequence[Exchange]]]) -> str:
    """The two last columns; dashes if there is no conversation of more than one line."""
    if not (waits := waits_of(talks)):
        return "– | –"
    p95 = quantiles(waits, n=20)[-1] if len(waits) > 1 else waits[0]
    longest = waits_of([max(talks, key=lambda pair: len(pair[1]))])
    return f"{median(waits):.2f}, {p95:.2f}, {max(waits):.2f} s | {max(longest) / median(longest):.1f}"


def written(talks: Talks) -> str:
    """Everything that was said, for reading."""
    lines = []
    for name, one in talks.items():
        for script, exchanges in one:
            lines.append(f"\n## {name}: {script.name}\n")
            for exchange in exchanges:
                waited = "" if exchange.first_sound_s is None else f" ({exchange.first_sound_s:.1f} s)"
                lines += [f"- {exchange.said}", f"  - **{exchange.reply}**{waited}"]
    return "\n".join(lines)
