"""What a conversation shows on the terminal: finished turns as lines, and below them what happens now."""

from __future__ import annotations

from math import log
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.text import Text

BARS = " ▁▂▃▄▅▆▇█"
QUIETEST, LOUDEST = 0.003, 0.3  # of full scale: an empty meter and a full one
WIDTH = 12


class Screen:
    """The terminal. With `live`, the last lines show the level of the microphone and the words as they come."""

    def __init__(self, console: Console, *, live: bool) -> None:
        self._console = console
        self._is_live = live and console.is_terminal
        self._levels = [0.0] * WIDTH
        self.status = "connecting"
        self.learner_says = ""
        self.partner_says = ""
        self._live = Live(get_renderable=self._now, console=console, transient=True, refresh_per_second=10)

    def __enter__(self) -> Self:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._live.stop()

    def level(self, loudness: float) -> None:
        """How loud the microphone is now, 0 to 1."""
        self._levels = [*self._levels[1:], loudness]

    def learner(self, text: str, *, typed: bool = False) -> None:
        """The learner's turn is over. typed: it was typed, so a terminal shows it already."""
        self.learner_says = ""
        if typed and self._console.is_terminal:
            return
        self._console.print(f"[bold cyan]You:[/] {escape(text)}")

    def partner(self, text: str, *, cut: bool = False) -> None:
        """The partner's turn is over. cut: it was interrupted after `text`."""
        self.partner_says = ""
        self._console.print(f"[bold green]Partner:[/] {escape(text)}{' …' if cut else ''}")

    def note(self, text: str) -> None:
        """Show a notice, which neither side said."""
        self._console.print(Text(text, style="dim italic"))

    def prompt(self) -> None:
        """It's the learner's turn to type."""
        if self._console.is_terminal:
            self._console.print("[bold cyan]You:[/] ", end="")

    def _now(self) -> RenderableType:
        lines = [Text(f"{meter(self._levels)}  {self.status}", style="cyan")]
        if self.learner_says:
            lines.append(Text(f"You: {self.learner_says}", style="cyan dim"))
        if self.partner_says:
            lines.append(Text(f"Partner: {self.partner_says}", style="green dim"))
        return Group(*lines)


def meter(levels: list[float]) -> str:
    """A bar for each level, on a logarithmic scale like that of the ear."""
    return "".join(BARS[_height(level)] for level in levels)


def _height(level: float) -> int:
    if level <= QUIETEST:
        return 0
    share = min(1.0, log(level / QUIETEST) / log(LOUDEST / QUIETEST))
    return max(1, round(share * (len(BARS) - 1)))
