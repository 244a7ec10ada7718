#!/usr/bin/env bash
# Finding: LiteLLM's proxy, installed as `litellm[proxy]` and started with a master key, answers HTTP 500 to a request
# that has no key, in place of 401.
#
# Version: litellm[proxy] 1.108.7, CPython 3.11, Linux x86-64; no database, as in its quick start.
# Expected: HTTP 401 with an error of type `auth_error`, as with the other extra, `litellm[extra_proxy]`.
# Seen: HTTP 500, "Internal Server Error", for /v1/models and /v1/chat/completions. The log ends with
#   "ModuleNotFoundError: No module named 'prisma'": the code that answers a failed log-in first imports the database's
#   client, which only the other extra installs. With the key, the same requests are answered (200).
# Who is hurt: operators who forget to give a client the key. OpenAI's clients repeat a request after 500, but not after
#   401. A program that waits for its model server waits for ever, and no message says that the key is missing.
# Valid input: GET /v1/models, with and without the header `Authorization`. Fails unless the first gives 200, the second
#   500, and the log names the module.
set -euo pipefail
folder=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'litellm[proxy]==1.108.7'
cat > "$folder/config.yaml" <<'YAML'
model_list:
  - model_name: tutor
    litellm_params: {model: openai/any, api_base: "http://127.0.0.1:9/v1", api_key: none}
YAML
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_MASTER_KEY=sk-for-this-test-only "$folder/venv/bin/litellm" \
  --config "$folder/config.yaml" --host 127.0.0.1 --port "$port" > "$folder/log" 2>&1 &
pid=$!
status() { curl --silent --noproxy '*' --max-time 20 --output /dev/null --write-out '%{http_code}' "$@" "http://127.0.0.1:$port/v1/models" || true; }
with=000
for _ in $(seq 120); do
  with=$(status --header 'Authorization: Bearer sk-for-this-test-only')
  [ "$with" != 000 ] && break
  kill -0 "$pid" || { cat "$folder/log"; exit 1; }
  sleep 2
done
without=$(status)
echo "with the key: HTTP $with; without one: HTTP $without"
grep --max-count 1 "No module named 'prisma'" "$folder/log"
[ "$with" = 200 ] && [ "$without" = 500 ]
