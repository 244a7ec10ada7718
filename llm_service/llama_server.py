"""`python -m llm_service.llama_server --model FILE.gguf …`: llama.cpp's OpenAI-compatible server.

It comes in the wheel `xllamacpp`. It serves /v1/chat/completions, /v1/models, /health, /slots and /metrics on 127.0.0.1
until SIGTERM. At its default verbosity llama.cpp logs timings and token counts, never the text.
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xllamacpp

PROMPT_CACHE_MIB = 512  # prompts kept beside those in the slots; llama.cpp's own default is 8 GiB
MAX_DEFAULT_THREADS = 8  # beyond it, memory is what limits
# So many rounds a thread that waits for another one spins before it sleeps. In OpenMP's own 300,000 it takes the CPU
# that the other one needs.
SPIN_COUNT = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m llm_service.llama_server")
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--alias", required=True, help="the model's name in requests")
    parser.add_argument("--port", type=int, default=0, help="0: a free one, which the log names")
    parser.add_argument("--context", type=int, default=4096, help="tokens of context for each reply")
    parser.add_argument("--parallel", type=int, default=4, help="replies written at once; more wait")
    parser.add_argument("--threads", type=int, default=0, help="0: half of the CPUs, at most 8")
    parser.add_argument(
        "--eight-bits", type=Path, help="folder for a faster copy of the model, of which that is served"
    )
    arguments = parser.parse_args()
    if arguments.eight_bits:
        from llm_service.eight_bits import in_eight_bits

        arguments.model = in_eight_bits(arguments.model, arguments.eight_bits)
    os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))  # OpenMP reads it when it is loaded, with the next line
    import xllamacpp

    server = xllamacpp.Server(parameters(arguments))
    try:
        signal.pause()  # SIGTERM keeps its default, and ends the process at once
    finally:
        del server


def parameters(arguments: argparse.Namespace) -> xllamacpp.CommonParams:
    """What the command line asks for, in llama.cpp's own terms."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(arguments.model)
    params.model_alias = {arguments.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = arguments.port
    params.cors_origins = ""  # no web page of another origin may read from it
    params.n_parallel = arguments.parallel
    params.n_ctx = arguments.context * arguments.parallel  # divided among the slots
    params.cache_prompt = True
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.use_jinja = True
    params.endpoint_metrics = True
    params.endpoint_slots = True
    params.cpuparams.n_threads = arguments.threads or default_threads()
    params.cpuparams_batch.n_threads = arguments.threads or prompt_threads()
    return params


def default_threads() -> int:
    """For writing, half of the CPUs: the threads wait for one another at each layer of each token, so one that has to
    wait for a CPU halts them all.

    On 2 cores shared with speech recognition and synthesis, one thread was seen to write 30 tokens/s, two threads 3.
    """
    return max(1, min(_cpus() // 2, MAX_DEFAULT_THREADS))


def prompt_threads() -> int:
    """For reading a prompt, all CPUs: its tokens go through a layer together, so that there is little to wait for.

    On 2 cores 30 tokens were read in 0.12 s, by one thread in 0.29 s; while two other processes computed, in the same
    time as by one thread.
    """
    return max(1, min(_cpus(), MAX_DEFAULT_THREADS))


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    main()
