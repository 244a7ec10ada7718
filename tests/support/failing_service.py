"""`python -m tests.support.failing_service HOW`: the real server with an engine that loads as HOW says. The environment
variable FAILING_HOW may say it instead.

hang: loading never ends, in a thread. memory: loading takes more and more memory, so set a limit. crash: a signal kills
the process, as a fault of native code would. slow: loading takes two seconds and succeeds. well: loading succeeds at
once. The server listens on ASR_PORT, or on a free port if that isn't set.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from functools import partial

from aitalk.asr.v1 import asr_pb2

from common.grpc_server import Service, run
from common.logs import configure_logging
from common.process import plain_start_errors
from common.settings import ModelServerSettings

_NAME = asr_pb2.DESCRIPTOR.services_by_name[
    "AsrService"
].full_name  # an existing one, because the server looks up its methods to count their calls


def load(how: str) -> None:
    match how:
        case "hang":
            time.sleep(10_000)
        case "memory":
            kept = [bytes(64 << 20) for _ in range(1_000)]  # zeroed pages that nobody writes take no memory
            raise AssertionError(f"{len(kept)} blocks fitted")
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "slow":
            time.sleep(2)


async def nothing() -> None:
    pass


def main() -> None:
    how = os.environ.get("FAILING_HOW") or sys.argv[1]
    with plain_start_errors("ASR"):
        settings = ModelServerSettings()
        configure_logging(settings.log_level)
        service = Service("ASR", _NAME, lambda _: None, partial(asyncio.to_thread, load, how), nothing)
        asyncio.run(run(service, settings, int(os.environ.get("ASR_PORT", "0"))))


if __name__ == "__main__":
    main()
