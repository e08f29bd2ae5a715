# The only commands a developer needs. They want Python >= 3.11 and make; uv is fetched when missing.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup test-tools demo history test test-long check serve bench docs lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
export UV_NO_CONFIG := 1
export UV_PYTHON_DOWNLOADS := never

help: ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## make .venv with everything that running, testing and developing need

demo: setup ## a server on loopback; a small vulnerable shop is refused, mended and let in
	@$(BIN)/python -P examples/demo

test-tools: ## install the Debian packages that some tests use (as root)
	@apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq curl fish git jq prometheus shellcheck strace wrk zsh >/dev/null

test: check ## run the checks and all tests
	@$(BIN)/python -P -m pytest -n auto -q

test-long: check ## the tests above and the long forms: more examples, larger inputs
	@GATEKEEPER_LONG=1 $(BIN)/python -P -m pytest -n auto -q

check: setup ## format check, lint, types, layers, policies
	@$(BIN)/ruff format --check -q . && $(BIN)/ruff check -q .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/gatekeeper policy test rules/policies/*.yaml examples/shop-gate.yaml examples/history/company.yaml

history: setup ## half a year of decisions of forty projects, in build/history; some minutes
	@$(BIN)/python -P examples/history $(HISTORY)

serve: setup ## the demo, and its server on port 8080 until Ctrl-C
	@$(BIN)/python -P examples/demo --serve

bench: setup $(VENV)/.bench ## print the measured figures of this machine, peers in the same run (needs wrk)
	@$(BIN)/python benchmarks/run.py

docs: setup ## write docs/reference/ again from the tables of the code
	@$(BIN)/python -P docs/generate.py >/dev/null

lock: ## make requirements/*.txt again from pyproject.toml
	@UV="$(UV)" PYTHON="$(PYTHON)" bash requirements/lock.sh

clean: ## remove what the commands above made in this folder
	@rm -rf $(VENV) .tools build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Gatekeeper needs Python >= 3.11; '$(PYTHON)' is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "fetching uv (once, into .tools)" >&2
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt

$(VENV)/.ready: requirements/dev.txt pyproject.toml | $(filter .tools/bin/uv,$(UV))
	@echo "making $(VENV) (once)" >&2
	@$(UV) venv -q --allow-existing --python $(PYTHON) $(VENV)
	@$(UV) pip sync -q --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.bench: requirements/bench.txt $(VENV)/.ready
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/bench.txt
	@touch $@
