"""`aitalk scenarios` and `aitalk sessions`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from aitalk.client.errors import AiTalkError
from aitalk.client.gateway import Gateway
from aitalk.client.kept_sessions import KeptSessions
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def scenarios(chosen: argparse.Namespace, console: Console) -> None:
    """Print the gateway's scenarios."""
    with Gateway(chosen.url, token=chosen.token) as gateway:
        found = gateway.scenarios(chosen.level)
    rows = [
        (one["id"], one["language"], f"{one['levels']['from']}–{one['levels']['to']}", one["title"], one["goal"])
        for one in found
    ]
    _show(console, ("id", "language", "level", "title", "what you want to achieve"), rows)


def sessions(chosen: argparse.Namespace, console: Console) -> None:
    """Print the conversations of this computer, or forget one."""
    kept = KeptSessions()
    if chosen.forget:
        session = kept.find(chosen.forget)
        if session is None:
            raise AiTalkError(f"no conversation {chosen.forget!r}; `aitalk sessions` lists them")
        kept.forget(session.session_id)
        return
    rows = [(one.session_id, one.when, one.url, one.about) for one in kept]
    _show(console, ("id", "latest use", "gateway", "about"), rows)


def _show(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal. For other programs, print lines with tabs between the columns, without headings."""
    if not console.is_terminal:
        for row in rows:
            console.file.write("\t".join(row) + "\n")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, no_wrap=number == 0)
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table if rows else "nothing to list")
