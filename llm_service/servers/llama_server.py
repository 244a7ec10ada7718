"""`python -m llm_service.servers.llama_server --model FILE.gguf …`: llama.cpp's OpenAI-compatible server.

The wheel `xllamacpp` contains it. It serves /v1/chat/completions, /v1/models, /health, /slots and /metrics on 127.0.0.1
until SIGTERM. At its default verbosity llama.cpp logs timings and token counts, never the text.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from common.smollm2 import eight_bit_copy
from llm_service.servers.untouched_memory import give_back_zeros

if TYPE_CHECKING:
    import xllamacpp

READY = "the model server may be asked now"
"""The server prints this line when it may be asked. If it got a request earlier, `give_back_zeros` could discard what
the request had just written into the KV cache."""

PROMPT_CACHE_MIB = 128  # for prompts that are not in a slot: about ten conversations. llama.cpp's default is 8 GiB
MAX_DEFAULT_THREADS = 8  # more don't help: memory bandwidth is the limit
# `llm_service.openai_api.slots` names the slot of each request. If less than this share of a prompt is in the slot
# already, llama.cpp first saves the slot's content to the prompt cache, and looks there for a longer common beginning.
SAME_PROMPT = 0.7
MAX_BATCH = 64  # tokens of a prompt read at once; each reply in progress gets one token per batch
# How many rounds a thread spins while it waits for another thread, before it sleeps. With OpenMP's default of 300,000
# it takes the CPU that the other thread needs.
SPIN_COUNT = 20_000


def main() -> None:
    """Serve until a signal ends the process."""
    parser = argparse.ArgumentParser(prog="python -m llm_service.servers.llama_server")
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--alias", required=True, help="the model's name in requests")
    parser.add_argument("--port", type=int, default=0, help="0: a free port, which the log names")
    parser.add_argument("--context", type=int, default=4096, help="tokens of context for each reply")
    parser.add_argument("--parallel", type=int, default=4, help="replies written at once; more wait")
    parser.add_argument("--threads", type=int, default=0, help="0: half of the CPUs, at most 8")
    parser.add_argument("--eight-bits", type=Path, help="folder for a faster copy of the model, which is then served")
    parser.add_argument("--adapter", type=Path, help="a LoRA adapter, a GGUF file")
    parser.add_argument("--request-adapter", type=Path, help="another one, which only works in requests that name it")
    arguments = parser.parse_args()
    if arguments.eight_bits:
        serve_the_copy(arguments)
    os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))  # OpenMP reads this when the next line loads OpenMP
    import xllamacpp

    server = xllamacpp.Server(parameters(arguments))
    give_back_zeros()  # most of the KV cache; no request writes to it before the next line
    print(READY, flush=True)  # noqa: T201  it is for the service that started us
    try:
        signal.pause()  # SIGTERM has its default effect: it ends the process at once
    finally:
        del server


def serve_the_copy(arguments: argparse.Namespace) -> None:
    """Have `arguments` name the 8-bit copy of the model. The first time, make the copy and start this program again.

    Making the copy leaves 450 MB in the process; a program that starts anew doesn't have them.
    """
    copy = eight_bit_copy(arguments.model, arguments.eight_bits, arguments.adapter)
    if not copy.is_file():
        from llm_service.servers.eight_bits import in_eight_bits

        if in_eight_bits(arguments.model, arguments.eight_bits, arguments.adapter) != copy:
            return  # the copy can't be written, so the model itself is served
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606  no shell is wanted
    arguments.model, arguments.adapter = copy, None  # the copy contains the adapter


def parameters(arguments: argparse.Namespace) -> xllamacpp.CommonParams:
    """The command line as llama.cpp's parameters."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(arguments.model)
    params.model_alias = {arguments.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = arguments.port
    params.cors_origins = ""  # no web page of another origin may read from it
    params.n_parallel = arguments.parallel
    params.n_ctx = arguments.context * arguments.parallel  # llama.cpp divides it among the slots
    params.slot_prompt_similarity = SAME_PROMPT
    params.n_batch = params.n_ubatch = MAX_BATCH
    params.cache_prompt = True
    params.fit_params = False  # otherwise it reads the file twice, to see what fits on a GPU; the model runs on the CPU
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.cache_idle_slots = (
        False  # a slot's content goes into the prompt cache when the slot gets another prompt; that is enough
    )
    params.use_jinja = True
    params.enable_reasoning = 0  # Qwen3 would think aloud before each reply, and the learner would wait
    params.endpoint_metrics = True
    params.endpoint_slots = True
    params.slot_save_path = f"{os.devnull}/"  # without a path, a slot can't be emptied; nothing is saved
    params.lora_adapters = [
        _adapter(path, scale) for path, scale in ((arguments.adapter, 1.0), (arguments.request_adapter, 0.0)) if path
    ]
    threads = arguments.threads or default_threads()
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    return params


def _adapter(path: Path, scale: float) -> xllamacpp.CommonAdapterLoraInfo:
    import xllamacpp

    adapter = xllamacpp.CommonAdapterLoraInfo()
    adapter.path, adapter.scale = str(path), scale
    return adapter


def default_threads() -> int:
    """Half of the CPUs, but at least 1 and at most 8.

    The threads wait for one another at each layer, so one thread without a CPU delays them all.

    On 2 cores shared with speech recognition and synthesis, one thread wrote 30 tokens/s and two threads 3. Alone on
    the machine, two threads read a prompt in half the time of one; with the other services running they don't
    (docs/adr/0023).
    """
    return max(1, min(len(os.sched_getaffinity(0)) // 2, MAX_DEFAULT_THREADS))


if __name__ == "__main__":
    main()
