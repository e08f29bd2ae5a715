#!/usr/bin/env bash
# Makes the hashed requirement files again. Needs uv (UV=...), reaches the package index.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { # OUTPUT ARGUMENT...
  local output=$1
  shift
  "${UV:-uv}" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-header --no-annotate "$@" -o "$output"
}
printf 'uv\n' | compile requirements/uv.txt -
compile requirements/core.txt pyproject.toml
compile requirements/server.txt pyproject.toml --extra server
compile requirements/dev.txt pyproject.toml --extra server --group dev
compile requirements/bench.txt pyproject.toml --extra server --group dev --group bench
for manifest in scanners/*/requirements.in; do
  compile "${manifest%.in}.txt" "$manifest"
done
