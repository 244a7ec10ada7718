"""`python -m bench.partner`: measures the partner's replies in scripted conversations, on request compared with an
older checkout.

Sixty conversations of one typed line, twelve of 20 typed turns at three levels, and one of 100 turns go through the
real gateway. Each system holds all of them: this checkout with each requested model step, and the older checkout. The
systems take turns, conversation by conversation, so that only one works at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path

from bench.checkouts import mesh
from bench.partner.report import Talks, table, written
from bench.partner.scripts import Script, long_script, openings, scripts
from bench.partner.talk import Exchange, talk

STEPS: dict[str, dict[str, str]] = {"bundled": {}, "laptop": {"PROFILE": "laptop"}}
"""Model step → the settings of `make run` that select it."""


def main() -> None:
    """Run the conversations that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.partner", description=__doc__)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=["bundled"], help="model steps of this checkout")
    parser.add_argument("--base", type=Path, help="an older checkout, set up by `make setup`, to compare with")
    parser.add_argument("--openings", type=int, default=60, help="how many of the 60 first lines")
    parser.add_argument("--conversations", type=int, default=12, help="how many of the twelve; their levels alternate")
    parser.add_argument("--turns", type=int, default=20, help="turns of each of these")
    parser.add_argument("--long", type=int, default=100, help="turns of the long conversation; 0: none")
    parser.add_argument("--pause", type=float, default=0, help="seconds that the learner takes before each line")
    parser.add_argument("--out", type=Path, default=Path("build/partner"), help="folder for logs and transcripts")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    print(table(asyncio.run(run(options))))
    print(f"\nEvery reply: {options.out / 'transcripts.md'}")


async def run(options: argparse.Namespace) -> Talks:
    """All conversations with all systems. The table and the replies so far are written after each conversation, so that
    an interrupted run leaves its results."""
    talks: dict[str, list[tuple[Script, list[Exchange]]]] = {}
    with ExitStack() as stack:
        urls = {step: stack.enter_context(mesh(step, options.out, settings=STEPS[step])).ws for step in options.steps}
        if options.base:
            urls["base"] = stack.enter_context(
                mesh("base", options.out, checkout=options.base.resolve(), settings={})
            ).ws
        for script in openings()[: options.openings] + chosen(options.conversations, options.turns, options.long):
            for name, url in urls.items():
                exchanges = await talk(url, script, pause_s=options.pause)
                talks.setdefault(name, []).append((script, exchanges))
                print(f"{name}: {script.name}, {len(exchanges)} turns", file=sys.stderr, flush=True)
                (options.out / "table.md").write_text(table(talks) + "\n")
                (options.out / "transcripts.md").write_text(written(talks))
    return talks


def chosen(conversations: int, turns: int, long: int) -> list[Script]:
    """Some of the scripts, alternating between the levels, then the long one."""
    every = scripts()
    by_level = [[one for one in every if one.level == level] for level in ("beginner", "intermediate", "advanced")]
    in_turn = [group[number] for number in range(max(map(len, by_level))) for group in by_level if number < len(group)]
    short = [Script(one.name, one.level, one.lines[:turns]) for one in in_turn[:conversations]]
    return short + ([long_script(long)] if long else [])


if __name__ == "__main__":
    main()
