"""The files that the benches run in environments of their own."""

from __future__ import annotations

from bench import pipecat_server
from bench.load import processes


def test_they_are_there() -> None:
    assert pipecat_server.BOT.is_file()
    assert processes.PIPECAT_SERVER.is_file()
