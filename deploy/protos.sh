#!/usr/bin/env bash
# Generates the gRPC stubs in protos/python from protos/aitalk. With --check it only says whether they are up to date.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/${VENV:-.venv}/bin
out=protos/python
if [[ ${1:-} == --check ]]; then out=$(mktemp -d); trap 'rm -rf "$out"' EXIT; fi
find "$out" -name '*_pb2*' -delete
mapfile -t sources < <(cd protos && find aitalk -name '*.proto' | sort)
PATH=$bin:$PATH "$bin/python" -W ignore -m grpc_tools.protoc -I protos --python_out="$out" --grpc_python_out="$out" \
  --mypy_out=quiet:"$out" --mypy_grpc_out=quiet:"$out" "${sources[@]}"
find "$out" -name 'engine_pb2_grpc.py*' -delete # no service in it
# `aitalk` itself is a namespace package (PEP 420): clients/python adds `aitalk.client` to it.
find "$out/aitalk" -mindepth 1 -type d ! -name __pycache__ -exec touch {}/__init__.py \;
for package in "$out"/aitalk/*/; do touch "$package/py.typed"; done
if [[ ${1:-} == --check ]]; then
  diff -r -x __pycache__ "$out" protos/python || { echo "stubs differ from protos: run make protos" >&2; exit 1; }
fi
