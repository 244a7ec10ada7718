"""Log lines of one form in all processes. What people say never goes into them: ids, lengths and timings only."""

from __future__ import annotations

import logging
import sys


def configure_logging(level: str) -> None:
    """Send log lines to standard error as `time level logger message`."""
    logging.basicConfig(
        level=level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-7s %(name)s %(message)s",
        force=True,
    )
    for chatty in (
        "httpx",
        "httpcore",
        "faster_whisper",
        "piper",
    ):  # the last two log the text itself at DEBUG
        logging.getLogger(chatty).setLevel(logging.WARNING)
